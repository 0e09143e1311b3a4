/** The ID token: the checks that the OAuth library does not make. */

import { compactVerify, decodeJwt, type JWTPayload } from 'jose'
import * as oauth from 'oauth4webapi'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { base64url, timingSafeEqual } from '../crypto/digest.ts'
import { BrokerError } from '../errors.ts'
import { findKey } from '../net/key-sets.ts'
import type { Server } from './discovery.ts'

/** The two ways in which Google spells its issuer (TMB-27). */
const GOOGLE_ISSUERS = ['https://accounts.google.com', 'accounts.google.com']

/** How far `iat` may be in the future, in seconds. */
const CLOCK_SKEW_SECONDS = 60

/** The longest `sub`, in characters; OpenID Connect Core §2. */
const MAX_SUB_LENGTH = 255

/** Returns the metadata with Google's issuer spelled as in the ID token: the library accepts one spelling only. */
export function spelledAsIn(server: Server, id_token: unknown): oauth.AuthorizationServer {
  const { iss = '' } = unverifiedClaims(id_token)
  const isGoogle = [server.issuer, iss].every((issuer) => GOOGLE_ISSUERS.includes(issuer))
  return isGoogle ? { ...server, issuer: iss } : server
}

/**
 * Compares the `nonce` of an ID token in constant time, which the library does not (TMB-26).
 *
 * @throws {BrokerError} `server_error` when it is a different one
 */
export function checkNonce(id_token: string, nonce: string): void {
  if (!timingSafeEqual(String(unverifiedClaims(id_token)['nonce']), nonce)) throw invalidIdToken()
}

/**
 * Checks the ID token of an answer that the library accepted: one audience only, `azp`, issue time, `sub`.
 *
 * @returns the `sub`
 * @throws {BrokerError} `server_error` when one of them is wrong
 * @see OpenID Connect Core §3.1.3.7
 */
export function checkClaims({ client_id }: Config, answer: oauth.TokenEndpointResponse): string {
  const claims = oauth.getValidatedIdTokenClaims(answer)
  if (!claims) throw invalidIdToken()
  const { aud, azp = client_id, iat, sub } = claims
  const isForUs = [aud].flat().length === 1 && azp === client_id
  const isSub = sub !== '' && sub.length <= MAX_SUB_LENGTH
  if (!isForUs || !isSub || iat > now() + CLOCK_SKEW_SECONDS) throw invalidIdToken()
  return sub
}

/**
 * Verifies an ID token's signature with the provider's keys, and its `at_hash` where it has one.
 *
 * @throws {BrokerError} `server_error` when one of them is wrong, `temporarily_unavailable` when there are no keys
 * @see OpenID Connect Core §3.1.3.6 and §3.1.3.8; TMB-25, TMB-29
 */
export async function verifySignature(
  config: Config,
  { jwks_uri, id_token_signing_alg_values_supported: algorithms }: Server,
  { id_token, access_token }: { id_token: string; access_token: string },
): Promise<void> {
  const { protectedHeader } = await compactVerify(
    id_token,
    (header, jws) => findKey(config, jwks_uri, header, jws),
    { algorithms },
  ).catch((error: unknown) => {
    throw error instanceof BrokerError ? error : invalidIdToken(error)
  })
  const { at_hash } = unverifiedClaims(id_token)
  if (at_hash !== undefined && at_hash !== (await atHash(protectedHeader.alg, access_token)))
    throw invalidIdToken()
}

/** Makes the error for an ID token that is wrong. */
export function invalidIdToken(cause?: unknown): BrokerError {
  return new BrokerError('id_token_invalid', { cause })
}

/** Returns no claims when the value is not a JWT; the library refuses such a value. */
function unverifiedClaims(id_token: unknown): JWTPayload {
  try {
    return decodeJwt(String(id_token))
  } catch {
    return {}
  }
}

/** The left half of the access token's hash, by the hash of the signing algorithm. */
async function atHash(alg: string, access_token: string): Promise<string> {
  const [bits = '512'] = /256$|384$/.exec(alg) ?? []
  const digest = await crypto.subtle.digest(`SHA-${bits}`, new TextEncoder().encode(access_token))
  return base64url(digest.slice(0, digest.byteLength / 2))
}
