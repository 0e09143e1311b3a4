/** Sealed records: encrypted JSON (a compact JWE) that opens only as its own kind and in its own place. */

import type { CompactJWEHeaderParameters } from 'jose'
import { CompactEncrypt, compactDecrypt, decodeProtectedHeader } from 'jose'
import type { Keyring, Purpose } from './keyring.ts'

/** A kind of sealed record. `T` is the type of the record; every kind has a `type` of its own. */
export interface RecordKind<T extends object> {
  /** Becomes the `typ` of the JWE: `ptb-<type>+jwe`. */
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
  /** The KV key, the cookie name or the like. Not secret: the JWE's header shows it. */
  at: string
}

const HEADER_PARAMETERS = ['alg', 'at', 'enc', 'kid', 'typ']

const UTF_8 = new TextDecoder()

/**
 * Seals a record for its place with the current key.
 *
 * `dir` with `A256GCM` and a fresh 96-bit IV. The place is in the protected header, and so in the associated data.
 *
 * @see RFC 7516 §3.1, RFC 7518 §4.5 and §5.3; TMB-52, TMB-53
 */
export async function seal<T extends object>(
  keyring: Keyring,
  { kind, at }: Place<T>,
  record: NoInfer<T>,
): Promise<string> {
  const { current } = keyring
  const key = await keyring.key(current, kind.purpose)
  if (!key) throw new TypeError('the keyring lost its current key')
  return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(record)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: current, typ: typ(kind), at })
    .encrypt(key)
}

/**
 * Opens a record that was sealed for exactly this place.
 *
 * @param now NumericDate
 * @returns the record, or `undefined` for every failure alike: expired, too long, tampered with, moved, of another
 *   kind, sealed with a retired key, or no JWE (TMB-54, TMB-55)
 */
export async function open<T extends object>(
  keyring: Keyring,
  { kind, at }: Place<T>,
  sealed: string,
  now: number,
): Promise<T | undefined> {
  if (kind.max_length !== undefined && sealed.length > kind.max_length) return undefined
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(
      sealed,
      ({ kid = '' }) => findKey(keyring, kid, kind.purpose),
      {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
        maxDecompressedLength: 0,
      },
    )
    if (!matches(protectedHeader, typ(kind), at) || !isCanonical(sealed)) return undefined
    const record: T = JSON.parse(UTF_8.decode(plaintext)) // its kind and place were authenticated above
    const isLive = !kind.expiresAt || kind.expiresAt(record) > now
    return isLive ? record : undefined
  } catch {
    return undefined
  }
}

/** Reads the `kid` from the header of a sealed record, unverified; `undefined` for a text that is no JWE. */
export function kidOf(sealed: string): string | undefined {
  try {
    return decodeProtectedHeader(sealed).kid
  } catch {
    return undefined
  }
}

function typ({ type }: { type: string }): string {
  return `ptb-${type}+jwe`
}

async function findKey(keyring: Keyring, kid: string, purpose: Purpose): Promise<CryptoKey> {
  const key = await keyring.key(kid, purpose)
  if (!key) throw new TypeError('no such key')
  return key
}

function matches(header: CompactJWEHeaderParameters, type: string, at: string): boolean {
  return (
    header.typ === type &&
    header['at'] === at &&
    Object.keys(header).every((name) => HEADER_PARAMETERS.includes(name))
  )
}

/**
 * Whether every part is in the one canonical base64url encoding of its bytes (RFC 4648 §3.5); otherwise a one-time
 * token could be used a second time in another encoding.
 */
function isCanonical(sealed: string): boolean {
  return sealed
    .split('.')
    .every((part) => /^[\w-]*$/.test(part) && SPARE_BITS_ARE_ZERO[part.length % 4]?.test(part))
}

/** The allowed last characters of a part, by its length modulo 4: unused bits are zero. No part has length 1 modulo 4. */
const SPARE_BITS_ARE_ZERO = [/$/, /(?!)/, /[AQgw]$/, /[AEIMQUYcgkosw048]$/]
