/** The authorization endpoint: the request that a browser is sent to Google with, and the response it comes back with. */

import * as oauth from 'oauth4webapi'
import type { Config } from '../config/config.ts'
import { BrokerError, type Failure, failed, type Reason } from '../errors.ts'
import { formatScope, type ScopeSet, scopeSet } from '../scope/scopes.ts'
import { discover } from './discovery.ts'
import { CLIENT_ERRORS } from './failure.ts'

/** What an authorization request asks for. */
export interface AuthorizationRequest {
  scopes: ScopeSet
  /** Values of `prompt` (OpenID Connect Core §3.1.2.1), in the order given. */
  prompt: readonly ('consent' | 'select_account')[]
  /** The `sub` of the account that Google offers first. */
  login_hint?: string
}

/** An authorization request, with the values that its callback is checked against. */
export interface PreparedRequest {
  url: string
  state: string
  nonce: string
  code_verifier: string
}

/** Returns the redirect URI that Google sends the browser to; it is never built from a request (TMB-07). */
export function redirectUri(config: Config): string {
  return `${config.base_url}/callback`
}

/**
 * Prepares an authorization request: code flow with PKCE S256, and a new `state`, `nonce` and verifier of 256 bits
 * each (TMB-02, TMB-03).
 *
 * It never sends `include_granted_scopes`: every scope set has its own grant (TMB-06).
 *
 * @throws {BrokerError} `temporarily_unavailable` when the provider's metadata cannot be read
 * @see RFC 6749 §4.1.1, RFC 7636 §4.3, https://developers.google.com/identity/protocols/oauth2/web-server
 */
export async function createAuthorizationRequest(
  config: Config,
  request: AuthorizationRequest,
): Promise<PreparedRequest> {
  const { server } = await discover(config)
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const code_verifier = oauth.generateRandomCodeVerifier()
  // OpenID Connect Core §11; Google has `access_type` instead.
  const offline = [server.scopes_supported].flat().filter((scope) => scope === 'offline_access')
  const parameters: Record<string, string> = {
    client_id: config.client_id,
    redirect_uri: redirectUri(config),
    response_type: 'code',
    scope: formatScope(scopeSet([...request.scopes, 'openid', ...offline])),
    access_type: 'offline',
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
  }
  if (request.prompt.length > 0) parameters['prompt'] = request.prompt.join(' ')
  if (request.login_hint !== undefined) parameters['login_hint'] = request.login_hint
  const url = new URL(server.authorization_endpoint)
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return { url: url.href, state, nonce, code_verifier }
}

/** An authorization response that belongs to its request: a code to exchange, or an error. */
export type AuthorizationResponse = { code: string } | { failure: Failure }

/** Parameters of the implicit flow, the hybrid flow and JARM, which the broker never asks for. */
const FOREIGN_PARAMETERS = ['response', 'id_token', 'token', 'access_token']

/**
 * Checks an authorization response against its request.
 *
 * @throws {BrokerError} `invalid_request` when `state` or `iss` is wrong, also in an error response: the caller must
 *   then ignore the response (TMB-10, TMB-12)
 * @see RFC 6749 §4.1.2, RFC 9207 §2.4
 */
export async function checkAuthorizationResponse(
  config: Config,
  query: URLSearchParams,
  state: string,
): Promise<AuthorizationResponse> {
  const { server, client } = await discover(config)
  const isRepeated = new Set(query.keys()).size !== query.size
  const isForeign = FOREIGN_PARAMETERS.some((name) => query.has(name))
  if (isRepeated || isForeign || query.get('iss') === '')
    throw new BrokerError('authorization_response_invalid')
  try {
    oauth.validateAuthResponse(server, client, query, state)
  } catch (cause) {
    if (cause instanceof oauth.AuthorizationResponseError)
      return { failure: failed(reasonOf(cause.error)).failure }
    const reason = query.get('state') === state ? 'iss_mismatch' : 'state_mismatch'
    throw new BrokerError(reason, { cause })
  }
  const code = query.get('code')
  if (!code) throw new BrokerError('parameter_missing', { parameter: 'code' })
  return { code }
}

/** The reason for an `error` of the provider; RFC 6749 §4.1.2.1. */
function reasonOf(error: string): Reason {
  if (error === 'access_denied') return 'user_denied'
  if (error === 'temporarily_unavailable') return 'google_unavailable'
  if (error === 'invalid_scope') return 'google_invalid_scope'
  return CLIENT_ERRORS.includes(error) ? 'google_refuses_client' : 'google_failed'
}
