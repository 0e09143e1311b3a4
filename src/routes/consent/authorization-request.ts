/** The authorization request that a client sends to `/authorize` or `/par`; RFC 6749 §4.1.1. */

import type { Client } from '../../config/clients.ts'
import type { Config } from '../../config/config.ts'
import { BrokerError } from '../../errors.ts'
import type { AuthorizationRequest } from '../../session/tokens.ts'
import { findBundle } from '../guards/lookup.ts'
import { type Parameters, required } from '../http/read-request.ts'
import type { AnswerTarget } from './authorization-response.ts'

/** The longest `state` and `login_hint`, in characters: both must fit into the cookie of the pending authorization. */
const MAX_STATE_LENGTH = 512
const MAX_LOGIN_HINT_LENGTH = 255

/** A SHA-256 hash in base64url: of a code verifier (RFC 7636 §4.2) or of a key (RFC 7638). */
const HASH = /^[A-Za-z0-9_-]{43}$/

/** VSCHAR; RFC 6749 Appendix A.5. */
const STATE = /^[\x20-\x7e]*$/

/**
 * Reads the parameters that every response needs, also an error. A malformed `state` is left out.
 *
 * @throws {BrokerError} invalid_request: the redirect URI is not one of the client's, and nothing may be redirected
 * @see RFC 9700 §2.1: exact string matching
 */
export function readAnswerTarget(client: Client, parameters: Parameters): AnswerTarget {
  const redirect_uri = parameters.get('redirect_uri') ?? ''
  if (!client.redirect_uris?.has(redirect_uri))
    throw new BrokerError('invalid_request', 'redirect_uri_unknown')
  const state = parameters.get('state') ?? ''
  const isReadable = state !== '' && state.length <= MAX_STATE_LENGTH && STATE.test(state)
  const response_mode = parameters.get('response_mode') === 'web_message' ? 'web_message' : 'query'
  return { redirect_uri, response_mode, state: isReadable ? state : undefined }
}

/**
 * Reads an authorization request. Unknown parameters are ignored; RFC 6749 §3.1.
 *
 * @throws {BrokerError} unsupported_response_type; invalid_scope: no such bundle; access_denied: the client may not
 *   have this bundle; invalid_request: all else
 */
export function readAuthorizationRequest(
  config: Config,
  client: Client,
  parameters: Parameters,
): AuthorizationRequest {
  const target = readAnswerTarget(client, parameters)
  const read = (name: string): string | undefined => parameters.get(name)
  const refuse = (reason: string): never => {
    throw new BrokerError('invalid_request', reason)
  }
  if (required(parameters, 'response_type') !== 'code')
    throw new BrokerError('unsupported_response_type', 'response_type_unknown')
  if (read('request') !== undefined) refuse('request_object')
  const { name: bundle } = findBundle(config, client, read('scope'))
  if ((read('state') ?? '') !== (target.state ?? '')) refuse('state_shape')
  const response_mode = read('response_mode') ?? 'query'
  if (response_mode !== target.response_mode) refuse('response_mode_unknown')
  const code_challenge = read('code_challenge') ?? ''
  if (read('code_challenge_method') !== 'S256' || !HASH.test(code_challenge)) refuse('pkce')
  const dpop_jkt = read('dpop_jkt')
  if (dpop_jkt !== undefined && !HASH.test(dpop_jkt)) refuse('dpop_jkt_shape')
  const prompt = read('prompt')
  if (prompt !== undefined && prompt !== 'consent' && prompt !== 'select_account')
    return refuse('prompt_unknown')
  const login_hint = read('login_hint')
  if ((login_hint ?? '').length > MAX_LOGIN_HINT_LENGTH) refuse('login_hint_length')
  return { client: client.id, bundle, ...target, code_challenge, dpop_jkt, prompt, login_hint }
}
