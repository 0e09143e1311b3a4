/** The grant type `token-exchange`: exchanges the JWT of an app's user for Google's access token; RFC 8693. */

import { BrokerError, failureOf } from '../../errors.ts'
import type { OAuthTokenResponse } from '../../protocol/http.ts'
import { verifyAppJwt } from '../../session/app-user.ts'
import { requireOAuthOrigin } from '../guards/cors.ts'
import { findBundle, readScope } from '../guards/lookup.ts'
import { appUserPrincipal, requireClient, requireProof } from '../guards/oauth-mode.ts'
import type { Principal } from '../guards/principal.ts'
import type { BrokerContext } from '../http/context.ts'
import { type Parameters, required } from '../http/read-request.ts'
import { issueToken } from '../issue-token.ts'
import { readTokenPreferences, toTokenResponse } from './token-response.ts'

/** Token types; RFC 8693 §3. */
const JWT = 'urn:ietf:params:oauth:token-type:jwt'
const ACCESS_TOKEN = 'urn:ietf:params:oauth:token-type:access_token'

/** Parameters of RFC 8693 §2.1 that are not supported. */
const UNSUPPORTED = ['actor_token', 'audience', 'resource']

/**
 * Exchanges the JWT of a user for an access token of a bundle. There is no session.
 *
 * @throws {BrokerError} invalid_request: the JWT is not valid (RFC 8693 §2.2.2)
 * @see RFC 8693 §2.1
 */
export async function exchangeToken(
  c: BrokerContext,
  form: Parameters,
): Promise<OAuthTokenResponse> {
  const subject_token = required(form, 'subject_token')
  if (required(form, 'subject_token_type') !== JWT) throw new BrokerError('subject_token_type')
  if ((form.get('requested_token_type') ?? ACCESS_TOKEN) !== ACCESS_TOKEN)
    throw new BrokerError('requested_token_type')
  const parameter = UNSUPPORTED.find((name) => form.has(name))
  if (parameter !== undefined) throw new BrokerError('exchange_parameter', { parameter })
  const principal = await authenticateSubjectToken(c, subject_token)
  requireOAuthOrigin(c, principal.client)
  requireClient(principal.client, form.get('client_id'))
  const bundle = findBundle(c.get('config'), principal.client, readScope(form.get('scope')))
  const token = await issueToken(c, principal, bundle, readTokenPreferences(form))
  return { ...toTokenResponse(bundle.name, token), issued_token_type: ACCESS_TOKEN }
}

/** A JWT that is bound to a key needs a proof with that key (TMB-51). */
async function authenticateSubjectToken(c: BrokerContext, jwt: string): Promise<Principal> {
  try {
    const user = await verifyAppJwt(c.get('config'), jwt)
    const proof = user.jkt === undefined ? undefined : await requireProof(c)
    if (user.jkt !== proof?.jkt) throw new BrokerError('jwt_bound_to_another_key')
    return appUserPrincipal(c, user, proof)
  } catch (cause) {
    const { code, reason } = failureOf(cause)
    if (code !== 'login_required') throw cause
    throw new BrokerError(reason, { code: 'invalid_request', cause })
  }
}
