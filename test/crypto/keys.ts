/** Keys for tests, each made from a number. */

import { createKeyring, type Keyring, type Purpose } from '../../src/crypto/keyring.ts'

/** Makes 32 bytes from a number of 0 to 255. */
export function secretOf(seed: number): Uint8Array<ArrayBuffer> {
  return Uint8Array.from({ length: 32 }, (_, index) => index * 7 + seed)
}

/** Encodes a secret for the configuration. */
export function encoded(secret: Uint8Array): string {
  return secret.toBase64({ alphabet: 'base64url', omitPadding: true })
}

/** Makes a keyring of secrets by kid; the first one seals. */
export function ringOf(seeds: Readonly<Record<string, number>>): Keyring {
  return createKeyring(new Map(Object.entries(seeds).map(([kid, seed]) => [kid, secretOf(seed)])))
}

/** Derives the key of a purpose without the broker's code: HKDF-SHA256, no salt, the purpose as info; RFC 5869. */
export async function derivedBytes(
  secret: Uint8Array<ArrayBuffer>,
  purpose: Purpose,
  length = 32,
): Promise<Uint8Array<ArrayBuffer>> {
  const material = await crypto.subtle.importKey('raw', secret, 'HKDF', false, ['deriveBits'])
  const info = new TextEncoder().encode(`photos-token-broker/${purpose}`)
  const salt = new Uint8Array()
  const algorithm = { name: 'HKDF', hash: 'SHA-256', salt, info }
  return new Uint8Array(await crypto.subtle.deriveBits(algorithm, material, length * 8))
}
