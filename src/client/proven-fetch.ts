/** DPoP in the browser (RFC 9449): proofs with a key that scripts cannot export, and with the broker's nonce and clock. */

import { base64url, sha256, utf8 } from './bytes.ts'
import type { Store } from './store.ts'

/** The session of OAuth mode, as this browser stores it. */
export interface StoredSession {
  /** The DPoP key. */
  keys: CryptoKeyPair
  refresh_token: string
  /** The latest `DPoP-Nonce` of the broker. */
  nonce: string
}

/** The largest difference between the two clocks that is left uncorrected, in seconds. */
const MAX_SKEW_SECONDS = 30

/** Sends a request with a DPoP proof, and with `token` as its access token if given. */
export type ProvenFetch = (
  path: string,
  init: RequestInit & { method: string },
  token?: string | undefined,
) => Promise<Response>

/** The DPoP key of a browser. */
export interface ProofKey {
  /** Sends a request with a proof. */
  fetch: ProvenFetch
  /** Computes the thumbprint of the key, which is made if there is none; RFC 7638. */
  thumbprint(): Promise<string>
}

/** Opens the DPoP key that is stored for a broker. */
export function openProofKey(url: string, store: Store<StoredSession>): ProofKey {
  /** How far the broker's clock is ahead of this machine's, in seconds. */
  let skew = 0

  const keys = async (): Promise<CryptoKeyPair> => {
    const stored = await store.get('keys')
    if (stored) return stored
    const algorithm = { name: 'ECDSA', namedCurve: 'P-256' }
    const made = await crypto.subtle.generateKey(algorithm, false, ['sign'])
    await store.set('keys', made)
    return made
  }

  const publicJwk = async (): Promise<JsonWebKey> => {
    const { crv, kty, x, y } = await crypto.subtle.exportKey('jwk', (await keys()).publicKey)
    return { crv, kty, x, y } as JsonWebKey
  }

  const prove = async (method: string, path: string, token?: string): Promise<string> => {
    const { privateKey } = await keys()
    const header = { typ: 'dpop+jwt', alg: 'ES256', jwk: await publicJwk() }
    const claims = {
      jti: crypto.randomUUID(),
      htm: method,
      htu: url + path.split('?')[0],
      iat: Math.floor(Date.now() / 1000 + skew),
      nonce: await store.get('nonce'),
      ath: token && (await sha256(token)),
    }
    const text = [header, claims].map((part) => base64url(utf8(JSON.stringify(part)))).join('.')
    const algorithm = { name: 'ECDSA', hash: 'SHA-256' }
    const signature = await crypto.subtle.sign(algorithm, privateKey, utf8(text))
    return `${text}.${base64url(signature)}`
  }

  /** Takes nonce and clock from an answer. @returns whether it corrected the clock */
  const learn = async ({ headers }: Response): Promise<boolean> => {
    const nonce = headers.get('DPoP-Nonce')
    if (nonce) await store.set('nonce', nonce)
    const ahead = (Date.parse(headers.get('Date') ?? '') - Date.now()) / 1000
    const isOff = Math.abs(ahead - skew) > MAX_SKEW_SECONDS
    if (isOff) skew = ahead
    return isOff
  }

  const provenFetch: ProvenFetch = async (path, init, token) => {
    const once = async (): Promise<[Response, boolean]> => {
      const headers = new Headers(init.headers)
      headers.set('DPoP', await prove(init.method, path, token))
      if (token) headers.set('Authorization', `DPoP ${token}`)
      const response = await fetch(url + path, { ...init, headers })
      return [response, await learn(response)]
    }
    const [response, isCorrected] = await once()
    if (response.ok) return response
    const { error } = await response
      .clone()
      .json()
      .catch(() => ({}))
    const again = error === 'use_dpop_nonce' || (error === 'invalid_dpop_proof' && isCorrected)
    return again ? (await once())[0] : response
  }

  return {
    fetch: provenFetch,
    thumbprint: async () => sha256(JSON.stringify(await publicJwk())),
  }
}
