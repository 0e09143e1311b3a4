/** The end of a consent in cookie mode: stores the grant, begins a session in this browser, returns to the app. */

import { now } from '../../clock.ts'
import { BrokerError } from '../../errors.ts'
import type { AuthorizationResponse } from '../../google/authorization-endpoint.ts'
import type { ConnectError, ConnectResult } from '../../protocol/http.ts'
import { readCookies } from '../../session/cookies.ts'
import { bindPending, type PendingAuthorization } from '../../session/pending-authorization.ts'
import { sealSession } from '../../session/session-cookie.ts'
import { askSubject } from '../../subject/stub.ts'
import { findCookieClient } from '../guards/lookup.ts'
import { audit, type BrokerContext, setAuditFields } from '../http/context.ts'
import { keepOpener } from '../http/headers.ts'
import { popupPage } from '../http/pages.ts'
import { asConnectFailure, askForRefreshToken, exchange, toConnectFailure } from './exchange.ts'

/**
 * Finishes a consent that began at `/connect`.
 *
 * @param cookie the name of the pending authorization's cookie
 * @throws {BrokerError} invalid_request: the state was used before, or the client is no longer configured
 */
export async function finishCookieMode(
  c: BrokerContext,
  pending: PendingAuthorization,
  cookie: string,
  response: AuthorizationResponse,
): Promise<Response> {
  const config = c.get('config')
  try {
    if ('failure' in response)
      return await returnToApp(c, pending, asConnectFailure(response.failure).code)
    const client = findCookieClient(config, pending.client)
    const exchanged = await exchange(c, pending, client, response.code)
    const { sub } = exchanged.consent
    const identity = { client: client.id, iss: config.issuer, sub }
    const subject = await config.pseudonyms.subjectKey(identity)
    setAuditFields(c, { subject })
    if (pending.session && pending.session.subject !== subject)
      return await returnToApp(c, pending, 'account_mismatch')
    const accepted = await askSubject(c.env.SUBJECTS, subject, (stub) =>
      stub.acceptConsent({ ...exchanged.consent, begins_session: true }),
    )
    if (accepted.result === 'refresh_token_missing')
      return await askForRefreshToken(c, pending, exchanged)
    if (!accepted.session) throw new BrokerError('session_missing')
    const { id, family_id } = accepted.session
    const exp = now() + config.session_ttl_seconds
    const cookies = readCookies(config, c.req.header('Cookie'))
    for (const value of [
      await sealSession(config, { id, client: client.id, sub, subject, exp }),
      ...(await bindPending(config, cookies, cookie, client.id, { family_id, subject })),
    ]) {
      c.header('Set-Cookie', value, { append: true })
    }
    return await returnToApp(c, pending, accepted.result)
  } catch (error) {
    return returnToApp(c, pending, toConnectFailure(c, error).code)
  }
}

/** Returns to where the consent began, with the result and nothing else (TMB-17). */
function returnToApp(
  c: BrokerContext,
  { bundle, display, return_to }: PendingAuthorization,
  outcome: 'ok' | ConnectError,
): Response | Promise<Response> {
  audit(c, 'connect_finished', { outcome })
  const result: ConnectResult =
    outcome === 'ok' ? { connect: 'ok', bundle } : { connect: 'error', bundle, error: outcome }
  const url = new URL(return_to)
  if (display === 'popup')
    return popupPage(c, {
      message: { type: 'photos-token-broker', ...result },
      origin: url.origin,
      is_connected: outcome === 'ok',
    })
  for (const name of ['connect', 'bundle', 'error']) {
    // `delete` would rewrite the query even if it removes nothing.
    if (url.searchParams.has(name)) url.searchParams.delete(name)
  }
  const search = new URLSearchParams({ ...result }).toString()
  url.search = url.search === '' ? search : `${url.search}&${search}`
  keepOpener(c)
  return c.redirect(url.href, 303)
}
