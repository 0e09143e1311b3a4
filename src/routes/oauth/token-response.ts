/** The parameters and the response of the token endpoint; RFC 6749 §5.1. */

import { BrokerError } from '../../errors.ts'
import type { OAuthTokenResponse } from '../../protocol/http.ts'
import type { Parameters } from '../http/read-request.ts'
import type { TokenGrant, TokenPreferences } from '../issue-token.ts'
import { MIN_TTL_SECONDS, TOKEN_HASH } from '../issue-token.ts'

/** Reads `min_ttl` and `rejected`, as in `POST /session/token`. @throws {BrokerError} invalid_request */
export function readTokenPreferences(form: Parameters): TokenPreferences {
  const text = form.get('min_ttl') ?? String(MIN_TTL_SECONDS.default)
  const rejected = form.get('rejected')
  if (!/^\d{1,4}$/.test(text) || Number(text) > MIN_TTL_SECONDS.max)
    throw new BrokerError('min_ttl_shape')
  if (rejected !== undefined && !TOKEN_HASH.test(rejected)) throw new BrokerError('rejected_shape')
  return { min_ttl: Number(text), rejected }
}

/** Makes the response with an access token of Google. */
export function toTokenResponse(bundle: string, token: TokenGrant): OAuthTokenResponse {
  const { access_token, expires_in, scope } = token
  return { access_token, token_type: 'Bearer', expires_in, scope: bundle, google_scope: scope }
}
