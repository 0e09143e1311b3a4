/** This file is how a consent ends: with a session in the browser that began it, or with a code for the frontend that asked. */

import { now } from '../../clock.ts'
import type { Bundle } from '../../config/bundles.ts'
import { randomId } from '../../crypto/digest.ts'
import { BrokerError } from '../../errors.ts'
import type { Tokens } from '../../google/token-endpoint.ts'
import type { ConnectError, ConnectResult } from '../../protocol/http.ts'
import { readCookies } from '../../session/cookies.ts'
import { bindPending, type PendingAuthorization } from '../../session/pending-authorization.ts'
import { sealSession } from '../../session/session-cookie.ts'
import { sealToken } from '../../session/tokens.ts'
import type { Consent } from '../../subject/grant.ts'
import { askSubject } from '../../subject/stub.ts'
import { findBundle, findCookieClient, findOAuthClient } from '../guards/lookup.ts'
import { audit, type BrokerContext, setAuditFields } from '../http/context.ts'
import { popupPage } from '../http/pages.ts'
import { type AnswerTarget, answerAuthorization } from './authorization-response.ts'
import { keepOpener, startAuthorization } from './authorization-start.ts'

/** A consent whose code was exchanged and whose ID token was checked. */
export interface Consented {
  pending: PendingAuthorization
  bundle: Bundle
  tokens: Tokens
  /** The account at the provider. */
  sub: string
}

/** What is left to do: the answer. */
export type Finish = () => Response | Promise<Response>

/** So long a code can be redeemed; RFC 6749 §4.1.2. */
const CODE_SECONDS = 60

/** Finds the bundle a pending authorization is for, in the configuration of today. */
export function bundleOf(
  c: BrokerContext,
  { authorization, client, bundle }: PendingAuthorization,
): Bundle {
  const config = c.get('config')
  const found = authorization ? findOAuthClient(config, client) : findCookieClient(config, client)
  return findBundle(config, found, bundle)
}

/** Keeps the consent, and begins a session in this browser. */
export async function beginSession(
  c: BrokerContext,
  cookie: string,
  consented: Consented,
): Promise<Finish> {
  const config = c.get('config')
  const { pending, sub } = consented
  const { client } = pending
  const subject = await config.pseudonyms.subjectKey({ client, iss: config.issuer, sub })
  setAuditFields(c, { subject })
  if (pending.session && pending.session.subject !== subject)
    return () => redirectToClient(c, pending, 'account_mismatch')
  const accepted = await askSubject(c.env.SUBJECTS, subject, (stub) =>
    stub.acceptConsent(toConsent(consented, true)),
  )
  if (accepted.result === 'refresh_token_missing') return askAgain(c, consented)
  if (!accepted.session) throw new BrokerError('server_error', 'session_missing')
  const { id, family_id } = accepted.session
  const exp = now() + config.session_ttl_seconds
  const cookies = readCookies(c.req.header('Cookie'))
  for (const value of [
    await sealSession(config, { id, client, sub, subject, exp }),
    ...(await bindPending(config, cookies, cookie, client, { family_id, subject })),
  ]) {
    c.header('Set-Cookie', value, { append: true })
  }
  const { result } = accepted
  return () => redirectToClient(c, pending, result === 'ok' ? undefined : result)
}

/** Has the consent wait, and issues the code for it: whoever cannot redeem that, gets nothing of it (TMB-16). */
export async function issueCode(
  c: BrokerContext,
  authorization: NonNullable<PendingAuthorization['authorization']>,
  consented: Consented,
): Promise<Finish> {
  const config = c.get('config')
  const { pending, sub } = consented
  const { client, bundle, return_to: redirect_uri } = pending
  const { app_user, code_challenge, dpop_jkt } = authorization
  const subject =
    app_user?.subject ?? (await config.pseudonyms.subjectKey({ client, iss: config.issuer, sub }))
  setAuditFields(c, { subject })
  const id = randomId()
  const exp = now() + CODE_SECONDS
  try {
    const consent = toConsent(consented, app_user === undefined)
    const stored = await askSubject(c.env.SUBJECTS, subject, (stub) =>
      stub.storePendingGrant({ id, consent, expires_at: exp }),
    )
    if (stored === 'refresh_token_missing') return askAgain(c, consented)
  } catch (error) {
    if (error instanceof BrokerError && error.failure.reason === 'account_mismatch')
      return () => redirectToClient(c, pending, 'account_mismatch')
    throw error
  }
  const code = await sealToken(config, 'code', {
    ...{ id, client, bundle, subject, redirect_uri, code_challenge, exp },
    ...(dpop_jkt === undefined ? {} : { dpop_jkt }),
    sub: app_user?.sub ?? sub,
    is_app_user: app_user !== undefined,
  })
  return () => {
    audit(c, 'connect_finished', { outcome: 'ok' })
    return answerAuthorization(c, targetOf(pending, authorization), { code })
  }
}

/** Sends the user back to where they began, with the outcome and nothing else (TMB-17). */
export function redirectToClient(
  c: BrokerContext,
  pending: PendingAuthorization,
  error: ConnectError | undefined,
): Response | Promise<Response> {
  const { authorization, bundle, display, return_to } = pending
  audit(c, 'connect_finished', { outcome: error ?? 'ok' })
  if (authorization) {
    const target = targetOf(pending, authorization)
    return answerAuthorization(c, target, { error: error ?? 'server_error' })
  }
  const result: ConnectResult = {
    connect: error === undefined ? 'ok' : 'error',
    bundle,
    ...(error === undefined ? {} : { error }),
  }
  const url = new URL(return_to)
  if (display === 'popup')
    return popupPage(c, {
      message: { type: 'photos-token-broker', ...result },
      origin: url.origin,
      is_good: error === undefined,
    })
  for (const name of ['connect', 'bundle', 'error']) {
    if (url.searchParams.has(name)) url.searchParams.delete(name)
  }
  const outcome = new URLSearchParams({ ...result }).toString()
  url.search = url.search === '' ? outcome : `${url.search}&${outcome}`
  keepOpener(c)
  return c.redirect(url.href, 303)
}

/** Google sent no refresh token, and none is held: the user is asked once more, this time for one. */
function askAgain(c: BrokerContext, { pending, bundle, sub }: Consented): Finish {
  if (pending.consent_prompted)
    throw new BrokerError('server_error', 'google_issues_no_refresh_token')
  const client = c.get('config').clients.get(pending.client)
  if (!client) throw new BrokerError('invalid_request', 'client_unknown')
  const { return_to, display, session, authorization } = pending
  return () =>
    startAuthorization(c, {
      ...{ client, bundle, return_to, display },
      ...(session ? { session } : {}),
      ...(authorization ? { authorization } : {}),
      select_account: false,
      login_hint: sub,
      needs_refresh_token: true,
    })
}

function targetOf(
  { display, return_to }: PendingAuthorization,
  { state }: NonNullable<PendingAuthorization['authorization']>,
): AnswerTarget {
  const response_mode = display === 'popup' ? 'web_message' : 'query'
  return { redirect_uri: return_to, response_mode, ...(state === undefined ? {} : { state }) }
}

function toConsent({ pending, bundle, tokens, sub }: Consented, begins_session: boolean): Consent {
  return {
    sub,
    requested_scope: bundle.scopes.join(' '),
    tokens: { ...tokens, scope: tokens.scope.join(' ') },
    began_at: pending.iat,
    ...(pending.session ? { family_id: pending.session.family_id } : {}),
    begins_session,
  }
}
