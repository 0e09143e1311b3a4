/** The issuer of an app's users: keys, a JWKS, and JWTs, valid or not. */

import { exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose'
import { gallery } from './frontend.ts'
import { register } from './internet.ts'

const ISSUER = 'https://id.example'
const JWKS_URI = 'https://id.example/keys'
const AUDIENCE = 'https://broker.example/api'

/** An entry of `CLIENTS` whose users sign in at this issuer. */
export const ALBUM_CLIENT = {
  origins: [gallery.origin],
  redirect_uris: [gallery.redirect_uri],
  issuer: ISSUER,
  audience: AUDIENCE,
  jwks_uri: JWKS_URI,
}

/** What every exchange of a JWT has in its form; RFC 8693 §2.1. */
export const EXCHANGE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
}

/** How a JWT differs from a valid one; `undefined` removes a member. */
export interface JwtChange {
  header?: Record<string, unknown>
  claims?: Record<string, unknown>
  key?: CryptoKey | Uint8Array
}

/** The issuer. */
export interface AppIssuer {
  /** Issues the JWT of a user. */
  jwt(sub: string, change?: JwtChange): Promise<string>
  /** The keys in its JWKS. */
  keys: JWK[]
  /** How its JWKS answers. */
  answer: () => Response | Promise<Response>
  /** Number of requests for its JWKS. */
  readonly fetched: () => number
}

/** Made once, because an RSA key takes longer than most tests. */
const keys = new Map<string, CryptoKeyPair>()

async function keysFor(alg: string): Promise<CryptoKeyPair> {
  const pair =
    keys.get(alg) ?? ((await generateKeyPair(alg, { extractable: true })) as CryptoKeyPair)
  keys.set(alg, pair)
  return pair
}

/** Registers an issuer. */
export async function openIssuer(alg: 'RS256' | 'ES256' = 'RS256'): Promise<AppIssuer> {
  const { publicKey, privateKey } = await keysFor(alg)
  const jwk = { ...(await exportJWK(publicKey)), kid: 'k1', alg, use: 'sig' }
  let fetched = 0
  const issuer: AppIssuer = {
    keys: [jwk],
    answer: () => Response.json({ keys: issuer.keys }),
    fetched: () => fetched,
    async jwt(sub, { header = {}, claims = {}, key = privateKey } = {}) {
      const at = Math.floor(Date.now() / 1000)
      const payload = { iss: ISSUER, aud: AUDIENCE, sub, iat: at, exp: at + 3600, ...claims }
      return new SignJWT(payload)
        .setProtectedHeader({ alg, kid: 'k1', ...header })
        .sign(key, { crit: { x: false } })
    },
  }
  register(new URL(JWKS_URI).origin, (request) => {
    if (request.url !== JWKS_URI) return new Response(null, { status: 404 })
    fetched++
    return issuer.answer()
  })
  return issuer
}
