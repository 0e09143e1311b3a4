/** This file is the grant `refresh_token`: the everyday "give me a token for this bundle" of OAuth mode. */

import { now } from '../../clock.ts'
import { isSealedWithCurrent } from '../../crypto/seal.ts'
import { BrokerError } from '../../errors.ts'
import type { OAuthTokenResponse } from '../../protocol/http.ts'
import { type BoundSession, openToken, sealToken } from '../../session/tokens.ts'
import { askSubject } from '../../subject/stub.ts'
import { requireOAuthOrigin } from '../guards/cors.ts'
import { findBundle, findOAuthClient } from '../guards/lookup.ts'
import { requireClient, requireProof, sessionPrincipal } from '../guards/oauth-mode.ts'
import { type Principal, withClientErrors } from '../guards/principal.ts'
import type { BrokerContext, Parameters } from '../http/context.ts'
import { issueToken } from '../issue-token.ts'
import { readTokenPreferences, required, toTokenResponse } from './token-response.ts'

/** The reserved name in `scope` that asks for a token of the broker's own calls. */
const BROKER_SCOPE = 'broker'
const BROKER_TOKEN_SECONDS = 10 * 60

/**
 * Trades the broker's refresh token for Google's access token of a bundle, or for the broker's own.
 *
 * The refresh token is bound to a key and so does not rotate; RFC 9700 §4.14.2.
 *
 * @throws {BrokerError} `invalid_grant` when the session is over, or the key or the client is another
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
    throw new BrokerError('invalid_grant', 'refresh_token_invalid')
  const client = findOAuthClient(config, session.client)
  requireOAuthOrigin(c, client)
  requireClient(client, form.get('client_id'))
  const principal = sessionPrincipal(c, client, session, proof)
  const refresh_token = await resealed(c, session, text)
  const name = form.get('scope') ?? session.bundle
  if (name === BROKER_SCOPE) return brokerToken(c, principal, session, refresh_token)
  const bundle = findBundle(config, client, name)
  return toTokenResponse(
    name,
    await issueToken(c, principal, bundle, readTokenPreferences(form)),
    refresh_token,
  )
}

/** A token for the broker's own calls, good only with the same key; RFC 9449 §5. */
async function brokerToken(
  c: BrokerContext,
  principal: Principal,
  session: BoundSession,
  refresh_token: string,
): Promise<OAuthTokenResponse> {
  const call = askSubject(c.env.SUBJECTS, principal.subject, (stub) =>
    stub.touchSession(principal.credential),
  )
  await withClientErrors(principal, c.get('timings').measure('do', call))
  const exp = Math.min(now() + BROKER_TOKEN_SECONDS, session.exp)
  return {
    access_token: await sealToken(c.get('config'), 'access', { ...session, exp }),
    token_type: 'DPoP',
    expires_in: Math.floor(exp - now()),
    scope: BROKER_SCOPE,
    refresh_token,
  }
}

/** The same refresh token, sealed anew when the key that sealed it is about to go (design.md §6.10). */
async function resealed(c: BrokerContext, session: BoundSession, text: string): Promise<string> {
  const config = c.get('config')
  return isSealedWithCurrent(config.keyring, text) ? text : sealToken(config, 'refresh', session)
}
