/** This file is signed texts for tests: whatever header and claims, with no library to say no. */

import { encoded } from '../crypto/keys.ts'

/** Signs with ES256, or RS256 where the key is of that kind; RFC 7515 §3.1. */
export async function sign(header: object, claims: object, key: CryptoKey): Promise<string> {
  const text = [header, claims].map((value) => part(JSON.stringify(value))).join('.')
  const algorithm = { name: key.algorithm.name, hash: 'SHA-256' }
  const signature = await crypto.subtle.sign(algorithm, key, new TextEncoder().encode(text))
  return `${text}.${encoded(new Uint8Array(signature))}`
}

/** Writes a part of a JWS. */
export function part(text: string): string {
  return encoded(new TextEncoder().encode(text))
}
