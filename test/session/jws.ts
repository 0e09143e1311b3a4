/** Signs JWTs for tests with any header and claims, without the checks of a library. */

import { encoded } from '../crypto/keys.ts'

/** Signs with ES256, or with RS256 for an RSA key; RFC 7515 §3.1. */
export async function sign(header: object, claims: object, key: CryptoKey): Promise<string> {
  const text = [header, claims].map((value) => part(JSON.stringify(value))).join('.')
  const algorithm = { name: key.algorithm.name, hash: 'SHA-256' }
  const signature = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(text))
  return `${text}.${encoded(new Uint8Array(signature))}`
}

/** Encodes a part of a JWS. */
export function part(text: string): string {
  return encoded(new TextEncoder().encode(text))
}
