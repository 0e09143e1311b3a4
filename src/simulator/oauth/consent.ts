/** This file is the rules of consent: what has to be asked, and what was allowed. */

import { isSignIn } from '../google-scopes.ts'
import type { AuthorizationRequest } from './authorization-request.ts'

/** What a person decided on the consent page. */
export interface Choice {
  /** Scopes whose box is ticked. */
  ticked: readonly string[]
  /** Of time-limited access. */
  lasts_seconds?: number
}

/** Lists the scopes a person has to be asked for: the new ones, or with `prompt=consent` all. */
export function needsConsent(request: AuthorizationRequest, held: readonly string[]): string[] {
  if (request.prompt.includes('consent')) return request.scopes
  return request.scopes.filter((scope) => !held.includes(scope))
}

/** Lists the scopes that have a box of their own: with one scope beside those for sign-in, it is all or nothing. */
export function boxes(asked: readonly string[]): string[] {
  const theirs = asked.filter((scope) => !isSignIn(scope))
  return theirs.length > 1 ? theirs : []
}

/**
 * Settles what an app gets.
 *
 * @param choice missing when there was nothing to ask
 * @returns `now`: what was allowed just now; `scopes`: all that the code will be good for
 */
export function decide(
  request: AuthorizationRequest,
  held: readonly string[],
  choice: Choice | undefined,
): { now: string[]; scopes: string[] } {
  const now = choice ? allowed(request, held, choice) : []
  const before = choice && request.prompt.includes('consent') ? [] : held
  const scopes = request.scopes.filter((scope) => now.includes(scope) || before.includes(scope))
  return { now, scopes }
}

function allowed(request: AuthorizationRequest, held: readonly string[], choice: Choice): string[] {
  const asked = needsConsent(request, held)
  const withBox = boxes(asked)
  return asked.filter((scope) => !withBox.includes(scope) || choice.ticked.includes(scope))
}
