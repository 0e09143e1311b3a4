/** The steps of a callback that both modes share: exchange the code, ask for a refresh token, map errors. */

import type { Bundle } from '../../config/bundles.ts'
import type { Client } from '../../config/clients.ts'
import { sha256 } from '../../crypto/digest.ts'
import { BrokerError, type Failure, failureOf } from '../../errors.ts'
import { exchangeCode } from '../../google/token-endpoint.ts'
import type { ConnectError, ErrorCode } from '../../protocol/http.ts'
import { useOnce } from '../../session/one-time-use.ts'
import { PENDING_SECONDS, type PendingAuthorization } from '../../session/pending-authorization.ts'
import type { Consent } from '../../subject/grant.ts'
import { findBundle } from '../guards/lookup.ts'
import { auditFailure, type BrokerContext } from '../http/context.ts'
import { startAuthorization } from './authorization-start.ts'

/** The errors that the client gets as they are; all others become `server_error`. */
const CONNECT_ERRORS: readonly ErrorCode[] = [
  'access_denied',
  'account_mismatch',
  'consent_required',
  'temporarily_unavailable',
]

/** What Google granted for a pending authorization. */
export interface Exchanged {
  client: Client
  bundle: Bundle
  /** The consent; each mode adds whether it begins a session. */
  consent: Omit<Consent, 'begins_session'>
}

/**
 * Exchanges the code of an authorization response. The pending authorization is used up first, so that a second
 * callback with the same state is refused at every location (TMB-11).
 *
 * @param client as it is configured now
 * @throws {BrokerError} invalid_request: the state was used before; else what `findBundle` and `exchangeCode` throw
 */
export async function exchange(
  c: BrokerContext,
  pending: PendingAuthorization,
  client: Client,
  code: string,
): Promise<Exchanged> {
  const config = c.get('config')
  const bundle = findBundle(config, client, pending.bundle)
  const name = `pending/${await sha256(pending.state)}`
  if (!(await useOnce(c.env, name, pending.iat + PENDING_SECONDS)))
    throw new BrokerError('state_used')
  const expected = { ...pending, scopes: bundle.scopes }
  const { tokens, sub } = await exchangeCode(config, code, expected)
  const consent = {
    sub,
    requested_scope: bundle.scopes.join(' '),
    tokens: { ...tokens, scope: tokens.scope.join(' ') },
    began_at: pending.iat,
    family_id: pending.session?.family_id,
  }
  return { client, bundle, consent }
}

/**
 * Sends the user to Google a second time, with `prompt=consent`, because Google issued no refresh token and none
 * is stored.
 *
 * @throws {BrokerError} server_error: `prompt=consent` was sent already
 */
export function askForRefreshToken(
  c: BrokerContext,
  { consent_prompted, return_to, display, session, authorization }: PendingAuthorization,
  { client, bundle, consent }: Exchanged,
): Promise<Response> {
  if (consent_prompted) throw new BrokerError('google_issues_no_refresh_token')
  return startAuthorization(c, {
    ...{ client, bundle, return_to, display, session, authorization },
    select_account: false,
    login_hint: consent.sub,
    needs_refresh_token: true,
  })
}

/** A failure that the client gets to know. */
export type ConnectFailure = Failure & { code: ConnectError }

/**
 * Records a failure after the state check, and maps it to the one that the client gets.
 *
 * @throws {BrokerError} invalid_request: the callback is answered here, not at the client
 */
export function toConnectFailure(c: BrokerContext, error: unknown): ConnectFailure {
  const failure = failureOf(error)
  if (failure.code === 'invalid_request') throw error
  auditFailure(c, error)
  return asConnectFailure(failure)
}

/** Maps the codes that the client does not get to `server_error`. */
export function asConnectFailure(failure: Failure): ConnectFailure {
  const isKnown = CONNECT_ERRORS.includes(failure.code)
  return { ...failure, code: isKnown ? (failure.code as ConnectError) : 'server_error' }
}
