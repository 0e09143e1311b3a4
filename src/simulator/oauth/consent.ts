/** The rules of consent: which scopes are asked for, which have a box, and which are granted. */

import { isSignIn } from '../google-scopes.ts'
import type { AuthorizationRequest } from './authorization-request.ts'

/** The answer of a user on the consent page. */
export interface Choice {
  /** Scopes with a ticked box. */
  ticked: readonly string[]
  /** Duration of time-limited access, in seconds. */
  lasts_seconds?: number
}

/** Lists the scopes to ask for: those without consent, or with `prompt=consent` all. */
export function needsConsent(
  request: AuthorizationRequest,
  consented: readonly string[],
): string[] {
  if (request.prompt.includes('consent')) return request.scopes
  return request.scopes.filter((scope) => !consented.includes(scope))
}

/**
 * Lists the scopes with a box: all but those for sign-in. There is no box for a scope that is requested alone.
 *
 * @see https://developers.google.com/identity/protocols/oauth2/resources/granular-permissions
 */
export function boxes(request: AuthorizationRequest, asked: readonly string[]): string[] {
  return request.scopes.length > 1 ? asked.filter((scope) => !isSignIn(scope)) : []
}

/**
 * Decides which scopes are granted.
 *
 * @param choice `undefined` if nothing was asked
 * @returns `now`: the scopes of this consent; `scopes`: the scopes of the code
 */
export function decideScopes(
  request: AuthorizationRequest,
  consented: readonly string[],
  choice: Choice | undefined,
): { now: string[]; scopes: string[] } {
  const now = choice ? allowedScopes(request, consented, choice) : []
  const before = choice && request.prompt.includes('consent') ? [] : consented
  const scopes = request.scopes.filter((scope) => now.includes(scope) || before.includes(scope))
  return { now, scopes }
}

function allowedScopes(
  request: AuthorizationRequest,
  consented: readonly string[],
  choice: Choice,
): string[] {
  const asked = needsConsent(request, consented)
  const withBox = boxes(request, asked)
  return asked.filter((scope) => !withBox.includes(scope) || choice.ticked.includes(scope))
}
