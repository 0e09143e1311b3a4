/** `GET /callback`: the browser returns from Google with an authorization response. */

import { BrokerError } from '../errors.ts'
import { checkAuthorizationResponse } from '../google/authorization-endpoint.ts'
import { type Cookies, PENDING_COOKIE_PREFIX, readCookies } from '../session/cookies.ts'
import { openFinished, openPending, sealFinished } from '../session/pending-authorization.ts'
import { toConnectFailure } from './consent/exchange.ts'
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
  if (isPrefetch(c)) throw new BrokerError('prefetch')
  const query = readQuery(c)
  const cookies = readCookies(c.get('config'), c.req.header('Cookie'))
  const state = query.get('state') ?? ''
  const opened = await openPending(c.get('config'), state, cookies)
  if (!opened) throw await unknownState(c, state, cookies)
  const { pending, cookie } = opened
  setAuditFields(c, { client: pending.client, bundle: pending.bundle })
  await limit(c, 'CALLBACK_LIMIT') // each callback costs a request to Google
  // Throws for a malformed response. A failed discovery is reported to the client like an error response of Google.
  const response = await checkAuthorizationResponse(c.get('config'), query, pending.state).catch(
    (error: unknown) => ({ failure: toConnectFailure(c, error) }),
  )
  const { authorization } = pending
  const answer = await (authorization
    ? finishOAuthMode(c, { ...pending, authorization }, response)
    : finishCookieMode(c, pending, cookie, response))
  const finished = await sealFinished(c.get('config'), cookie, pending)
  answer.headers.append('Set-Cookie', finished)
  return answer
}

/** Says why no pending authorization fits: it is finished, its cookie did not come, or it never began here. */
async function unknownState(
  c: BrokerContext,
  state: string,
  cookies: Cookies,
): Promise<BrokerError> {
  const back = await openFinished(c.get('config'), state, cookies)
  if (back !== undefined) return new BrokerError('consent_finished', { back })
  const hasCookies = cookies.names.some((name) => name.startsWith(PENDING_COOKIE_PREFIX))
  return new BrokerError(hasCookies ? 'state_unknown' : 'cookie_missing')
}
