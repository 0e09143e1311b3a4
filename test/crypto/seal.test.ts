/** Sealed records open only as their own kind, in their own place, with our own algorithms. */

import fc from 'fast-check'
import { CompactEncrypt, type CompactJWEHeaderParameters } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import type { Keyring } from '../../src/crypto/keyring.ts'
import { kidOf, type Place, type RecordKind, open as reopen, seal } from '../../src/crypto/seal.ts'
import { derivedBytes, ringOf, secretOf } from './keys.ts'

const keyring = ringOf({ k1: 1 })
const KINDS: readonly RecordKind<object>[] = [
  { type: 'session', purpose: 'cookie' },
  { type: 'pending', purpose: 'cookie' },
  { type: 'token', purpose: 'storage' },
  { type: 'grant', purpose: 'storage' },
]
const here: Place<object> = {
  kind: { type: 'grant', purpose: 'storage' },
  at: 'grant/subject/scopes',
}
const record = { refresh_token: 'canary-refresh-token', granted_at: 1_700_000_000 }
const open = (ring: Keyring, place: Place<object>, text: string): Promise<object | undefined> =>
  reopen(ring, place, text, 0)

const place = fc.record({
  kind: fc.constantFrom(...KINDS),
  at: fc.string({ unit: 'binary', maxLength: 120 }),
})

describe('a sealed record', () => {
  it('opens in no other place (property; TMB-53)', async () => {
    await fc.assert(
      fc.asyncProperty(place, place, async (from, to) => {
        fc.pre(from.kind !== to.kind || from.at !== to.at)
        expect(await open(keyring, to, await seal(keyring, from, record))).toBeUndefined()
      }),
    )
  })

  it('reveals nothing of its content (TMB-52)', async () => {
    const [header = '', ...parts] = (await seal(keyring, here, record)).split('.')
    expect(JSON.parse(new TextDecoder().decode(decode(header)))).toEqual({
      ...{ alg: 'dir', enc: 'A256GCM', kid: 'k1', typ: 'ptb-grant+jwe', at: here.at },
    })
    for (const part of parts) expect(latin1(decode(part))).not.toMatch(/canary|refresh_token/)
  })

  it('has a unique IV of 96 bits (TMB-52)', async () => {
    const ivs: string[] = []
    for (let i = 0; i < 2000; i++) ivs.push((await seal(keyring, here, record)).split('.')[2] ?? '')
    expect(new Set(ivs).size).toBe(ivs.length)
    expect(new Set(ivs.map((iv) => decode(iv).length))).toEqual(new Set([12]))
  })

  it('still opens if an earlier version of the broker sealed it', async () => {
    const sealed =
      'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiazEiLCJ0eXAiOiJwdGItZ3JhbnQrandlIiwiYXQiOiJncmFudC9hL2IifQ' +
      '.._ei8__rGZgxTmZnj.4pjXGF6MXQ.1aQBLR1q5r13JsEZR4vj6A'
    expect(await open(keyring, { ...here, at: 'grant/a/b' }, sealed)).toEqual({ v: 1 })
  })
})

describe('a kind of record', () => {
  const limited: Place<{ exp: number }> = {
    kind: { ...here.kind, max_length: 300, expiresAt: ({ exp }) => exp },
    at: 'here',
  }

  it('opens until it expires, and not at that moment', async () => {
    const sealed = await seal(keyring, limited, { exp: 100 })
    expect(await reopen(keyring, limited, sealed, 99.9)).toEqual({ exp: 100 })
    expect(await reopen(keyring, limited, sealed, 100)).toBeUndefined()
  })

  it('does not open without the time at which it expires', async () => {
    const sealed = await seal(keyring, { ...here, at: 'here' }, {})
    expect(await reopen(keyring, limited, sealed, 0)).toBeUndefined()
  })

  it('does not open if it is too long (TMB-73)', async () => {
    const long = { exp: 100, text: 'x'.repeat(300) }
    expect(await reopen(keyring, limited, await seal(keyring, limited, long), 0)).toBeUndefined()
  })
})

