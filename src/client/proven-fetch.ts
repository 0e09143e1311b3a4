/** This file is DPoP in the browser: proofs by a key that cannot leave it, with the broker's nonce and clock; RFC 9449. */

import { base64url, sha256, utf8 } from './bytes.ts'
import type { Store } from './store.ts'

/** What this browser keeps of a session. */
export interface StoredSession {
  keys: CryptoKeyPair
  refresh_token: string
  nonce: string
}

/** A clock that is off by more than this is corrected. */
const MAX_SKEW_SECONDS = 30

/** Sends a request with a proof; `token` is the access token that it shows, if it shows one. */
export type ProvenFetch = (
  path: string,
  init: RequestInit & { method: string },
  token?: string,
) => Promise<Response>

/** Makes the proofs for a broker. */
export function createProvenFetch(url: string, store: Store<StoredSession>): ProvenFetch {
  /** How far the broker's clock is ahead of ours, in seconds. */
  let skew = 0

  const keys = async (): Promise<CryptoKeyPair> => {
    const kept = await store.get('keys')
    if (kept) return kept
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const made = await crypto.subtle.generateKey(algorithm, false, ['sign'])
    await store.set('keys', made)
    return made
  }

  const prove = async (method: string, path: string, token?: string): Promise<string> => {
    const { privateKey, publicKey } = await keys()
    const { kty, crv, x, y } = await crypto.subtle.exportKey('jwk', publicKey)
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: { kty, crv, x, y } }
    const claims = {
      jti: crypto.randomUUID(),
      htm: method,
      htu: url + path,
      iat: Math.floor(Date.now() / 1000 + skew),
      nonce: await store.get('nonce'),
      ath: token && (await sha256(token)),
    }
    const text = [header, claims].map((part) => base64url(utf8(JSON.stringify(part)))).join('.')
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
    const signature = await crypto.subtle.sign(algorithm, privateKey, utf8(text))
    return `${text}.${base64url(signature)}`
  }

  /** Learns clock and nonce from an answer; @returns whether the next proof will be another for it */
  const learn = async ({ headers }: Response): Promise<boolean> => {
    const nonce = headers.get('DPoP-Nonce')
    if (nonce) await store.set('nonce', nonce)
    const ahead = (Date.parse(headers.get('Date') ?? '') - Date.now()) / 1000
    const isOff = Math.abs(ahead - skew) > MAX_SKEW_SECONDS
    if (isOff) skew = ahead
    return isOff
  }

  return async function provenFetch(path, init, token) {
    const once = async (): Promise<[Response, boolean]> => {
      const headers = new Headers(init.headers)
      headers.set('DPoP', await prove(init.method, path, token))
      if (token) headers.set('Authorization', `DPoP ${token}`)
      const response = await fetch(url + path, { ...init, headers })
      return [response, await learn(response)]
    }
    const [response, isMended] = await once()
    if (response.ok) return response
    const { error } = await response
      .clone()
      .json()
      .catch(() => ({}))
    const again = error === 'use_dpop_nonce' || (error === 'invalid_dpop_proof' && isMended)
    return again ? (await once())[0] : response
  }
}
