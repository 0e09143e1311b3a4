/**
 * The authorization endpoint: choice of the account, consent, and the redirect to the app.
 *
 * Without a browser, one request is enough: `POST /o/oauth2/v2/auth/consent` with the form fields
 * - `request`: the query of the authorization request, as it is in the URL
 * - `account`: `sub` of the account
 * - `action`: `Continue` or `Cancel`
 * - `scope`: once for each ticked box; each scope that is not for sign-in has one, unless it is requested alone
 * - `lasts`: seconds of time-limited access; empty or absent: without a limit
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
import { type Choice, decideScopes, needsConsent } from './consent.ts'
import { consentedScopes, recordConsent } from './consents.ts'
import { redirectToClient } from './redirect.ts'
import { signedInAccounts, signIn } from './signed-in.ts'

/** Answers `GET /o/oauth2/v2/auth`. */
export function authorize(simulation: Simulation, c: Context): Response | Promise<Response> {
  const request = readAuthorizationRequest(simulation, new URL(c.req.url).searchParams)
  if ('error' in request) return refusalPage(c, request)
  const account = accountWithoutChoice(simulation, c, request)
  if (account) return continueWith(simulation, c, request, account)
  if (request.prompt.includes('none'))
    return redirectToClient(simulation, c, request, { error: 'login_required' })
  return chooserPage(c, simulation, request)
}

/** Answers `POST /o/oauth2/v2/auth/account`: signs in to the account that was chosen. */
export async function chooseAccount(simulation: Simulation, c: Context): Promise<Response> {
  const { request, account } = readRequestForm(simulation, await readForm(c))
  if ('error' in request) return refusalPage(c, request)
  if (!account) return chooserPage(c, simulation, request)
  signIn(simulation, c, account)
  return continueWith(simulation, c, request, account)
}

/** Answers `POST /o/oauth2/v2/auth/consent`: the answer of the user. */
export async function consent(simulation: Simulation, c: Context): Promise<Response> {
  const form = await readForm(c)
  const { request, account } = readRequestForm(simulation, form)
  if ('error' in request) return refusalPage(c, request)
  if (!account) return chooserPage(c, simulation, request)
  if (form.get('action') !== 'Continue')
    return redirectToClient(simulation, c, request, { error: 'access_denied' })
  const consented = consentedScopes(simulation, request.client.client_id, account.sub)
  // Nothing is left to ask, for example if the form is sent twice: Google redirects without a page.
  if (needsConsent(request, consented).length === 0)
    return redirectWithCode(simulation, c, request, account)
  const lasts = Number(form.get('lasts') ?? '')
  return redirectWithCode(simulation, c, request, account, {
    ticked: form.getAll('scope'),
    ...(lasts > 0 ? { lasts_seconds: lasts } : {}),
  })
}

/** Continues with an account: to the consent page, or to the app if the account consented to all scopes before. */
function continueWith(
  simulation: Simulation,
  c: Context,
  request: AuthorizationRequest,
  account: Account,
): Response | Promise<Response> {
  const consented = consentedScopes(simulation, request.client.client_id, account.sub)
  const asked = needsConsent(request, consented)
  if (asked.length === 0) return redirectWithCode(simulation, c, request, account)
  if (request.prompt.includes('none'))
    return redirectToClient(simulation, c, request, { error: 'consent_required' })
  const known = request.scopes.filter((scope) => !asked.includes(scope))
  return consentPage(c, simulation, { request, account, asked, known })
}

/** Redirects to the app with a code. A refresh token is issued with it only if the consent page was shown. */
function redirectWithCode(
  simulation: Simulation,
  c: Context,
  request: AuthorizationRequest,
  { sub, hd }: Account,
  choice?: Choice,
): Response {
  const { client_id } = request.client
  const { now, scopes } = decideScopes(request, consentedScopes(simulation, client_id, sub), choice)
  if (scopes.length === 0)
    return redirectToClient(simulation, c, request, { error: 'access_denied' })
  const lasts = choice?.lasts_seconds
  const expires_at = lasts === undefined ? undefined : simulation.now() + lasts
  recordConsent(simulation, { client_id, sub, scopes: now, expires_at })
  const everything = request.include_granted_scopes
    ? consentedScopes(simulation, client_id, sub)
    : []
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
  return redirectToClient(simulation, c, request, {
    code,
    scope: granted.join(' '),
    authuser: '0',
    ...(hd === undefined ? {} : { hd }),
    prompt: choice ? 'consent' : 'none',
  })
}

/** Finds the account if no choice is needed: the hinted one or the only one, if it is signed in. */
function accountWithoutChoice(
  simulation: Simulation,
  c: Context,
  { prompt, login_hint, hd }: AuthorizationRequest,
): Account | undefined {
  if (prompt.includes('select_account')) return undefined
  const candidates = signedInAccounts(simulation, c)
    .filter(({ sub, email }) => login_hint === undefined || [sub, email].includes(login_hint))
    .filter((account) => hd === undefined || account.hd === hd)
  return candidates.length === 1 ? candidates[0] : undefined
}

/** Reads the request and the account from a form. The request is validated again on every page. */
function readRequestForm(
  simulation: Simulation,
  form: URLSearchParams,
): { request: AuthorizationRequest | Refusal; account: Account | undefined } {
  const query = new URLSearchParams(form.get('request') ?? '')
  return {
    request: readAuthorizationRequest(simulation, query),
    account: simulation.world.accounts.find(({ sub }) => sub === form.get('account')),
  }
}
