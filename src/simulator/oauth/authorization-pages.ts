/**
 * This file is the authorization endpoint: which account, what it allows, and the way back to the app.
 *
 * Without a browser, one form post is enough, whether a page would be shown or not: `POST /o/oauth2/v2/auth/consent` with the fields
 * - `request`: the query of the authorization request, as it is in the URL
 * - `account`: `sub` of the account
 * - `action`: `Continue` or `Cancel`
 * - `scope`: once for each ticked box; boxes exist when more than one scope is asked that is not for sign-in
 * - `lasts`: seconds of time-limited access; empty or left out: until the person removes it
 */

import type { Context } from 'hono'
import { readForm } from '../endpoints.ts'
import { chooserPage } from '../pages/chooser.ts'
import { consentPage } from '../pages/consent.ts'
import { refusalPage } from '../pages/refusal.ts'
import type { Simulation } from '../simulation.ts'
import type { Account } from '../world.ts'
import {
  type AuthorizationRequest,
  type Refusal,
  readAuthorizationRequest,
} from './authorization-request.ts'
import { issueCode } from './code.ts'
import { type Choice, decide, needsConsent } from './consent.ts'
import { heldScopes, recordConsent } from './consents.ts'
import { redirectBack } from './redirect.ts'
import { signedIn, signIn } from './signed-in.ts'

type Answer = Response | Promise<Response>

/** Answers `GET /o/oauth2/v2/auth`. */
export function authorize(simulation: Simulation, c: Context): Answer {
  const request = readAuthorizationRequest(simulation, new URL(c.req.url).searchParams)
  if ('error' in request) return refusalPage(c, request)
  const account = silentAccount(simulation, c, request)
  if (account) return proceed(simulation, c, request, account)
  if (request.prompt.includes('none'))
    return redirectBack(simulation, c, request, { error: 'login_required' })
  return chooserPage(c, simulation, request)
}

/** Answers `POST /o/oauth2/v2/auth/account`: signs in to the account that was chosen. */
export async function chooseAccount(simulation: Simulation, c: Context): Promise<Response> {
  const { request, account } = readStep(simulation, await readForm(c))
  if ('error' in request) return refusalPage(c, request)
  if (!account) return chooserPage(c, simulation, request)
  signIn(simulation, c, account)
  return proceed(simulation, c, request, account)
}

/** Answers `POST /o/oauth2/v2/auth/consent`: what the person pressed. */
export async function consent(simulation: Simulation, c: Context): Promise<Response> {
  const form = await readForm(c)
  const { request, account } = readStep(simulation, form)
  if ('error' in request) return refusalPage(c, request)
  if (!account) return chooserPage(c, simulation, request)
  if (form.get('action') !== 'Continue')
    return redirectBack(simulation, c, request, { error: 'access_denied' })
  const held = heldScopes(simulation, request.client.client_id, account.sub)
  // A form sent although nobody would be asked, or sent twice: Google waves it through.
  if (needsConsent(request, held).length === 0) return finish(simulation, c, request, account)
  const lasts = Number(form.get('lasts') ?? '')
  return finish(simulation, c, request, account, {
    ticked: form.getAll('scope'),
    ...(lasts > 0 ? { lasts_seconds: lasts } : {}),
  })
}

/** Goes on with an account: straight back to the app when it has been allowed everything, else to the consent page. */
function proceed(
  simulation: Simulation,
  c: Context,
  request: AuthorizationRequest,
  account: Account,
): Answer {
  const held = heldScopes(simulation, request.client.client_id, account.sub)
  const asked = needsConsent(request, held)
  if (asked.length === 0) return finish(simulation, c, request, account)
  if (request.prompt.includes('none'))
    return redirectBack(simulation, c, request, { error: 'consent_required' })
  const known = request.scopes.filter((scope) => !asked.includes(scope))
  return consentPage(c, simulation, { request, account, asked, known })
}

/** Goes back to the app with a code. A refresh token comes with it only when the person was asked. */
function finish(
  simulation: Simulation,
  c: Context,
  request: AuthorizationRequest,
  { sub, hd }: Account,
  choice?: Choice,
): Response {
  const { client_id } = request.client
  const { now, scopes } = decide(request, heldScopes(simulation, client_id, sub), choice)
  if (scopes.length === 0) return redirectBack(simulation, c, request, { error: 'access_denied' })
  const lasts = choice?.lasts_seconds
  const expires_at = lasts === undefined ? undefined : simulation.now() + lasts
  recordConsent(simulation, { client_id, sub, scopes: now, expires_at })
  const everything = request.include_granted_scopes ? heldScopes(simulation, client_id, sub) : []
  const granted = [...new Set([...scopes, ...everything])]
  const code = issueCode(simulation, {
    client_id,
    sub,
    scopes: granted,
    redirect_uri: request.redirect_uri,
    nonce: request.nonce,
    code_challenge: request.code_challenge,
    offline: request.access_type === 'offline' && choice !== undefined,
    access_expires_at: expires_at,
  })
  return redirectBack(simulation, c, request, {
    code,
    scope: granted.join(' '),
    authuser: '0',
    ...(hd === undefined ? {} : { hd }),
    prompt: choice ? 'consent' : 'none',
  })
}

/** Whom Google does not ask to choose: the one hinted at, or the only one, if signed in to. */
function silentAccount(
  simulation: Simulation,
  c: Context,
  { prompt, login_hint, hd }: AuthorizationRequest,
): Account | undefined {
  if (prompt.includes('select_account')) return undefined
  const candidates = signedIn(simulation, c)
    .filter((one) => login_hint === undefined || [one.sub, one.email].includes(login_hint))
    .filter((one) => hd === undefined || one.hd === hd)
  return candidates.length === 1 ? candidates[0] : undefined
}

/** Reads what every form carries. Nothing is believed because it was checked a page earlier. */
function readStep(
  simulation: Simulation,
  form: URLSearchParams,
): { request: AuthorizationRequest | Refusal; account: Account | undefined } {
  const query = new URLSearchParams(form.get('request') ?? '')
  return {
    request: readAuthorizationRequest(simulation, query),
    account: simulation.world.accounts.find((one) => one.sub === form.get('account')),
  }
}
