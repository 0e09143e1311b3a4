/** This file is `GET /callback`: a browser comes back from Google, and every step it might have skipped is checked. */

import { sha256 } from '../crypto/digest.ts'
import { BrokerError, failureOf } from '../errors.ts'
import { checkAuthorizationResponse } from '../google/authorization-endpoint.ts'
import { exchangeCode } from '../google/token-endpoint.ts'
import type { ConnectError } from '../protocol/http.ts'
import { clearedCookie, readCookies } from '../session/cookies.ts'
import { useOnce } from '../session/one-time-use.ts'
import {
  openPending,
  PENDING_SECONDS,
  type PendingAuthorization,
} from '../session/pending-authorization.ts'
import {
  beginSession,
  bundleOf,
  type Finish,
  issueCode,
  redirectToClient,
} from './consent/finish.ts'
import { limitAddress } from './guards/limits.ts'
import {
  type BrokerContext,
  isPrefetch,
  readQuery,
  recordFailure,
  setAuditFields,
} from './http/context.ts'

/**
 * Finishes a consent.
 *
 * Until `state` has named a pending authorization of this very browser, and `iss` is right, nothing is
 * redirected, set or sent: the answer is a plain error (TMB-10, TMB-12). From then on the user goes back to
 * where they began, whatever happened.
 *
 * @see RFC 6749 §4.1.2, RFC 9207 §2.4, RFC 9700 §4.7
 */
export async function callback(c: BrokerContext): Promise<Response> {
  if (isPrefetch(c)) throw new BrokerError('invalid_request', 'prefetch')
  const config = c.get('config')
  const query = readQuery(c)
  const cookies = readCookies(c.req.header('Cookie'))
  const opened = await openPending(config, query.get('state') ?? '', cookies)
  if (!opened) throw new BrokerError('invalid_request', 'state_unknown')
  const { pending, cookie } = opened
  setAuditFields(c, { client: pending.client, bundle: pending.bundle })
  await limitAddress(c, 'CALLBACK_LIMIT') // each of these costs a call to Google
  try {
    const response = await checkAuthorizationResponse(config, query, pending.state)
    const finish =
      'error' in response
        ? () => redirectToClient(c, pending, response.error)
        : await acceptCode(c, pending, cookie, response.code)
    c.header('Set-Cookie', clearedCookie(cookie), { append: true })
    return await finish()
  } catch (error) {
    const failure = failureOf(error)
    if (failure.code === 'invalid_request') throw error
    recordFailure(c, error)
    c.header('Set-Cookie', clearedCookie(cookie), { append: true })
    return redirectToClient(c, pending, connectError(failure.code))
  }
}

/** Exchanges the code, once, and has the subject keep what came of it; what is left to do is answered. */
async function acceptCode(
  c: BrokerContext,
  pending: PendingAuthorization,
  cookie: string,
  code: string,
): Promise<Finish> {
  const bundle = bundleOf(c, pending)
  await consume(c, pending)
  const { tokens, sub } = await exchangeCode(c.get('config'), code, {
    ...pending,
    scopes: bundle.scopes,
  })
  const consented = { pending, bundle, tokens, sub }
  const { authorization } = pending
  return authorization ? issueCode(c, authorization, consented) : beginSession(c, cookie, consented)
}

/** Uses a pending authorization up, before its code goes anywhere; at whatever place another copy arrives (TMB-11). */
async function consume(
  { env }: BrokerContext,
  { state, iat }: PendingAuthorization,
): Promise<void> {
  const name = `pending/${await sha256(state)}`
  if (!(await useOnce(env, name, iat + PENDING_SECONDS)))
    throw new BrokerError('invalid_request', 'state_used')
}

function connectError(code: string): ConnectError {
  return code === 'access_denied' ||
    code === 'consent_required' ||
    code === 'temporarily_unavailable'
    ? code
    : 'server_error'
}
