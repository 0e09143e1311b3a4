/** The grant type `refresh_token`: issues an access token of Google, or of the broker for its own endpoints. */

import { now } from '../../clock.ts'
import { kidOf } from '../../crypto/seal.ts'
import { BrokerError } from '../../errors.ts'
import type { OAuthTokenResponse } from '../../protocol/http.ts'
import { type BoundSession, openToken, sealToken } from '../../session/tokens.ts'
import { requireOAuthOrigin } from '../guards/cors.ts'
import { findBundle, findOAuthClient, readScope } from '../guards/lookup.ts'
import { requireClient, requireProof, sessionPrincipal } from '../guards/oauth-mode.ts'
import { askSubjectAs, type Principal } from '../guards/principal.ts'
import type { BrokerContext } from '../http/context.ts'
import { type Parameters, required } from '../http/read-request.ts'
import { issueToken } from '../issue-token.ts'
import { readTokenPreferences, toTokenResponse } from './token-response.ts'

/** The reserved `scope` of an access token of the broker. */
const BROKER_SCOPE = 'broker'

/** How long an access token of the broker is valid, in seconds. */
const BROKER_TOKEN_SECONDS = 10 * 60

/**
 * Exchanges a refresh token of the broker for an access token. The refresh token is bound to a key and therefore does
 * not rotate; RFC 9700 §4.14.2.
 *
 * @throws {BrokerError} invalid_grant: the session has ended, or the token belongs to another key or client
 * @see RFC 6749 §6, RFC 9449 §5
 */
export async function refreshToken(
  c: BrokerContext,
  form: Parameters,
): Promise<OAuthTokenResponse> {
  const config = c.get('config')
  const text = required(form, 'refresh_token')
  const proof = await requireProof(c)
  const session = await openToken(config, 'refresh', text)
  if (!session || session.jkt !== proof.jkt || !config.clients.has(session.client))
    throw new BrokerError('refresh_token_invalid')
  const client = findOAuthClient(config, session.client)
  requireOAuthOrigin(c, client)
  requireClient(client, form.get('client_id'))
  const principal = sessionPrincipal(c, client, session, proof)
  const isCurrent = kidOf(text) === config.keyring.current
  const refresh_token = isCurrent ? text : await sealToken(config, 'refresh', session)
  const name = readScope(form.get('scope') ?? session.bundle)
  if (name === BROKER_SCOPE) return brokerToken(c, principal, session, refresh_token)
  const bundle = findBundle(config, client, name)
  const token = await issueToken(c, principal, bundle, readTokenPreferences(form))
  return { ...toTokenResponse(name, token), refresh_token }
}

/** Issues an access token of the broker, bound to the same key; RFC 9449 §5. */
async function brokerToken(
  c: BrokerContext,
  principal: Principal,
  session: BoundSession,
  refresh_token: string,
): Promise<OAuthTokenResponse> {
  await askSubjectAs(c, principal, (stub) => stub.touchSession(principal.credential))
  const exp = Math.min(now() + BROKER_TOKEN_SECONDS, session.exp)
  return {
    access_token: await sealToken(c.get('config'), 'access', { ...session, exp }),
    token_type: 'DPoP',
    expires_in: Math.floor(exp - now()),
    scope: BROKER_SCOPE,
    refresh_token,
  }
}
