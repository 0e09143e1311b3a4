/** The ID token as Google makes it, and its faults. */

import { type JWTPayload, SignJWT } from 'jose'
import type { Effects } from '../faults/vocabulary.ts'
import { EMAIL, PROFILE } from '../google-scopes.ts'
import type { Simulation } from '../simulation.ts'
import type { Account } from '../world.ts'
import { makeKey, publicKeys, signingKey } from './keys.ts'

/** How long an ID token is valid, in seconds. */
const ID_TOKEN_SECONDS = 3600

/** How far `expired` and `future_iat` are from now, in seconds: more than any clock is wrong. */
const FAR_SECONDS = 24 * 60 * 60

type IdTokenFault = Effects['id_token']

type Claims = JWTPayload & { iss: string; aud: string; iat: number; exp: number }

/** The faults that change claims; the others change the signature. */
const CHANGES: Partial<Record<NonNullable<IdTokenFault>, (claims: Claims) => object>> = {
  wrong_iss: () => ({ iss: 'https://accounts.evil.example' }),
  iss_without_https: ({ iss }) => ({ iss: iss.replace(/^https?:\/\//, '') }),
  wrong_aud: () => ({ aud: 'another-client' }),
  extra_aud: ({ aud }) => ({ aud: [aud, 'another-client'] }),
  wrong_azp: () => ({ azp: 'another-client' }),
  wrong_sub: () => ({ sub: '100000000000000000000' }),
  expired: ({ iat, exp }) => ({ iat: iat - FAR_SECONDS, exp: exp - FAR_SECONDS }),
  future_iat: ({ iat, exp }) => ({ iat: iat + FAR_SECONDS, exp: exp + FAR_SECONDS }),
  missing_nonce: () => ({ nonce: undefined }),
  wrong_nonce: () => ({ nonce: 'another-nonce' }),
  wrong_at_hash: () => ({ at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }),
}

/** Makes the ID token of a token response; `undefined` with the fault `missing`. */
export async function createIdToken(
  simulation: Simulation,
  token: {
    client_id: string
    account: Account
    scopes: readonly string[]
    access_token: string
    nonce: string | undefined
  },
  fault: IdTokenFault,
): Promise<string | undefined> {
  if (fault === 'missing') return undefined
  const { client_id, account, scopes, nonce } = token
  const iat = Math.floor(simulation.appsNow())
  const claims: Claims = {
    iss: simulation.origin,
    azp: client_id,
    aud: client_id,
    sub: account.sub,
    ...(account.hd === undefined ? {} : { hd: account.hd }),
    ...(scopes.includes(EMAIL) ? { email: account.email, email_verified: true } : {}),
    at_hash: await atHash(token.access_token),
    ...(nonce === undefined ? {} : { nonce }),
    ...(scopes.includes(PROFILE) ? { name: account.name } : {}),
    iat,
    exp: iat + ID_TOKEN_SECONDS,
  }
  const change = fault === undefined ? undefined : CHANGES[fault]
  return sign(simulation, { ...claims, ...change?.(claims) }, fault)
}

async function sign(
  simulation: Simulation,
  claims: JWTPayload,
  fault: IdTokenFault,
): Promise<string> {
  const encode = (json: object): string =>
    new TextEncoder()
      .encode(JSON.stringify(json))
      .toBase64({ alphabet: 'base64url', omitPadding: true })
  if (fault === 'alg_none') return `${encode({ alg: 'none', typ: 'JWT' })}.${encode(claims)}.`
  const published = await signingKey(simulation)
  const key = fault === 'wrong_key' ? await makeKey() : published
  const kid = fault === 'wrong_kid' ? 'unknown-key' : (published.kid ?? '')
  const jwt = new SignJWT(claims)
  if (fault !== 'alg_hs256')
    return jwt.setProtectedHeader({ alg: 'RS256', kid, typ: 'JWT' }).sign(key)
  const secret = new TextEncoder().encode(JSON.stringify((await publicKeys(simulation)).keys[0]))
  return jwt.setProtectedHeader({ alg: 'HS256', kid, typ: 'JWT' }).sign(secret)
}

/** The left half of the access token's SHA-256; OpenID Connect Core §3.1.3.6. */
async function atHash(access_token: string): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(access_token))
  return new Uint8Array(digest, 0, 16).toBase64({ alphabet: 'base64url', omitPadding: true })
}
