/** The grant type `authorization_code`: redeems a code, which turns the pending grant into a grant. */

import { now } from '../../clock.ts'
import type { Client } from '../../config/clients.ts'
import { sha256 } from '../../crypto/digest.ts'
import { BrokerError } from '../../errors.ts'
import type { OAuthTokenResponse } from '../../protocol/http.ts'
import { type AuthorizationCode, openToken, sealToken } from '../../session/tokens.ts'
import { askSubject } from '../../subject/stub.ts'
import { requireOAuthOrigin } from '../guards/cors.ts'
import { findOAuthClient, requireEnabled } from '../guards/lookup.ts'
import {
  appUserPrincipal,
  authenticateAppUser,
  requireProof,
  sessionPrincipal,
} from '../guards/oauth-mode.ts'
import { askSubjectAs } from '../guards/principal.ts'
import type { BrokerContext } from '../http/context.ts'
import { type Parameters, required } from '../http/read-request.ts'
import { toTokenGrant } from '../issue-token.ts'
import { toTokenResponse } from './token-response.ts'

/** The form of a code verifier; RFC 7636 §4.1. */
const CODE_VERIFIER = /^[\w.~-]{43,128}$/

/**
 * Redeems a code, once. A user with a JWT of the app must be the one who pushed the request. All others get a session
 * that is bound to the key of their proof; without a proof, they get the access token alone.
 *
 * @throws {BrokerError} invalid_grant; access_denied: the JWT is of another user
 * @see RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9449 §10
 */
export async function redeemCode(c: BrokerContext, form: Parameters): Promise<OAuthTokenResponse> {
  const client = findOAuthClient(c.get('config'), required(form, 'client_id'))
  requireOAuthOrigin(c, client)
  const text = required(form, 'code')
  const code_verifier = required(form, 'code_verifier')
  if (!CODE_VERIFIER.test(code_verifier)) throw new BrokerError('code_verifier_shape')
  const redirect_uri = form.get('redirect_uri')
  const user = client.app_issuer ? await authenticateAppUser(c) : undefined
  const code = await openToken(c.get('config'), 'code', text)
  if (!code || code.client !== client.id || code.is_app_user !== (user !== undefined))
    throw new BrokerError('code_unknown')
  if (user && user.subject !== code.subject) {
    // One user consented for another, perhaps deceived: neither gets a grant (TMB-05, TMB-16).
    await askSubject(c.env.SUBJECTS, code.subject, (stub) => stub.dropPendingGrant(code.id))
    throw new BrokerError('code_of_another_user')
  }
  const hasProof = !user && c.req.header('DPoP') !== undefined
  const isBound = hasProof || code.dpop_jkt !== undefined
  const jkt = isBound ? (await requireProof(c)).jkt : undefined
  if ((await sha256(code_verifier)) !== code.code_challenge) throw new BrokerError('pkce_mismatch')
  if (redirect_uri !== undefined && redirect_uri !== code.redirect_uri)
    throw new BrokerError('redirect_uri_mismatch')
  if (code.dpop_jkt !== undefined && code.dpop_jkt !== jkt)
    throw new BrokerError('dpop_key_mismatch')
  return redeem(c, client, code, jkt)
}

/** @param jkt the key to which a session is bound; a user of the app gets none, and nobody without a key */
async function redeem(
  c: BrokerContext,
  client: Client,
  { id, bundle, subject, sub, is_app_user }: AuthorizationCode,
  jkt: string | undefined,
): Promise<OAuthTokenResponse> {
  const config = c.get('config')
  requireEnabled(config, client, bundle)
  const principal = is_app_user
    ? appUserPrincipal(c, { client, sub, subject })
    : sessionPrincipal(c, client, { id: '', sub, subject })
  const redeemed = await askSubjectAs(c, principal, (stub) => stub.redeemCode(id, jkt), bundle)
  const response = toTokenResponse(bundle, toTokenGrant(redeemed))
  if (jkt === undefined || redeemed.session === undefined) return response
  const refresh_token = await sealToken(config, 'refresh', {
    ...{ id: redeemed.session, client: client.id, sub, subject, jkt, bundle },
    exp: now() + config.session_ttl_seconds,
  })
  return { ...response, refresh_token }
}
