/** Verifies security event tokens of the provider; RFC 8417. */

import { decodeJwt, errors, type JWTPayload, jwtVerify } from 'jose'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { BrokerError, type Reason } from '../errors.ts'
import { isIssuer, wellKnown } from '../google/discovery.ts'
import { unexpectedAnswer } from '../google/failure.ts'
import { readJson } from '../google/request.ts'
import { cached } from '../net/document-cache.ts'
import { findKey } from '../net/key-sets.ts'
import { cappedFetch } from '../net/outbound.ts'
import type { TokenIdentifier } from '../subject/provider-names.ts'
import type { SecurityEventType } from '../subject/security-event.ts'

/** The known types by their identifiers; OpenID RISC 1.0, OAuth Event Types 1.0. */
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

/** A member of the `events` claim: what happened, and to which account or token. */
export interface EventClaim {
  type: SecurityEventType
  /** The user at the provider. */
  sub?: string | undefined
  /** The refresh token. */
  token?: TokenIdentifier | undefined
}

/** The claims of a valid security event token; RFC 8417 §2.2. */
export interface SecurityEventToken {
  /** Unique among all tokens of the provider. */
  jti: string
  /** NumericDate. */
  iat: number
  events: readonly EventClaim[]
}

/** How long a token is accepted, and so its `jti` is remembered, in seconds. */
export const MAX_EVENT_AGE_SECONDS = 7 * 24 * 60 * 60

/** How far the provider's clock may be ahead, in seconds. */
const CLOCK_SKEW_SECONDS = 60
/** The longest `jti`, `sub` or token identifier, in characters. */
const MAX_NAME_LENGTH = 255

/** The accepted `typ` values; explicit typing is only recommended; RFC 8417 §2.3. */
const TYPES = [undefined, 'jwt', 'secevent+jwt', 'application/secevent+jwt']

/** Claims of ID tokens and other JWTs, which are refused; RFC 8417 §4.5. */
const FOREIGN_CLAIMS = ['exp', 'nonce', 'at_hash', 'azp']

/** The `jwks_uri` of the provider's RISC configuration; `undefined` if the provider sends no events. */
const jwksUri = cached('google_unreachable', fetchKeysUri)

/**
 * Verifies a security event token. For another issuer or audience, no request is made.
 *
 * @returns `undefined` if the provider sends no events
 * @throws {BrokerError} `invalid_request` for an invalid token, with a reason that begins with `event_`;
 *   `temporarily_unavailable` when the provider's keys cannot be fetched
 * @see RFC 8417 §2.2 and §4, RFC 8935 §2, RFC 8725 §3.11; TMB-67
 */
export async function verifySecurityEvent(
  config: Config,
  jwt: string,
): Promise<SecurityEventToken | undefined> {
  const unverified = decode(jwt)
  if (normalized(unverified.iss) !== normalized(config.issuer)) throw refused('event_issuer')
  if (![unverified.aud].flat().includes(config.client_id)) throw refused('event_audience')
  const jwks_uri = await jwksUri(config)
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

/** Google writes its issuer with and without the scheme, and with and without a slash at the end. */
function normalized(issuer: unknown): unknown {
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

/** Reads an event. An unknown type, or a subject of another issuer, is ignored, not refused. */
function readEvent(config: Config, identifier: string, event: unknown): EventClaim {
  const type = Object.hasOwn(EVENT_TYPES, identifier)
    ? EVENT_TYPES[identifier as keyof typeof EVENT_TYPES]
    : 'other'
  const { iss, sub, token, token_identifier_alg } =
    (event as { subject?: Record<string, unknown> } | null)?.subject ?? {}
  const isOurs = isName(sub) && normalized(iss) === normalized(config.issuer)
  const alg = token_identifier_alg as TokenIdentifier['alg']
  const isToken = isName(token) && ['prefix', 'hash_base64_sha512_sha512'].includes(alg)
  return { type, sub: isOurs ? sub : undefined, token: isToken ? { alg, token } : undefined }
}

function isName(text: unknown): text is string {
  return typeof text === 'string' && text !== '' && text.length <= MAX_NAME_LENGTH
}

function reasonOf(error: unknown): Reason {
  if (error instanceof errors.JWSSignatureVerificationFailed) return 'event_signature'
  const isKey =
    error instanceof errors.JWKSNoMatchingKey || error instanceof errors.JOSEAlgNotAllowed
  return isKey ? 'event_key' : 'event_malformed'
}

function refused(reason: Reason, cause?: unknown): BrokerError {
  return new BrokerError(reason, { cause })
}
