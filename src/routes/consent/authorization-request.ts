/** The authorization request that a client sends to `/authorize` or `/par`; RFC 6749 §4.1.1. */

import { type Client, hasRedirectUri } from '../../config/clients.ts'
import type { Config } from '../../config/config.ts'
import { BrokerError, type Reason } from '../../errors.ts'
import type { AuthorizationRequest } from '../../session/tokens.ts'
import { findBundle, readScope } from '../guards/lookup.ts'
import { type Parameters, required } from '../http/read-request.ts'
import type { AnswerTarget } from './authorization-response.ts'

/** OAuth 2.0 Multiple Response Types §2.1, and draft-sakimura-oauth-wmrm for `web_message`. */
export const RESPONSE_MODES = ['query', 'fragment', 'web_message'] as const

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
  const redirect_uri = required(parameters, 'redirect_uri')
  if (!hasRedirectUri(client, redirect_uri)) throw new BrokerError('redirect_uri_unknown')
  const state = parameters.get('state') ?? ''
  const isReadable = state !== '' && state.length <= MAX_STATE_LENGTH && STATE.test(state)
  const given = parameters.get('response_mode')
  const response_mode = RESPONSE_MODES.find((mode) => mode === given) ?? 'query'
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
  const refuse = (reason: Reason): never => {
    throw new BrokerError(reason)
  }
  if (required(parameters, 'response_type') !== 'code')
    throw new BrokerError('response_type_unknown')
  if (read('request') !== undefined) refuse('request_object')
  const { name: bundle } = findBundle(config, client, readScope(read('scope')))
  if ((read('state') ?? '') !== (target.state ?? '')) refuse('state_shape')
  const response_mode = read('response_mode') ?? 'query'
  if (response_mode !== target.response_mode) refuse('response_mode_unknown')
  const code_challenge = required(parameters, 'code_challenge')
  if (read('code_challenge_method') !== 'S256') refuse('code_challenge_method')
  if (!HASH.test(code_challenge)) refuse('code_challenge_shape')
  const dpop_jkt = read('dpop_jkt')
  if (dpop_jkt !== undefined && !HASH.test(dpop_jkt)) refuse('dpop_jkt_shape')
  const prompt = readPrompt(read('prompt'))
  const login_hint = read('login_hint')
  if ((login_hint ?? '').length > MAX_LOGIN_HINT_LENGTH) refuse('login_hint_length')
  return { client: client.id, bundle, ...target, code_challenge, dpop_jkt, prompt, login_hint }
}

/**
 * Reads `prompt`, a list. `login` counts as `select_account`: the broker has no page to log in.
 *
 * @throws {BrokerError} interaction_required for `none`: the broker always asks the user, or Google does
 * @see OpenID Connect Core §3.1.2.1
 */
function readPrompt(text = ''): AuthorizationRequest['prompt'] {
  const values = text.split(' ').filter(Boolean)
  if (values.some((value) => !['none', 'login', 'consent', 'select_account'].includes(value)))
    throw new BrokerError('prompt_unknown')
  if (values.includes('none')) throw new BrokerError('prompt_none')
  const selects = values.includes('login') || values.includes('select_account')
  return [
    ...(values.includes('consent') ? (['consent'] as const) : []),
    ...(selects ? (['select_account'] as const) : []),
  ]
}
