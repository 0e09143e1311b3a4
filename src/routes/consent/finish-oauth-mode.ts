/** The end of a consent in OAuth mode: stores a pending grant and sends the client the code that redeems it. */

import { now } from '../../clock.ts'
import { randomId } from '../../crypto/digest.ts'
import { BrokerError } from '../../errors.ts'
import type { AuthorizationResponse } from '../../google/authorization-endpoint.ts'
import type {
  AuthorizationBinding,
  PendingAuthorization,
} from '../../session/pending-authorization.ts'
import { sealToken } from '../../session/tokens.ts'
import { askSubject } from '../../subject/stub.ts'
import { findOAuthClient } from '../guards/lookup.ts'
import { audit, type BrokerContext, setAuditFields } from '../http/context.ts'
import { type AnswerTarget, answerAuthorization } from './authorization-response.ts'
import {
  asConnectFailure,
  askForRefreshToken,
  type ConnectFailure,
  exchange,
  toConnectFailure,
} from './exchange.ts'

/** A pending authorization that began at `/authorize`. */
type OAuthPending = PendingAuthorization & { authorization: AuthorizationBinding }

/** How long a code can be redeemed, in seconds; RFC 6749 §4.1.2. */
const CODE_SECONDS = 60

/**
 * Finishes a consent that began at `/authorize`. The grant is pending until the code is redeemed (TMB-16).
 *
 * @throws {BrokerError} invalid_request: the state was used before, or the client is no longer configured
 */
export async function finishOAuthMode(
  c: BrokerContext,
  pending: OAuthPending,
  response: AuthorizationResponse,
): Promise<Response> {
  const config = c.get('config')
  try {
    if ('failure' in response)
      return await returnError(c, pending, asConnectFailure(response.failure))
    const client = findOAuthClient(config, pending.client)
    const exchanged = await exchange(c, pending, client, response.code)
    const { account, app_user, code_challenge, dpop_jkt } = pending.authorization
    if (account !== undefined && account !== exchanged.consent.sub)
      throw new BrokerError('other_account')
    const identity = { client: client.id, iss: config.issuer, sub: exchanged.consent.sub }
    const subject = app_user?.subject ?? (await config.pseudonyms.subjectKey(identity))
    setAuditFields(c, { subject })
    const id = randomId()
    const exp = now() + CODE_SECONDS
    const consent = { ...exchanged.consent, begins_session: app_user === undefined }
    const stored = await askSubject(c.env.SUBJECTS, subject, (stub) =>
      stub.storePendingGrant({ id, consent, expires_at: exp }),
    )
    if (stored === 'refresh_token_missing') return await askForRefreshToken(c, pending, exchanged)
    const code = await sealToken(config, 'code', {
      ...{ id, client: client.id, bundle: pending.bundle, subject, code_challenge, dpop_jkt, exp },
      redirect_uri: pending.return_to,
      sub: app_user?.sub ?? consent.sub,
      is_app_user: app_user !== undefined,
    })
    audit(c, 'connect_finished', { outcome: 'ok' })
    return await answerAuthorization(c, toTarget(pending), { code })
  } catch (error) {
    return returnError(c, pending, toConnectFailure(c, error))
  }
}

function returnError(
  c: BrokerContext,
  pending: OAuthPending,
  failure: ConnectFailure,
): Response | Promise<Response> {
  const { code: error } = failure
  audit(c, 'connect_finished', { outcome: error })
  return answerAuthorization(c, toTarget(pending), { error, failure })
}

function toTarget({ authorization, return_to }: OAuthPending): AnswerTarget {
  const { response_mode, state } = authorization
  return { redirect_uri: return_to, response_mode, state }
}
