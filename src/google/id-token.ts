/** This file is the ID token: whose tokens these are, believed only after every check. */

import { decodeJwt, decodeProtectedHeader, type JWTPayload, jwtVerify } from 'jose'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { timingSafeEqual } from '../crypto/digest.ts'
import { BrokerError } from '../errors.ts'
import { findKey } from '../net/key-sets.ts'
import type { Provider } from './discovery.ts'

/** Google spells its issuer in two ways; both are one (TMB-27). */
const GOOGLE_ISSUERS = ['https://accounts.google.com', 'accounts.google.com']

/** A clock that is ahead by this much is forgiven. */
const CLOCK_SKEW_SECONDS = 60

/** Google's limit for `sub`, in characters. */
const MAX_SUB_LENGTH = 255

/**
 * Checks the ID token of a code exchange: signature by the provider's keys, issuer, one audience only, expiry,
 * issue time, `nonce` and `at_hash`.
 *
 * @returns the `sub`
 * @throws {BrokerError} `server_error` when anything is not right, `temporarily_unavailable` when the keys
 *   cannot be had
 * @see OpenID Connect Core §3.1.3.7 and §3.1.3.8; TMB-25, TMB-26, TMB-29
 */
export async function verifyIdToken(
  config: Config,
  provider: Provider,
  { access_token, id_token, nonce }: { access_token: string; id_token: string; nonce: string },
): Promise<string> {
  const claims = await verifySignature(config, provider, id_token)
  const sub = checkClaims(config, provider, claims)
  const { at_hash } = claims
  if (!timingSafeEqual(String(claims['nonce']), nonce)) throw invalid()
  if (at_hash !== undefined && at_hash !== (await atHash(id_token, access_token))) throw invalid()
  return sub
}

/**
 * Reads the ID token that may come with a refresh, straight from the token endpoint: by TLS it is the provider's
 * own, so its signature need not be checked, but its claims are; OpenID Connect Core §3.1.3.7 (6) and §12.2.
 *
 * @returns the `sub`
 * @throws {BrokerError} `server_error` when anything is not right
 */
export function readIdToken(config: Config, provider: Provider, id_token: unknown): string {
  try {
    return checkClaims(config, provider, decodeJwt(String(id_token)))
  } catch (error) {
    throw invalid(error)
  }
}

async function verifySignature(
  config: Config,
  { endpoints, id_token_signing_algs }: Provider,
  id_token: string,
): Promise<JWTPayload> {
  const jwks_uri = endpoints.get('jwks_uri') ?? ''
  try {
    const { payload } = await jwtVerify(
      id_token,
      (header, jws) => findKey(config, jwks_uri, header, jws),
      {
        algorithms: [...id_token_signing_algs],
        currentDate: new Date(now() * 1000),
      },
    )
    return payload
  } catch (error) {
    throw error instanceof BrokerError ? error : invalid(error)
  }
}

/** Checks whom an ID token is from, for and about, and whether it is in time; @returns the `sub` */
function checkClaims(
  { client_id }: Config,
  { issuer }: Provider,
  { aud, azp = client_id, exp, iat, iss, sub }: JWTPayload,
): string {
  const issuers = GOOGLE_ISSUERS.includes(issuer) ? GOOGLE_ISSUERS : [issuer]
  const audience = [aud].flat()
  if (
    !issuers.includes(iss ?? '') ||
    audience.length !== 1 ||
    audience[0] !== client_id ||
    azp !== client_id ||
    typeof exp !== 'number' ||
    exp <= now() ||
    typeof iat !== 'number' ||
    iat > now() + CLOCK_SKEW_SECONDS ||
    typeof sub !== 'string' ||
    sub === '' ||
    sub.length > MAX_SUB_LENGTH
  )
    throw invalid()
  return sub
}

/** The left half of the access token's hash, by the hash of the signing algorithm; OpenID Connect Core §3.1.3.6. */
async function atHash(id_token: string, access_token: string): Promise<string> {
  const [bits = '512'] = /256$|384$/.exec(String(decodeProtectedHeader(id_token).alg)) ?? []
  const digest = new Uint8Array(
    await crypto.subtle.digest(`SHA-${bits}`, new TextEncoder().encode(access_token)),
  )
  return digest.slice(0, digest.length / 2).toBase64({ alphabet: 'base64url', omitPadding: true })
}

function invalid(cause?: unknown): BrokerError {
  return new BrokerError('server_error', 'id_token_invalid', { cause })
}