describe('a key', () => {
  it('is recognized in the records it sealed (TMB-55)', async () => {
    const old = await seal(ringOf({ k1: 1 }), here, record)
    const rotated = ringOf({ k2: 2, k1: 1 })
    expect(kidOf(old)).toBe('k1')
    expect(kidOf(await seal(rotated, here, record))).toBe(rotated.current)
  })

  it('that is missing from the keyring seals nothing', async () => {
    const lost: Keyring = { ...keyring, key: async () => undefined }
    await expect(seal(lost, here, record)).rejects.toThrow(
      new TypeError('the keyring lost its current key'),
    )
  })

  it('of cookies opens no stored record, even with a crafted header (TMB-55)', async () => {
    const forged = await craft({}, await derivedBytes(secretOf(1), 'cookie'))
    expect(await open(keyring, here, forged)).toBeUndefined()
    const session: Place<object> = { kind: { type: 'session', purpose: 'cookie' }, at: here.at }
    const planted = await craft({ typ: 'ptb-session+jwe' }, await storageKey())
    expect(await open(keyring, session, planted)).toBeUndefined()
  })
})

/** Each is made with our own key and differs from ours only in its header. */
describe('a record made with our key', () => {
  it('opens if its header is like ours', async () => {
    expect(await open(keyring, here, await craft({}))).toEqual(record)
  })

  it.each<{ what: string; header: Record<string, unknown> }>([
    { what: 'no kid', header: { kid: undefined } },
    { what: 'an unknown kid', header: { kid: 'k2' } },
    { what: 'the typ of another kind', header: { typ: 'ptb-token+jwe' } },
    { what: 'its typ in upper case', header: { typ: 'PTB-GRANT+JWE' } },
    { what: 'another place', header: { at: 'grant/other/scopes' } },
    { what: 'a list as its place', header: { at: [here.at] } },
    { what: 'an additional parameter', header: { exp: 1 } },
    { what: 'a key in its header', header: { jwk: { kty: 'oct' } } },
    { what: 'the URL of a key', header: { jku: 'https://evil.example/keys' } },
  ])('does not open with $what (TMB-54)', async ({ header }) => {
    expect(await open(keyring, here, await craft(header))).toBeUndefined()
  })

  it('does not open compressed (TMB-54)', async () => {
    const inflate = vi.fn()
    vi.stubGlobal('DecompressionStream', inflate)
    expect(await open(keyring, here, await craft({ zip: 'DEF' }))).toBeUndefined()
    vi.unstubAllGlobals()
    expect(inflate).not.toHaveBeenCalled() // so a decompression bomb does no harm
  })

  it('does not open with a critical extension (TMB-54)', async () => {
    const header = { ...OURS, crit: ['b64'], b64: true }
    const sealed = await new CompactEncrypt(plaintext())
      .setProtectedHeader(header)
      .encrypt(await storageKey(), { crit: { b64: true } })
    expect(await open(keyring, here, sealed)).toBeUndefined()
  })

  it.each<{ enc: string; bytes: number }>([
    { enc: 'A128GCM', bytes: 16 },
    { enc: 'A128CBC-HS256', bytes: 32 },
  ])('does not open with $enc (TMB-54)', async ({ enc, bytes }) => {
    const sealed = await craft({ enc }, await derivedBytes(secretOf(1), 'storage', bytes))
    expect(await open(keyring, here, sealed)).toBeUndefined()
  })

  it.each(['A256KW', 'PBES2-HS512+A256KW'])(
    'does not open with its key wrapped by %s (TMB-54)',
    async (alg) => {
      expect(await open(keyring, here, await craft({ alg }))).toBeUndefined()
    },
  )

  it('does not open if its content is no JSON', async () => {
    const sealed = await new CompactEncrypt(new TextEncoder().encode('{"a":'))
      .setProtectedHeader(OURS)
      .encrypt(await storageKey())
    expect(await open(keyring, here, sealed)).toBeUndefined()
  })
})

const OURS = { alg: 'dir', enc: 'A256GCM', kid: 'k1', typ: 'ptb-grant+jwe', at: here.at }

/** Seals the record with jose alone, with a header that differs from ours. */
async function craft(
  header: Record<string, unknown>,
  key?: Uint8Array<ArrayBuffer> | CryptoKey,
): Promise<string> {
  const whole = Object.entries({ ...OURS, ...header }).filter(([, value]) => value !== undefined)
  return new CompactEncrypt(plaintext())
    .setProtectedHeader(Object.fromEntries(whole) as unknown as CompactJWEHeaderParameters)
    .encrypt(key ?? (await storageKey()))
}

function plaintext(): Uint8Array {
  return new TextEncoder().encode(JSON.stringify(record))
}

/** The key of stored records, derived without our code. */
async function storageKey(): Promise<Uint8Array<ArrayBuffer>> {
  return derivedBytes(secretOf(1), 'storage')
}

function decode(part: string): Uint8Array {
  return Uint8Array.fromBase64(part, { alphabet: 'base64url' })
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
