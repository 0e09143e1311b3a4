/** This file is how a record is sealed and opened: a compact JWE that opens only in its own place. */

import {
  CompactEncrypt,
  type CompactJWEHeaderParameters,
  compactDecrypt,
  decodeProtectedHeader,
} from 'jose'
import type { Keyring, Purpose } from './keyring.ts'

/** What kinds of record are sealed, and with whose keys. */
const PURPOSES = {
  session: 'cookie',
  pending: 'cookie',
  refresh: 'oauth',
  access: 'oauth',
  code: 'oauth',
  request: 'oauth',
  nonce: 'oauth',
  media: 'media',
  token: 'storage',
  grant: 'storage',
  consent: 'storage',
} as const satisfies Record<string, Purpose>

/** A kind of sealed record. */
export type RecordType = keyof typeof PURPOSES

/** Where a sealed record belongs; in any other place it does not open (TMB-53). */
export interface Place {
  type: RecordType
  /** The KV key, the cookie's name or the like. Not secret: it stands readable in the JWE's header. */
  at: string
}

const HEADER_PARAMETERS = ['alg', 'at', 'enc', 'kid', 'typ']

const UTF_8 = new TextDecoder()

/**
 * Seals a record for its place with the current key.
 *
 * `dir` with `A256GCM`, a fresh 96-bit IV each time; the place is part of the protected header and so of
 * the associated data.
 *
 * @see RFC 7516 §3.1, RFC 7518 §4.5 and §5.3; TMB-52, TMB-53
 */
export async function seal(keyring: Keyring, { type, at }: Place, record: object): Promise<string> {
  const key = await keyring.key(keyring.current, PURPOSES[type])
  if (!key) throw new TypeError('the keyring lost its current key')
  return new CompactEncrypt(new TextEncoder().encode(JSON.stringify(record)))
    .setProtectedHeader({ alg: 'dir', enc: 'A256GCM', kid: keyring.current, typ: typ(type), at })
    .encrypt(key)
}

/**
 * Opens a record sealed for this very place.
 *
 * @returns the record, or `undefined` for every cause alike: tampered, moved, renamed, of another type,
 *   under a retired key, or no JWE at all (TMB-54, TMB-55)
 */
export async function open(
  keyring: Keyring,
  { type, at }: Place,
  sealed: string,
): Promise<unknown> {
  try {
    const { plaintext, protectedHeader } = await compactDecrypt(
      sealed,
      ({ kid }) => keyOf(keyring, kid, PURPOSES[type]),
      {
        keyManagementAlgorithms: ['dir'],
        contentEncryptionAlgorithms: ['A256GCM'],
        maxDecompressedLength: 0,
      },
    )
    if (!belongs(protectedHeader, { type, at }) || !isOurSpelling(sealed)) return undefined
    return JSON.parse(UTF_8.decode(plaintext))
  } catch {
    return undefined
  }
}

/** Whether a record that opens was sealed with the key that seals now. */
export function isSealedWithCurrent(keyring: Keyring, sealed: string): boolean {
  return kidOf(sealed) === keyring.current
}

/** Names the key a record says it was sealed with; `undefined` for what is no JWE. */
export function kidOf(sealed: string): string | undefined {
  try {
    return decodeProtectedHeader(sealed).kid
  } catch {
    return undefined
  }
}

function typ(type: RecordType): string {
  return `ptb-${type}+jwe`
}

async function keyOf(
  keyring: Keyring,
  kid: string | undefined,
  purpose: Purpose,
): Promise<CryptoKey> {
  const key = kid === undefined ? undefined : await keyring.key(kid, purpose)
  if (!key) throw new TypeError('no such key')
  return key
}

function belongs(header: CompactJWEHeaderParameters, { type, at }: Place): boolean {
  return (
    header.typ === typ(type) &&
    header['at'] === at &&
    Object.keys(header).every((name) => HEADER_PARAMETERS.includes(name))
  )
}

/** base64url can spell the same bytes in many ways (RFC 4648 §3.5): what is good once would come again in another. */
function isOurSpelling(sealed: string): boolean {
  return sealed
    .split('.')
    .every((part) => /^[\w-]*$/.test(part) && SPARE_BITS_ARE_ZERO[part.length % 4]?.test(part))
}

/** How a part ends whose last character has bits to spare, by its length modulo 4; no bytes make a length of 1. */
const SPARE_BITS_ARE_ZERO = [/$/, /(?!)/, /[AQgw]$/, /[AEIMQUYcgkosw048]$/]
