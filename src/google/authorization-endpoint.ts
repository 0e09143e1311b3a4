/** This file is the authorization request: what a browser is sent to Google with, and what it comes back with. */

import type { Config } from '../config/config.ts'
import { base64url, sha256 } from '../crypto/digest.ts'
import { BrokerError } from '../errors.ts'
import type { ConnectError } from '../protocol/http.ts'
import { formatScope, type ScopeSet, scopeSet } from '../scope/scopes.ts'
import { discover } from './discovery.ts'

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
  const { endpoints, offers_offline_access } = await discover(config)
  const endpoint = endpoints.get('authorization_endpoint')
  if (endpoint === undefined)
    throw new BrokerError('server_error', 'provider_without_authorization_endpoint')
  const [state, nonce, code_verifier] = [random(), random(), random()]
  const url = new URL(endpoint)
  const scopes = [...request.scopes, 'openid', ...(offers_offline_access ? ['offline_access'] : [])]
  const parameters: Record<string, string> = {
    client_id: config.client_id,
    redirect_uri: redirectUri(config),
    response_type: 'code',
    scope: formatScope(scopeSet(scopes)),
    access_type: 'offline',
    state,
    nonce,
    code_challenge: await sha256(code_verifier),
    code_challenge_method: 'S256',
  }
  if (request.prompt.length > 0) parameters['prompt'] = request.prompt.join(' ')
  if (request.login_hint !== undefined) parameters['login_hint'] = request.login_hint
  for (const [name, value] of Object.entries(parameters)) url.searchParams.set(name, value)
  return { url: url.href, state, nonce, code_verifier }
}

/** An authorization response that belongs to its request: a code to exchange, or a refusal. */
export type AuthorizationResponse = { code: string } | { error: ConnectError }

/** Parameters of other flows than ours: implicit, hybrid, JARM. */
const FOREIGN_PARAMETERS = ['response', 'id_token', 'token', 'access_token']

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
  const { always_sends_iss, issuer } = await discover(config)
  const isRepeated = new Set(query.keys()).size !== query.size
  const isForeign = FOREIGN_PARAMETERS.some((name) => query.has(name))
  if (isRepeated || isForeign || query.get('state') !== state)
    throw new BrokerError('invalid_request', 'authorization_response_invalid')
  const iss = query.get('iss')
  if (iss === null ? always_sends_iss : iss !== issuer)
    throw new BrokerError('invalid_request', 'iss_mismatch')
  const error = query.get('error')
  if (error) return { error: connectError(error) }
  const code = query.get('code')
  if (!code) throw new BrokerError('invalid_request', 'code_missing')
  return { code }
}

/** 256 bits, 43 characters; RFC 7636 §4.1 and §7.1, TMB-02, TMB-03. */
function random(): string {
  return base64url(crypto.getRandomValues(new Uint8Array(32)).buffer)
}

function connectError(error: string): ConnectError {
  return error === 'access_denied' || error === 'temporarily_unavailable' ? error : 'server_error'
}
