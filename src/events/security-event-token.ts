/** This file is the provider's word that something happened to an account or a token: a security event token, believed only after every check. */

import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { isIssuer, wellKnown } from '../google/discovery.ts'
import { unexpectedAnswer } from '../google/failure.ts'
import { readJson } from '../google/request.ts'
import { cached } from '../net/document-cache.ts'
import { findKey } from '../net/key-sets.ts'
import { cappedFetch } from '../net/outbound.ts'
import type { TokenIdentifier } from '../subject/provider-names.ts'
import type { SecurityEventType } from '../subject/security-event.ts'

/** What may happen, by the identifiers of OpenID RISC 1.0 and OAuth Event Types 1.0. */
const EVENT_TYPES = {
  'https://schemas.openid.net/secevent/oauth/event-type/tokens-revoked': 'tokens_revoked',
  'https://schemas.openid.net/secevent/oauth/event-type/token-revoked': 'token_revoked',
  'https://schemas.openid.net/secevent/risc/event-type/sessions-revoked': 'sessions_revoked',
  'https://schemas.openid.net/secevent/risc/event-type/account-disabled': 'account_disabled',
  'https://schemas.openid.net/secevent/risc/event-type/account-enabled': 'account_enabled',
  'https://schemas.openid.net/secevent/risc/event-type/account-purged': 'account_purged',
  'https://schemas.openid.net/secevent/risc/event-type/account-credential-change-required':
    'credential_change_required',
  'https://schemas.openid.net/secevent/risc/event-type/verification': 'verification',
} as const satisfies Record<string, SecurityEventType>

/** Something that happened, and to whom or what. */
export interface SecurityEvent {
  type: SecurityEventType
  /** The user at the provider. */
  sub?: string
  /** A refresh token, by what the provider says of it. */
  token?: TokenIdentifier
}

/** A security event token that is good; RFC 8417 §2.2. */
export interface SecurityEventToken {
  /** Names it among all that the provider ever sends. */
  jti: string
  /** NumericDate. */
  iat: number
  events: readonly SecurityEvent[]
}

/** One that comes later is refused; so long a `jti` has to be remembered. */
export const MAX_EVENT_AGE_SECONDS = 7 * 24 * 60 * 60

/** A clock that is ahead by this much is forgiven. */
const CLOCK_SKEW_SECONDS = 60
const MAX_NAME_LENGTH = 255

/** `JWT`, since it is not said that the provider is more explicit; RFC 8417 §2.3. */
const TYPES = [undefined, 'jwt', 'secevent+jwt', 'application/secevent+jwt']

/** Whatever has one of these is an ID token or the like; RFC 8417 §4.5. */
const FOREIGN_CLAIMS = ['exp', 'nonce', 'at_hash', 'azp']

/** Where the keys are of whoever sends events: by the provider's RISC configuration, if it has one. */
const keysOfTransmitter = cached('google_unreachable', fetchKeysUri)

/**
 * Verifies a security event token. One that does not even say it is from the provider and for us costs no request.
 *
 * @returns `undefined` where the provider sends no events at all
 * @throws {BrokerError} `invalid_request`, with a reason that begins with `event_`; `temporarily_unavailable` when
 *   the provider's keys cannot be had
 * @see RFC 8417 §2.2 and §4, RFC 8935 §2, RFC 8725 §3.11; TMB-67
 */
export async function verifySecurityEvent(
  config: Config,
  jwt: string,
): Promise<SecurityEventToken | undefined> {
  const claimed = decode(jwt)
  if (bare(claimed.iss) !== bare(config.issuer)) throw refused('event_issuer')
  if (![claimed.aud].flat().includes(config.client_id)) throw refused('event_audience')
  const jwks_uri = await keysOfTransmitter(config)
  if (jwks_uri === undefined) return undefined
  try {
    const { payload, protectedHeader } = await jwtVerify(
      jwt,
      (header, jws) => findKey(config, jwks_uri, header, jws),
      { algorithms: ['RS256'], currentDate: new Date(now() * 1000) },
    )
    if (!TYPES.includes(protectedHeader.typ?.toLowerCase())) throw refused('event_kind')
    return readClaims(config, payload)
  } catch (error) {
    throw error instanceof BrokerError ? error : refused(reasonOf(error), error)
  }
}

async function fetchKeysUri(config: Config): Promise<string | undefined> {
  const response = await cappedFetch(wellKnown(config, 'risc-configuration'), {
    headers: { Accept: 'application/json' },
  }).catch((cause: unknown) => {
    throw unexpectedAnswer(cause)
  })
  if (response.status === 404) return undefined
  if (response.status !== 200) throw unexpectedAnswer()
  const { issuer, jwks_uri } = await readJson(response)
  if (!isIssuer(config, issuer) || typeof jwks_uri !== 'string') throw unexpectedAnswer()
  return jwks_uri
}

function decode(jwt: string): JWTPayload {
  try {
    return decodeJwt(jwt)
  } catch (cause) {
    throw refused('event_malformed', cause)
  }
}

/** Google spells itself with a scheme and without, with a slash at the end and without. */
function bare(issuer: unknown): unknown {
  return typeof issuer === 'string' ? issuer.replace(/^https:\/\//, '').replace(/\/$/, '') : issuer
}

function readClaims(config: Config, payload: JWTPayload): SecurityEventToken {
  const { iat, jti, events } = payload as JWTPayload & { events?: unknown }
  const isForeign = FOREIGN_CLAIMS.some((claim) => payload[claim] !== undefined)
  const isEvent = typeof events === 'object' && events !== null && !Array.isArray(events)
  if (isForeign || !isEvent || Object.keys(events).length === 0) throw refused('event_kind')
  if (!isName(jti)) throw refused('event_jti')
  if (
    typeof iat !== 'number' ||
    iat > now() + CLOCK_SKEW_SECONDS ||
    iat < now() - MAX_EVENT_AGE_SECONDS
  )
    throw refused('event_time')
  return { jti, iat, events: Object.entries(events).map((event) => readEvent(config, ...event)) }
}

/** Whatever is not understood is left out: it may be right, and concern somebody else. */
function readEvent(config: Config, identifier: string, event: unknown): SecurityEvent {
  const type = Object.hasOwn(EVENT_TYPES, identifier)
    ? EVENT_TYPES[identifier as keyof typeof EVENT_TYPES]
    : 'other'
  const { iss, sub, token, token_identifier_alg } =
    (event as { subject?: Record<string, unknown> } | null)?.subject ?? {}
  const isOurs = isName(sub) && bare(iss) === bare(config.issuer)
  const alg = token_identifier_alg as TokenIdentifier['alg']
  const isToken = isName(token) && ['prefix', 'hash_base64_sha512_sha512'].includes(alg)
  return { type, ...(isOurs ? { sub } : {}), ...(isToken ? { token: { alg, token } } : {}) }
}

function isName(text: unknown): text is string {
  return typeof text === 'string' && text !== '' && text.length <= MAX_NAME_LENGTH
}

function reasonOf(error: unknown): string {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'event_signature'
  const isKey =
    error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSEAlgNotAllowed
  return isKey ? 'event_key' : 'event_malformed'
}

function refused(reason: string, cause?: unknown): BrokerError {
  return new BrokerError('invalid_request', reason, { cause })
}
