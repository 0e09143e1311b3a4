/** This file is the ID token: whose tokens these are, believed only after every check. */

import { decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import * as oauth from 'oauth4webapi'
import { now } from '../clock.ts'
import type { Config } from '../config.ts'
import { BrokerError } from '../errors.ts'
import { findKey } from '../key-set.ts'
import type { Provider } from './provider.ts'

/** Google spells its issuer in two ways; both are one (TMB-27). */
const GOOGLE_ISSUERS = ['https://accounts.google.com', 'accounts.google.com']

/** A clock that is ahead by this much is forgiven. */
const CLOCK_SKEW_SECONDS = 60

/** Google's limit for `sub`, in characters. */
const MAX_SUB_LENGTH = 255

/** Tells which spelling of its own issuer a provider used in the ID token of an unread token response. */
export async function issuerSpelling(
  as: oauth.AuthorizationServer,
  response: Response,
): Promise<string> {
  if (!GOOGLE_ISSUERS.includes(as.issuer)) return as.issuer
  try {
    const { id_token } = (await response.clone().json()) as { id_token: string }
    const { iss } = decodeJwt(id_token)
    return iss !== undefined && GOOGLE_ISSUERS.includes(iss) ? iss : as.issuer
  } catch {
    return as.issuer
  }
}

/**
 * Finishes checking the ID token of a token response, of which oauth4webapi has checked issuer, audience,
 * expiry and nonce: the signature by the provider's keys, one audience only, issue time, and `at_hash`.
 *
 * @returns the `sub`
 * @throws {BrokerError} `server_error` when anything is not right, `temporarily_unavailable` when the keys
 *   cannot be had
 * @see OpenID Connect Core §3.1.3.7 and §3.1.3.8; TMB-25, TMB-29
 */
export async function verifyIdToken(
  config: Config,
  { as, client }: Provider,
  body: oauth.TokenEndpointResponse,
): Promise<string> {
  const claims = oauth.getValidatedIdTokenClaims(body)
  if (!claims || body.id_token === undefined) throw invalid()
  await verifySignature(config, as, body.id_token)
  const audience = Array.isArray(claims.aud) ? claims.aud : [claims.aud]
  if (audience.length !== 1 || (claims.azp ?? client.client_id) !== client.client_id)
    throw invalid()
  if (claims.iat > now() + CLOCK_SKEW_SECONDS) throw invalid()
  if (
    claims['at_hash'] !== undefined &&
    claims['at_hash'] !== (await atHash(body.id_token, body.access_token))
  )
    throw invalid()
  if (claims.sub.length > MAX_SUB_LENGTH) throw invalid()
  return claims.sub
}

async function verifySignature(
  config: Config,
  { id_token_signing_alg_values_supported = ['RS256'], jwks_uri = '' }: oauth.AuthorizationServer,
  id_token: string,
): Promise<void> {
  try {
    await jwtVerify(id_token, (header, jws) => findKey(config, jwks_uri, header, jws), {
      algorithms: id_token_signing_alg_values_supported.filter((alg) => !alg.startsWith('HS')),
      currentDate: new Date(now() * 1000),
    })
  } catch (error) {
    throw error instanceof BrokerError ? error : invalid(error)
  }
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
