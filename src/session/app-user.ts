/** App users: users whom the app signs in itself, identified by a JWT of the app's issuer. */

import { decodeJwt, errors, type JWTPayload, type JWTVerifyResult, jwtVerify } from 'jose'
import { now } from '../clock.ts'
import type { AppIssuer, Client } from '../config/clients.ts'
import type { Config } from '../config/config.ts'
import { BrokerError, type Reason } from '../errors.ts'
import { findKey } from '../net/key-sets.ts'

/** A user with a valid JWT. */
export interface AppUser {
  client: Client
  /** Unique within the issuer. */
  sub: string
  /** The subject key: the pseudonym of (client, issuer, sub). */
  subject: string
  /** The key this JWT is bound to, if any; RFC 9449 §6.1. */
  jkt?: string
}

/** The largest JWT that is read, in characters (TMB-73). */
const MAX_JWT_LENGTH = 8 * 1024

/** The longest lifetime of a JWT, in seconds: a browser should hold nothing that lives longer (TMB-41). */
const MAX_LIFE_SECONDS = 24 * 60 * 60
const MAX_SUB_LENGTH = 255
const CLOCK_SKEW_SECONDS = 60

/** The accepted `typ` values; no other kind of JWT, such as `logout+jwt`, may stand for a user; RFC 8725 §3.11. */
const TYPES = [undefined, 'jwt', 'at+jwt', 'application/at+jwt']

/** Claims that only ID tokens and security events have; a JWT with one is refused; OpenID Connect Core §2, RFC 8417 §2.2. */
const FOREIGN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events']

/** The reasons for claims that jose checks. */
const CLAIMS: Readonly<Record<string, Reason>> = {
  aud: 'jwt_audience',
  exp: 'jwt_time',
  iat: 'jwt_time',
  iss: 'jwt_issuer',
  nbf: 'jwt_time',
  sub: 'jwt_sub',
}

/** Header parameters that bring a key: such a key proves nothing (TMB-40). */
const KEY_HEADERS = ['jwk', 'jku', 'x5u', 'x5c']

/**
 * Verifies the JWT of an app's user, and finds the client it is for.
 *
 * No request is made for an issuer or audience that no client has (TMB-42).
 *
 * @throws {BrokerError} `login_required` for every invalid JWT, with a reason that names the claim; `temporarily_unavailable` when the issuer's keys
 *   cannot be fetched
 * @see RFC 7519 §7.2, RFC 7523 §3, RFC 8725 §3; TMB-40, TMB-41
 */
export async function verifyAppJwt(config: Config, jwt: string): Promise<AppUser> {
  try {
    if (jwt.length > MAX_JWT_LENGTH) throw new BrokerError('jwt_malformed')
    const { client, app_issuer } = findClient(config, decodeJwt(jwt))
    const { payload, protectedHeader } = await verify(config, app_issuer, jwt)
    const sub = checkKind(payload, protectedHeader)
    const identity = { client: client.id, iss: app_issuer.issuer, sub }
    const subject = await config.pseudonyms.subjectKey(identity)
    const jkt = boundKey(payload)
    return { client, sub, subject, ...(jkt === undefined ? {} : { jkt }) }
  } catch (cause) {
    if (cause instanceof BrokerError) throw cause
    throw new BrokerError(reasonOf(cause), { cause })
  }
}

/** Finds the client of a JWT that is not verified yet. */
function findClient(
  config: Config,
  { iss, aud }: JWTPayload,
): { client: Client; app_issuer: AppIssuer } {
  const audience = [aud].flat()
  let reason: Reason = 'jwt_issuer'
  for (const client of config.clients.values()) {
    const { app_issuer } = client
    if (app_issuer?.issuer !== iss) continue
    reason = 'jwt_audience'
    if (app_issuer && audience.includes(app_issuer.audience)) return { client, app_issuer }
  }
  throw new BrokerError(reason)
}

async function verify(config: Config, app: AppIssuer, jwt: string): Promise<JWTVerifyResult> {
  const { issuer, audience, jwks_uri, algorithms } = app
  return jwtVerify(jwt, (header, jws) => findKey(config, jwks_uri, header, jws), {
    algorithms: [...algorithms],
    issuer,
    audience,
    requiredClaims: ['exp', 'iat', 'sub'],
    clockTolerance: CLOCK_SKEW_SECONDS,
    currentDate: new Date(now() * 1000),
  })
}

/** Checks that a JWT is meant for APIs and is no other kind of JWT of its issuer. @returns its `sub` */
function checkKind(payload: JWTPayload, header: object & { typ?: string }): string {
  const { sub, exp = 0, iat = 0 } = payload
  const isKnownType = TYPES.includes(header.typ?.toLowerCase())
  const isForeign = FOREIGN_CLAIMS.some((claim) => payload[claim] !== undefined)
  const hasKey = KEY_HEADERS.some((name) => name in header)
  if (!isKnownType) throw new BrokerError('jwt_type')
  if (isForeign) throw new BrokerError('jwt_foreign_claim')
  if (hasKey) throw new BrokerError('jwt_key_header')
  if (iat > now() + CLOCK_SKEW_SECONDS || exp <= iat) throw new BrokerError('jwt_time')
  if (exp - iat > MAX_LIFE_SECONDS) throw new BrokerError('jwt_lifetime')
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUB_LENGTH)
    throw new BrokerError('jwt_sub')
  return sub
}

function boundKey({ cnf }: JWTPayload): string | undefined {
  if (cnf === undefined) return undefined
  const { jkt } = (cnf ?? {}) as { jkt?: unknown }
  if (typeof jkt !== 'string') throw new BrokerError('jwt_bound_to_another_key')
  return jkt
}

/** The reason for an error of jose. */
function reasonOf(error: unknown): Reason {
  if (error instanceof errors.JWTExpired) return 'jwt_expired'
  if (error instanceof errors.JWTClaimValidationFailed)
    return CLAIMS[error.claim] ?? 'jwt_malformed'
  const isSignature = [
    errors.JWSSignatureVerificationFailed,
    errors.JOSEAlgNotAllowed,
    errors.JWKSNoMatchingKey,
    errors.JWKSMultipleMatchingKeys,
  ].some((kind) => error instanceof kind)
  return isSignature ? 'jwt_signature' : 'jwt_malformed'
}
