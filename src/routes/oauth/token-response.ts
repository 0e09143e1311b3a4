/** The parameters and the response of the token endpoint; RFC 6749 §5.1. */

import { BrokerError } from '../../errors.ts'
import type { OAuthTokenResponse } from '../../protocol/http.ts'
import type { Parameters } from '../http/read-request.ts'
import {
  DEFAULT_MIN_TTL_SECONDS,
  MAX_MIN_TTL_SECONDS,
  TOKEN_HASH,
  type TokenGrant,
  type TokenPreferences,
} from '../issue-token.ts'

/**
 * Reads a required parameter.
 *
 * @throws {BrokerError} invalid_request
 */
export function required(form: Parameters, name: string): string {
  const value = form.get(name)
  if (value === undefined) throw new BrokerError('invalid_request', `${name}_missing`)
  return value
}

/**
 * Reads `min_ttl` and `rejected`, as in `POST /session/token`.
 *
 * @throws {BrokerError} invalid_request
 */
export function readTokenPreferences(form: Parameters): TokenPreferences {
  const text = form.get('min_ttl') ?? String(DEFAULT_MIN_TTL_SECONDS)
  const rejected = form.get('rejected')
  if (!/^\d{1,4}$/.test(text) || Number(text) > MAX_MIN_TTL_SECONDS)
    throw new BrokerError('invalid_request', 'min_ttl_shape')
  if (rejected !== undefined && !TOKEN_HASH.test(rejected))
    throw new BrokerError('invalid_request', 'rejected_shape')
  return { min_ttl: Number(text), rejected }
}

/** Makes the response with an access token of Google. */
export function toTokenResponse(
  bundle: string,
  { access_token, expires_in, scope }: TokenGrant,
  refresh_token?: string,
): OAuthTokenResponse {
  return {
    ...{ access_token, token_type: 'Bearer', expires_in, scope: bundle, google_scope: scope },
    ...(refresh_token === undefined ? {} : { refresh_token }),
  }
}
