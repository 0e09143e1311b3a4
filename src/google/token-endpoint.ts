/** The token endpoint: exchanges a code or a refresh token for tokens. */

import * as oauth from 'oauth4webapi'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { formatScope, parseScope, type ScopeSet } from '../scope/scopes.ts'
import { redirectUri } from './authorization-endpoint.ts'
import { discover } from './discovery.ts'
import { unexpectedAnswer } from './failure.ts'
import {
  checkClaims,
  checkNonce,
  invalidIdToken,
  spelledAsIn,
  verifySignature,
} from './id-token.ts'
import { readJson } from './request.ts'

/** What the broker keeps of a token response; the ID token is not part of it (TMB-29). */
export interface Tokens {
  access_token: string
  /** NumericDate, counted from before the request, so it is never too late (TMB-45). */
  expires_at: number
  /** Lifetime of the access token, in seconds. */
  expires_in: number
  /** What was granted. */
  scope: ScopeSet
  /** Present at the first consent, after `prompt=consent`, and when Google rotates it. */
  refresh_token?: string
  /** NumericDate; present when the user limited the time of the grant. */
  refresh_token_expires_at?: number
}

/** The longest lifetime of a token that is accepted, in seconds. */
const MAX_LIFETIME_SECONDS = 366 * 24 * 60 * 60

/**
 * Exchanges an authorization code for tokens, and reads the user's `sub` from the ID token.
 *
 * @throws {BrokerError} `temporarily_unavailable`, or `server_error` when the code or the ID token is not valid
 * @see RFC 6749 §4.1.3, RFC 7636 §4.5, OpenID Connect Core §3.1.3
 */
export async function exchangeCode(
  config: Config,
  code: string,
  expected: { code_verifier: string; nonce: string; scopes: ScopeSet },
): Promise<{ tokens: Tokens; sub: string }> {
  const { server, client, clientAuth, options } = await discover(config)
  const requested_at = now()
  const { code_verifier, nonce, scopes } = expected
  const grant = { code, code_verifier, redirect_uri: redirectUri(config) }
  const response = await oauth
    .genericTokenEndpointRequest(server, client, clientAuth, 'authorization_code', grant, options)
    .catch(refuseCode)
  const { id_token } = await readTokenResponse(response)
  if (typeof id_token !== 'string') throw unexpectedAnswer()
  checkNonce(id_token, nonce)
  const answer = await oauth
    .processAuthorizationCodeResponse(spelledAsIn(server, id_token), client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
    .catch(refuseAnswer)
  const sub = checkClaims(config, answer)
  const tokens = readTokens(answer, requested_at, scopes)
  await verifySignature(config, server, { id_token, access_token: tokens.access_token })
  return { tokens, sub }
}

/** An invalid code does not end any grant. */
function refuseCode(error: unknown): never {
  const isInvalid = error instanceof BrokerError && error.failure.reason === 'google_invalid_grant'
  throw isInvalid ? new BrokerError('google_refuses_code', { cause: error.cause }) : error
}

/**
 * Exchanges a refresh token for an access token of exactly `scopes`.
 *
 * Google seldom sends a new `refresh_token` here; the caller keeps the old one. An ID token in the answer must name
 * the same user (TMB-28); it comes from the token endpoint over TLS, so its signature is not verified (OpenID Connect
 * Core §3.1.3.7 (6) and §12.2). An answer without `scope` counts as the whole grant, so that a provider that did not
 * down-scope is noticed (TMB-46).
 *
 * @throws {BrokerError} `consent_required` with the reason `google_invalid_grant` when the refresh token is invalid;
 *   `temporarily_unavailable` or `server_error` otherwise, which do not end the grant
 * @see RFC 6749 §6; TMB-23
 */
export async function refresh(
  config: Config,
  { refresh_token, scope, sub }: { refresh_token: string; scope: string; sub: string },
  scopes: ScopeSet,
): Promise<Tokens> {
  const { server, client, clientAuth, options } = await discover(config)
  const requested_at = now()
  const response = await oauth.refreshTokenGrantRequest(server, client, clientAuth, refresh_token, {
    ...options,
    additionalParameters: { scope: formatScope(scopes) },
  })
  const { id_token } = await readTokenResponse(response)
  const answer = await oauth
    .processRefreshTokenResponse(spelledAsIn(server, id_token), client, response)
    .catch(refuseAnswer)
  if (id_token !== undefined && checkClaims(config, answer) !== sub) throw invalidIdToken()
  return readTokens(answer, requested_at, parseScope(scope))
}

/** Reads a token response before the library does, which would read a lifetime of "12abc" as 12 seconds (TMB-18). */
async function readTokenResponse(response: Response): Promise<Record<string, unknown>> {
  const body = await readJson(response.clone())
  const { expires_in } = body
  const isDigits = typeof expires_in === 'string' && /^\d+$/.test(expires_in)
  if (typeof expires_in !== 'number' && !isDigits) throw unexpectedAnswer()
  return body
}

/** If the error of the library has `cause.body`, the answer is malformed; otherwise the ID token is. */
function refuseAnswer(error: unknown): never {
  const { cause } = error as { cause?: { body?: unknown } }
  throw cause?.body === undefined ? invalidIdToken(error) : unexpectedAnswer(error)
}

/**
 * Reads a token response that the library accepted.
 *
 * @param scope_if_omitted what was granted when the answer has no `scope`; RFC 6749 §5.1
 * @throws {BrokerError} `temporarily_unavailable` when its type or lifetime is not acceptable
 */
function readTokens(
  answer: oauth.TokenEndpointResponse,
  requested_at: number,
  scope_if_omitted: ScopeSet,
): Tokens {
  const { access_token, token_type, expires_in, refresh_token, scope } = answer
  if (token_type !== 'bearer' || !isLifetime(expires_in)) throw unexpectedAnswer()
  const { refresh_token_expires_in } = answer
  return {
    access_token,
    expires_at: requested_at + expires_in,
    expires_in,
    scope: scope === undefined ? scope_if_omitted : parseScope(scope),
    ...(refresh_token === undefined ? {} : { refresh_token }),
    ...(isLifetime(refresh_token_expires_in)
      ? { refresh_token_expires_at: requested_at + refresh_token_expires_in }
      : {}),
  }
}

function isLifetime(seconds: unknown): seconds is number {
  return typeof seconds === 'number' && seconds > 0 && seconds <= MAX_LIFETIME_SECONDS
}
