/** This file is what a frontend may ask for at `/authorize` and `/par`, read strictly; RFC 6749 §4.1.1. */

import type { Client } from '../../config/clients.ts'
import type { Config } from '../../config/config.ts'
import { BrokerError } from '../../errors.ts'
import type { AuthorizationRequest } from '../../session/tokens.ts'
import { findBundle } from '../guards/lookup.ts'
import type { Parameters } from '../http/context.ts'

/** Everything but the redirect URI has to fit into a cookie, too. */
const MAX_STATE_LENGTH = 512
const MAX_LOGIN_HINT_LENGTH = 255

/** A SHA-256 hash in base64url: of a code verifier (RFC 7636 §4.2) or of a key (RFC 7638). */
const HASH = /^[A-Za-z0-9_-]{43}$/

/** VSCHAR of RFC 6749 Appendix A.5. */
const STATE = /^[\x20-\x7e]*$/

/**
 * Finds the redirect URI; only with one that is the client's may anything be answered there.
 *
 * @throws {BrokerError} `invalid_request`
 * @see RFC 9700 §2.1: exact string matching
 */
export function readRedirectUri(client: Client, parameters: Parameters): string {
  const redirect_uri = parameters.get('redirect_uri') ?? ''
  if (!client.redirect_uris?.has(redirect_uri))
    throw new BrokerError('invalid_request', 'redirect_uri_unknown')
  return redirect_uri
}

/** Reads how and with what `state` to answer, which an error needs as well; what cannot be read is left out. */
export function readAnswerTarget(
  redirect_uri: string,
  parameters: Parameters,
): Pick<AuthorizationRequest, 'redirect_uri' | 'response_mode' | 'state'> {
  const state = parameters.get('state') ?? ''
  const isReadable = state !== '' && state.length <= MAX_STATE_LENGTH && STATE.test(state)
  const response_mode = parameters.get('response_mode') === 'web_message' ? 'web_message' : 'query'
  return { redirect_uri, response_mode, ...(isReadable ? { state } : {}) }
}

/**
 * Reads the rest of an authorization request. What is not known here is ignored, as RFC 6749 §3.1 wants.
 *
 * @throws {BrokerError} `unsupported_response_type`, `invalid_scope`, `access_denied` for a bundle that is not
 *   the client's, `invalid_request` for all else
 */
export function readAuthorizationRequest(
  config: Config,
  client: Client,
  redirect_uri: string,
  parameters: Parameters,
): AuthorizationRequest {
  const read = (name: string): string | undefined => parameters.get(name)
  const refuse = (reason: string): never => {
    throw new BrokerError('invalid_request', reason)
  }
  const response_type = read('response_type')
  if (response_type === undefined) refuse('response_type_missing')
  if (response_type !== 'code')
    throw new BrokerError('unsupported_response_type', 'response_type_unknown')
  if (read('request') !== undefined) refuse('request_object')
  const bundle = findBundle(config, client, read('scope'))
  const target = readAnswerTarget(redirect_uri, parameters)
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
  return {
    client: client.id,
    bundle: bundle.name,
    ...target,
    code_challenge,
    ...(dpop_jkt === undefined ? {} : { dpop_jkt }),
    ...(prompt === undefined ? {} : { prompt }),
    ...(login_hint === undefined ? {} : { login_hint }),
  }
}
