/** This file is the token endpoint: a code or a refresh token in, tokens out, and nothing believed unchecked. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { formatScope, parseScope, type ScopeSet } from '../scope/scopes.ts'
import { redirectUri } from './authorization-endpoint.ts'
import { discover } from './discovery.ts'
import { unexpectedAnswer } from './failure.ts'
import { readIdToken, verifyIdToken } from './id-token.ts'
import { post, readJson } from './request.ts'

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
 * @throws {BrokerError} `temporarily_unavailable`, or `server_error` when the code or the ID token is not good
 * @see RFC 6749 §4.1.3, RFC 7636 §4.5, OpenID Connect Core §3.1.3
 */
export async function exchangeCode(
  config: Config,
  code: string,
  expected: { code_verifier: string; nonce: string; scopes: ScopeSet },
): Promise<{ tokens: Tokens; sub: string }> {
  const provider = await discover(config)
  const requested_at = now()
  const { code_verifier, nonce, scopes } = expected
  const asking = post(config, provider, 'token_endpoint', {
    grant_type: 'authorization_code',
    code,
    code_verifier,
    redirect_uri: redirectUri(config),
  })
  const answer = await readJson(await asking.catch(refuseCode))
  const tokens = readTokens(answer, requested_at, scopes)
  const { id_token } = answer
  if (typeof id_token !== 'string') throw unexpectedAnswer()
  const sub = await verifyIdToken(config, provider, {
    ...{ id_token, nonce },
    access_token: tokens.access_token,
  })
  return { tokens, sub }
}

/** A dead code says nothing of any grant. */
function refuseCode(error: unknown): never {
  const isDead = error instanceof BrokerError && error.failure.reason === 'google_invalid_grant'
  throw isDead
    ? new BrokerError('server_error', 'google_refuses_code', { cause: error.cause })
    : error
}

/**
 * Trades a refresh token for a new access token of exactly `scopes`.
 *
 * Google usually sends no `refresh_token` here; the caller keeps the old one. Where an ID token comes along, it
 * has to name the same user (TMB-28). An answer that does not tell its scope is taken to be of all that was granted,
 * `scope`: that it was narrowed has to be seen (TMB-46).
 *
 * @throws {BrokerError} `consent_required` with reason `google_invalid_grant` when the refresh token is dead,
 *   else `temporarily_unavailable` or `server_error`, which say nothing about the grant
 * @see RFC 6749 §6; TMB-23
 */
export async function refresh(
  config: Config,
  { refresh_token, scope, sub }: { refresh_token: string; scope: string; sub: string },
  scopes: ScopeSet,
): Promise<Tokens> {
  const provider = await discover(config)
  const requested_at = now()
  const parameters = { grant_type: 'refresh_token', refresh_token, scope: formatScope(scopes) }
  const answer = await readJson(await post(config, provider, 'token_endpoint', parameters))
  const { id_token } = answer
  if (id_token !== undefined && readIdToken(config, provider, id_token) !== sub)
    throw new BrokerError('server_error', 'id_token_invalid')
  return readTokens(answer, requested_at, parseScope(scope))
}

/**
 * Takes what the broker keeps from a token response; the ID token is not among it (TMB-29).
 *
 * @throws {BrokerError} `temporarily_unavailable` when it is none; RFC 6749 §5.1
 */
function readTokens(
  answer: Readonly<Record<string, unknown>>,
  requested_at: number,
  untold: ScopeSet,
): Tokens {
  const { access_token, token_type, refresh_token, scope } = answer
  const expires_in = numberOf(answer['expires_in'])
  if (
    !isText(access_token) ||
    !isText(token_type) ||
    token_type.toLowerCase() !== 'bearer' ||
    !isSaneLife(expires_in) ||
    !(refresh_token === undefined || isText(refresh_token)) ||
    !(scope === undefined || typeof scope === 'string')
  )
    throw unexpectedAnswer()
  const refreshLife = answer['refresh_token_expires_in']
  return {
    access_token,
    expires_at: requested_at + expires_in,
    expires_in,
    scope: scope === undefined ? untold : parseScope(scope),
    ...(refresh_token === undefined ? {} : { refresh_token }),
    ...(isSaneLife(refreshLife) ? { refresh_token_expires_at: requested_at + refreshLife } : {}),
  }
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== ''
}

/** Some providers write numbers as text. */
function numberOf(value: unknown): unknown {
  return typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value
}

function isSaneLife(seconds: unknown): seconds is number {
  return typeof seconds === 'number' && seconds > 0 && seconds <= MAX_LIFE_SECONDS
}
