/** `GET /callback`: the browser returns from Google with an authorization response. */

import { BrokerError } from '../errors.ts'
import { checkAuthorizationResponse } from '../google/authorization-endpoint.ts'
import { clearedCookie, readCookies } from '../session/cookies.ts'
import { openPending } from '../session/pending-authorization.ts'
import { toConnectError } from './consent/exchange.ts'
import { finishCookieMode } from './consent/finish-cookie-mode.ts'
import { finishOAuthMode } from './consent/finish-oauth-mode.ts'
import { limit } from './guards/limits.ts'
import { type BrokerContext, setAuditFields } from './http/context.ts'
import { isPrefetch, readQuery } from './http/read-request.ts'

/**
 * Finishes a consent, in the mode in which it began.
 *
 * If `state` matches no pending authorization of this browser, or `iss` is wrong, the answer is a plain error, and nothing
 * is redirected, set or sent (TMB-10, TMB-12). All other errors are reported to the client.
 *
 * @throws {BrokerError} invalid_request: the state is unknown or used, or the response is malformed
 * @see RFC 6749 §4.1.2, RFC 9207 §2.4, RFC 9700 §4.7
 */
export async function callback(c: BrokerContext): Promise<Response> {
  if (isPrefetch(c)) throw new BrokerError('invalid_request', 'prefetch')
  const query = readQuery(c)
  const cookies = readCookies(c.req.header('Cookie'))
  const opened = await openPending(c.get('config'), query.get('state') ?? '', cookies)
  if (!opened) throw new BrokerError('invalid_request', 'state_unknown')
  const { pending, cookie } = opened
  setAuditFields(c, { client: pending.client, bundle: pending.bundle })
  await limit(c, 'CALLBACK_LIMIT') // each callback costs a request to Google
  // Throws for a malformed response. A failed discovery is reported to the client like an error response of Google.
  const response = await checkAuthorizationResponse(c.get('config'), query, pending.state).catch(
    (error: unknown) => ({ error: toConnectError(c, error) }),
  )
  c.header('Set-Cookie', clearedCookie(cookie))
  const { authorization } = pending
  return authorization
    ? finishOAuthMode(c, { ...pending, authorization }, response)
    : finishCookieMode(c, pending, cookie, response)
}
