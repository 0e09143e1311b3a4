/** Sealed records: encrypted JSON that opens only as its own kind and in its own place. */

import { base64url } from './digest.ts'
import type { Keyring, Purpose } from './keyring.ts'

/** A kind of sealed record. `T` is the type of the record; every kind has a `type` of its own. */
export interface RecordKind<T extends object> {
  /** A word of lower-case letters and hyphens. */
  readonly type: string
  readonly purpose: Purpose
  /** A longer text is not opened (TMB-73), in characters; no limit by default. */
  readonly max_length?: number
  /** Computes the NumericDate from which a record no longer opens; without it, records do not expire. */
  expiresAt?(record: T): number
}

/** The kind and the place of a sealed record; it opens nowhere else (TMB-53). */
export interface Place<T extends object> {
  kind: RecordKind<T>
  /** The KV key, the cookie name or the like. It is not part of the sealed text. */
  at: string
}

/** The bytes of an initialization vector; NIST SP 800-38D §5.2. */
const IV_BYTES = 12

const UTF_8 = new TextEncoder()
const FROM_UTF_8 = new TextDecoder()

/**
 * Seals a record for its place with the current key: `kid.base64url(iv ‖ ciphertext ‖ tag)`.
 *
 * AES-256-GCM with a fresh random 96-bit IV. The associated data are the `kid`, the purpose, the type and the place.
 *
 * @see NIST SP 800-38D §8.2.2; TMB-52, TMB-53
 */
export async function seal<T extends object>(
  keyring: Keyring,
  { kind, at }: Place<T>,
  record: NoInfer<T>,
): Promise<string> {
  const { current } = keyring
  const key = await keyring.key(current, kind.purpose)
  if (!key) throw new TypeError('the keyring lost its current key')
  const iv = crypto.getRandomValues(new Uint8Array(IV_BYTES))
  const text = UTF_8.encode(JSON.stringify(record))
  const sealed = await crypto.subtle.encrypt(algorithm(iv, current, kind, at), key, text)
  const bytes = new Uint8Array(IV_BYTES + sealed.byteLength)
  bytes.set(iv)
  bytes.set(new Uint8Array(sealed), IV_BYTES)
  return `${current}.${base64url(bytes.buffer)}`
}

/**
 * Opens a record that was sealed for exactly this place.
 *
 * @param now NumericDate
 * @returns the record, or `undefined` for every failure alike: expired, too long, tampered with, moved, of another
 *   kind, sealed with a retired key, or no sealed text (TMB-54, TMB-55)
 */
export async function open<T extends object>(
  keyring: Keyring,
  { kind, at }: Place<T>,
  sealed: string,
  now: number,
): Promise<T | undefined> {
  if (kind.max_length !== undefined && sealed.length > kind.max_length) return undefined
  const kid = kidOf(sealed) ?? ''
  const key = await keyring.key(kid, kind.purpose)
  if (!key) return undefined
  try {
    const bytes = fromBase64url(sealed.slice(kid.length + 1))
    if (!bytes) return undefined
    const [iv, ciphertext] = [bytes.subarray(0, IV_BYTES), bytes.subarray(IV_BYTES)]
    const text = await crypto.subtle.decrypt(algorithm(iv, kid, kind, at), key, ciphertext)
    const record: T = JSON.parse(FROM_UTF_8.decode(text)) // its kind and place were authenticated
    const isLive = !kind.expiresAt || kind.expiresAt(record) > now
    return isLive ? record : undefined
  } catch {
    return undefined
  }
}

/** Reads the `kid` of a sealed text, unverified; `undefined` for a text of another form. */
export function kidOf(sealed: string): string | undefined {
  const at = sealed.indexOf('.')
  return at > 0 ? sealed.slice(0, at) : undefined
}

/** Only a place can have spaces, so no two places have the same associated data. */
function algorithm(
  iv: Uint8Array<ArrayBuffer>,
  kid: string,
  { purpose, type }: Pick<RecordKind<object>, 'purpose' | 'type'>,
  at: string,
): SubtleCryptoEncryptAlgorithm {
  return { name: 'AES-GCM', iv, additionalData: UTF_8.encode(`${kid} ${purpose} ${type} ${at}`) }
}

/**
 * Decodes the one canonical base64url encoding of bytes (RFC 4648 §3.5); otherwise a one-time token could be used a second
 * time in another encoding.
 */
function fromBase64url(text: string): Uint8Array<ArrayBuffer> | undefined {
  const isCanonical = /^[\w-]+$/.test(text) && SPARE_BITS_ARE_ZERO[text.length % 4]?.test(text)
  return isCanonical ? Uint8Array.fromBase64(text, { alphabet: 'base64url' }) : undefined
}

/** The allowed last characters, by the length modulo 4: unused bits are zero. No text has length 1 modulo 4. */
const SPARE_BITS_ARE_ZERO = [/$/, /(?!)/, /[AQgw]$/, /[AEIMQUYcgkosw048]$/]
