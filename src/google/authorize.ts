/** This file is the authorization request: what a browser is sent to Google with, and what it comes back with. */

import * as oauth from 'oauth4webapi'
import type { Config } from '../config.ts'
import { BrokerError } from '../errors.ts'
import type { ConnectError } from '../protocol.ts'
import { formatScope, type ScopeSet, scopeSet } from '../scope/scopes.ts'
import { discover } from './provider.ts'

/** What an authorization request asks for. */
export interface AuthorizationRequest {
  scopes: ScopeSet
  /** Space-separated values of OpenID Connect Core §3.1.2.1, in the order given. */
  prompt: readonly ('consent' | 'select_account')[]
  /** The `sub` of the account that should be offered. */
  login_hint?: string
}

/** A request ready to send, with what the callback has to be checked against. */
export interface PreparedRequest {
  url: string
  state: string
  nonce: string
  code_verifier: string
}

/** Where Google sends the browser back to; never built from a request (TMB-07). */
export function redirectUri(config: Config): string {
  return `${config.base_url}/callback`
}

/**
 * Prepares an authorization request: code flow, PKCE S256, fresh `state` and `nonce` of 256 bits each.
 *
 * `include_granted_scopes` is never sent: every scope set has a grant of its own (TMB-06).
 *
 * @throws {BrokerError} `temporarily_unavailable` when the provider cannot be discovered
 * @see RFC 6749 §4.1.1, RFC 7636 §4.3, and Google: identity/protocols/oauth2/web-server
 */
export async function createAuthorizationRequest(
  config: Config,
  request: AuthorizationRequest,
): Promise<PreparedRequest> {
  const { as } = await discover(config)
  const url = URL.parse(as.authorization_endpoint ?? '')
  if (!url) throw new BrokerError('server_error', 'provider_without_authorization_endpoint')
  const state = oauth.generateRandomState()
  const nonce = oauth.generateRandomNonce()
  const code_verifier = oauth.generateRandomCodeVerifier()
  const parameters: Record<string, string> = {
    client_id: config.client_id,
    redirect_uri: redirectUri(config),
    response_type: 'code',
    scope: formatScope(scopeSet([...request.scopes, 'openid', ...offlineScope(as)])),
    access_type: 'offline',
    state,
    nonce,
    code_challenge: await oauth.calculatePKCECodeChallenge(code_verifier),
    code_challenge_method: 'S256',
  }
  if (request.prompt.length > 0) parameters['prompt'] = request.prompt.join(' ')
  if (request.login_hint !== undefined) parameters['login_hint'] = request.login_hint
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return { url: url.href, state, nonce, code_verifier }
}

/** An authorization response that belongs to its request: a code to exchange, or a refusal. */
export type AuthorizationResponse = { parameters: URLSearchParams } | { error: ConnectError }

/**
 * Checks an authorization response against its request.
 *
 * @throws {BrokerError} `invalid_request` when `state` or `iss` is not what it has to be, also on an error
 *   response: then nothing of it may be acted on (TMB-10, TMB-12)
 * @see RFC 6749 §4.1.2, RFC 9207 §2.4
 */
export async function checkAuthorizationResponse(
  config: Config,
  query: URLSearchParams,
  state: string,
): Promise<AuthorizationResponse> {
  const { as, client } = await discover(config)
  if (query.get('iss') === '') throw new BrokerError('invalid_request', 'iss_mismatch')
  try {
    const parameters = oauth.validateAuthResponse(as, client, query, state)
    if (!parameters.get('code')) throw new BrokerError('invalid_request', 'code_missing')
    return { parameters }
  } catch (error) {
    if (error instanceof BrokerError) throw error
    if (error instanceof oauth.AuthorizationResponseError)
      return { error: connectError(error.error) }
    throw new BrokerError('invalid_request', 'authorization_response_invalid', { cause: error })
  }
}

/** Other providers ask for `offline_access` where Google has `access_type`; OpenID Connect Core §11. */
function offlineScope(as: oauth.AuthorizationServer): string[] {
  return [as.scopes_supported].flat().includes('offline_access') ? ['offline_access'] : []
}

function connectError(error: string): ConnectError {
  return error === 'access_denied' || error === 'temporarily_unavailable' ? error : 'server_error'
}
