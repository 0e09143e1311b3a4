/** This file is the user of an app that signs its users in itself: known by the JWT their issuer gave them. */

import { decodeJwt, type JWTPayload, type JWTVerifyResult, jwtVerify } from 'jose'
import { now } from '../clock.ts'
import type { AppIssuer, Client } from '../config/clients.ts'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { findKey } from '../net/key-sets.ts'

/** A user whose JWT is good. */
export interface AppUser {
  client: Client
  /** Unique within the issuer. */
  sub: string
  /** The pseudonym of (client, issuer, sub) that storage knows the user by. */
  subject: string
  /** The key this JWT is bound to, if it is bound to one; RFC 9449 §6.1. */
  jkt?: string
}

/** Longer JWTs are not even read (TMB-73). */
const MAX_JWT_LENGTH = 8 * 1024

/** A JWT that lives longer than this is no credential for a browser (TMB-41). */
const MAX_LIFE_SECONDS = 24 * 60 * 60
const MAX_SUB_LENGTH = 255
const CLOCK_SKEW_SECONDS = 60

/** A kind of its own, such as `logout+jwt` or `secevent+jwt`, is not ours to take; RFC 8725 §3.11. */
const TYPES = [undefined, 'jwt', 'at+jwt', 'application/at+jwt']

/** Only an ID token or an event has these; OpenID Connect Core §2, RFC 8417 §2.2. */
const FOREIGN_CLAIMS = ['nonce', 'at_hash', 'c_hash', 's_hash', 'events']

/** Keys that come with the token prove nothing (TMB-40). */
const KEY_HEADERS = ['jwk', 'jku', 'x5u', 'x5c']

/**
 * Verifies the JWT of an app's user, and says whose it is and which client's.
 *
 * An issuer or audience that no client has costs no request (TMB-42).
 *
 * @throws {BrokerError} `login_required`, the same for every fault, or `temporarily_unavailable` when the
 *   issuer's keys cannot be had
 * @see RFC 7519 §7.2, RFC 7523 §3, RFC 8725 §3; TMB-40, TMB-41
 */
export async function verifyAppJwt(config: Config, jwt: string): Promise<AppUser> {
  try {
    if (jwt.length > MAX_JWT_LENGTH) throw new TypeError('too long')
    const { client, app_issuer } = whose(config, decodeJwt(jwt))
    const { payload, protectedHeader } = await verify(config, app_issuer, jwt)
    const sub = checkKind(payload, protectedHeader)
    const subject = await config.pseudonyms.subjectKey({
      client: client.id,
      iss: app_issuer.issuer,
      sub,
    })
    const jkt = boundKey(payload)
    return { client, sub, subject, ...(jkt === undefined ? {} : { jkt }) }
  } catch (cause) {
    if (cause instanceof BrokerError) throw cause
    throw new BrokerError('login_required', 'app_jwt_invalid', { cause })
  }
}

/** Finds the client that a JWT, still unverified, claims to be for. */
function whose(
  config: Config,
  { iss, aud }: JWTPayload,
): { client: Client; app_issuer: AppIssuer } {
  const audience = [aud].flat()
  for (const client of config.clients.values()) {
    const { app_issuer } = client
    if (app_issuer && app_issuer.issuer === iss && audience.includes(app_issuer.audience))
      return { client, app_issuer }
  }
  throw new TypeError('no such issuer')
}

async function verify(
  config: Config,
  { issuer, audience, jwks_uri, algorithms }: AppIssuer,
  jwt: string,
): Promise<JWTVerifyResult> {
  return jwtVerify(jwt, (header, jws) => findKey(config, jwks_uri, header, jws), {
    algorithms: [...algorithms],
    issuer,
    audience,
    requiredClaims: ['exp', 'iat', 'sub'],
    clockTolerance: CLOCK_SKEW_SECONDS,
    currentDate: new Date(now() * 1000),
  })
}

/** Makes sure that a JWT is an access token's like, and no other thing that its issuer signs. @returns its `sub` */
function checkKind(payload: JWTPayload, header: object & { typ?: string }): string {
  const { sub, exp = 0, iat = 0 } = payload
  const isKnownType = TYPES.includes(header.typ?.toLowerCase())
  const isForeign = FOREIGN_CLAIMS.some((claim) => payload[claim] !== undefined)
  const bringsKey = KEY_HEADERS.some((name) => name in header)
  if (!isKnownType || isForeign || bringsKey) throw new TypeError('another kind of JWT')
  if (iat > now() + CLOCK_SKEW_SECONDS || exp - iat > MAX_LIFE_SECONDS || exp <= iat)
    throw new TypeError('not a life for a browser')
  if (typeof sub !== 'string' || sub === '' || sub.length > MAX_SUB_LENGTH)
    throw new TypeError('no such subject')
  return sub
}

function boundKey({ cnf }: JWTPayload): string | undefined {
  if (cnf === undefined) return undefined
  const { jkt } = (cnf ?? {}) as { jkt?: unknown }
  if (typeof jkt !== 'string') throw new TypeError('bound to what we cannot check')
  return jkt
}
