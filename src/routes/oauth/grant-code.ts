/** This file is the grant `authorization_code`: a code is redeemed by whoever began, and a pending grant becomes theirs. */

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
import { type Principal, withClientErrors } from '../guards/principal.ts'
import type { BrokerContext, Parameters } from '../http/context.ts'
import { toTokenGrant } from '../issue-token.ts'
import { required, toTokenResponse } from './token-response.ts'

/** RFC 7636 §4.1. */
const CODE_VERIFIER = /^[\w.~-]{43,128}$/

/**
 * Redeems a code, once: with the verifier and the key of the browser that began, or with a JWT of the user who did.
 *
 * @throws {BrokerError} `invalid_grant`; `access_denied` for another user than began, whose consent is dropped
 * @see RFC 6749 §4.1.3, RFC 7636 §4.6, RFC 9449 §10
 */
export async function redeemCode(c: BrokerContext, form: Parameters): Promise<OAuthTokenResponse> {
  const client = findOAuthClient(c.get('config'), required(form, 'client_id'))
  requireOAuthOrigin(c, client)
  const text = required(form, 'code')
  const code_verifier = required(form, 'code_verifier')
  if (!CODE_VERIFIER.test(code_verifier))
    throw new BrokerError('invalid_request', 'code_verifier_shape')
  const redirect_uri = required(form, 'redirect_uri')
  const who = client.app_issuer ? await authenticateAppUser(c) : undefined
  const code = await openToken(c.get('config'), 'code', text)
  if (!code || code.client !== client.id || code.is_app_user !== (who !== undefined))
    throw invalidGrant('code_unknown')
  if (who && who.subject !== code.subject) return dropForeign(c, code)
  const isBound = !who || code.dpop_jkt !== undefined
  const jkt = isBound ? (await requireProof(c)).jkt : undefined
  if ((await sha256(code_verifier)) !== code.code_challenge) throw invalidGrant('pkce_mismatch')
  if (redirect_uri !== code.redirect_uri) throw invalidGrant('redirect_uri_mismatch')
  if (code.dpop_jkt !== undefined && code.dpop_jkt !== jkt) throw invalidGrant('dpop_key_mismatch')
  return redeem(c, client, code, who || jkt === undefined ? undefined : jkt)
}

/** @param jkt the key that the session is bound to; an app's user gets no session */
async function redeem(
  c: BrokerContext,
  client: Client,
  { id, bundle, subject, sub }: AuthorizationCode,
  jkt: string | undefined,
): Promise<OAuthTokenResponse> {
  const [config, timings] = [c.get('config'), c.get('timings')]
  requireEnabled(config, client, bundle)
  const principal: Principal =
    jkt === undefined
      ? appUserPrincipal(c, { client, sub, subject })
      : sessionPrincipal(c, client, { id: '', sub, subject })
  const call = askSubject(c.env.SUBJECTS, subject, (stub) => stub.redeemCode(id))
  const redeemed = await withClientErrors(principal, timings.measure('do', call), bundle)
  if (jkt === undefined || redeemed.session === undefined)
    return toTokenResponse(bundle, toTokenGrant(redeemed))
  const refresh_token = await sealToken(config, 'refresh', {
    ...{ id: redeemed.session, client: client.id, sub, subject, jkt, bundle },
    exp: now() + config.session_ttl_seconds,
  })
  return toTokenResponse(bundle, toTokenGrant(redeemed), refresh_token)
}

/** Somebody was led to consent for another: neither gets anything (TMB-05, TMB-16). */
async function dropForeign(c: BrokerContext, { id, subject }: AuthorizationCode): Promise<never> {
  await askSubject(c.env.SUBJECTS, subject, (stub) => stub.dropPendingGrant(id))
  throw new BrokerError('access_denied', 'code_of_another_user')
}

function invalidGrant(reason: string): BrokerError {
  return new BrokerError('invalid_grant', reason)
}
