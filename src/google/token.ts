/** This file is the token endpoint: a code or a refresh token in, tokens out, and nothing believed unchecked. */

import * as oauth from 'oauth4webapi'
import { now } from '../clock.ts'
import type { Config } from '../config.ts'
import { BrokerError } from '../errors.ts'
import { formatScope, parseScope, type ScopeSet } from '../scope/scopes.ts'
import { redirectUri } from './authorize.ts'
import { googleFailure } from './failure.ts'
import { issuerSpelling, verifyIdToken } from './id-token.ts'
import { discover, requestOptions } from './provider.ts'

/** What the token endpoint answered. */
export interface Tokens {
  access_token: string
  /** NumericDate, counted from before the request and so understated (TMB-45). */
  expires_at: number
  /** Seconds the access token was issued for. */
  expires_in: number
  /** What was really granted. */
  scope: ScopeSet
  /** Only when Google issued one: at the first consent, after `prompt=consent`, or when it rotates. */
  refresh_token?: string
  /** NumericDate; only when the user limited the time. */
  refresh_token_expires_at?: number
}

/** A longer life than a year is no sane answer. */
const MAX_LIFE_SECONDS = 366 * 24 * 60 * 60

/**
 * Trades an authorization code for tokens, and says whose they are.
 *
 * @param parameters what `checkAuthorizationResponse` returned, or oauth4webapi refuses
 * @throws {BrokerError} `temporarily_unavailable`, or `server_error` when the code or the ID token is not good
 * @see RFC 6749 §4.1.3, RFC 7636 §4.5, OpenID Connect Core §3.1.3
 */
export async function exchangeCode(
  config: Config,
  parameters: URLSearchParams,
  expected: { code_verifier: string; nonce: string; scopes: ScopeSet },
): Promise<{ tokens: Tokens; sub: string }> {
  const provider = await discover(config)
  const { as, client, authentication } = provider
  const requested_at = now()
  try {
    const response = await oauth.authorizationCodeGrantRequest(
      as,
      client,
      authentication,
      parameters,
      redirectUri(config),
      expected.code_verifier,
      requestOptions(config),
    )
    const issuer = await issuerSpelling(as, response)
    const body = await oauth.processAuthorizationCodeResponse({ ...as, issuer }, client, response, {
      expectedNonce: expected.nonce,
      requireIdToken: true,
    })
    const sub = await verifyIdToken(config, provider, body)
    return { tokens: readTokens(body, requested_at, expected.scopes), sub }
  } catch (error) {
    const failure = googleFailure(error)
    if (failure.failure.reason !== 'google_invalid_grant') throw failure
    throw new BrokerError('server_error', 'google_refuses_code', { cause: failure.cause })
  }
}

/**
 * Trades a refresh token for a new access token of exactly `scopes`.
 *
 * Google usually sends no `refresh_token` here; the caller keeps the old one. Where an ID token comes along, it
 * has to name the same user (TMB-28).
 *
 * @throws {BrokerError} `consent_required` with reason `google_invalid_grant` when the refresh token is dead,
 *   else `temporarily_unavailable` or `server_error`, which say nothing about the grant
 * @see RFC 6749 §6; TMB-23
 */
export async function refresh(
  config: Config,
  { refresh_token, sub }: { refresh_token: string; sub: string },
  scopes: ScopeSet,
): Promise<Tokens> {
  const { as, client, authentication } = await discover(config)
  const requested_at = now()
  try {
    const response = await oauth.refreshTokenGrantRequest(
      as,
      client,
      authentication,
      refresh_token,
      {
        ...requestOptions(config),
        additionalParameters: { scope: formatScope(scopes) },
      },
    )
    const issuer = await issuerSpelling(as, response)
    const body = await oauth.processRefreshTokenResponse({ ...as, issuer }, client, response)
    const claims = oauth.getValidatedIdTokenClaims(body)
    if (claims && claims.sub !== sub) throw new BrokerError('server_error', 'id_token_invalid')
    return readTokens(body, requested_at, scopes)
  } catch (error) {
    throw googleFailure(error)
  }
}

/** Takes what the broker keeps from a token response; the ID token is not among it (TMB-29). */
function readTokens(
  body: oauth.TokenEndpointResponse,
  requested_at: number,
  asked: ScopeSet,
): Tokens {
  const { access_token, token_type, expires_in, refresh_token } = body
  if (token_type !== 'bearer' || !isSaneLife(expires_in)) {
    throw new BrokerError('temporarily_unavailable', 'google_unexpected_answer')
  }
  const refreshLife = body['refresh_token_expires_in']
  return {
    access_token,
    expires_at: requested_at + expires_in,
    expires_in,
    scope: body.scope === undefined ? asked : parseScope(body.scope),
    ...(refresh_token === undefined ? {} : { refresh_token }),
    ...(isSaneLife(refreshLife) ? { refresh_token_expires_at: requested_at + refreshLife } : {}),
  }
}

function isSaneLife(seconds: unknown): seconds is number {
  return typeof seconds === 'number' && seconds > 0 && seconds <= MAX_LIFE_SECONDS
}
