/** This file is the tests of sealed records: they open in their own place, and in no other and no other form. */

import fc from 'fast-check'
import { CompactEncrypt, type CompactJWEHeaderParameters } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import type { Keyring } from '../../src/crypto/keyring.ts'
import {
  isSealedWithCurrent,
  open,
  type Place,
  type RecordType,
  seal,
} from '../../src/crypto/seal.ts'
import { derivedBytes, ringOf, secretOf } from './keys.ts'

const keyring = ringOf({ k1: 1 })
const here: Place = { type: 'grant', at: 'grant/subject/scopes' }
const record = { refresh_token: 'canary-refresh-token', granted_at: 1_700_000_000 }
const TYPES: readonly RecordType[] = ['session', 'pending', 'token', 'grant']

const place = fc.record({
  type: fc.constantFrom(...TYPES),
  at: fc.string({ unit: 'binary', maxLength: 120 }),
})
const json = fc.jsonValue().map((value) => ({ value }))

describe('a sealed record', () => {
  it('opens where it belongs, as it was (property)', async () => {
    await fc.assert(
      fc.asyncProperty(place, json, async (place, record) => {
        const opened = await open(keyring, place, await seal(keyring, place, record))
        expect(JSON.stringify(opened)).toBe(JSON.stringify(record))
      }),
    )
  })

  it('opens in no other place (property; TMB-53)', async () => {
    await fc.assert(
      fc.asyncProperty(place, place, async (from, to) => {
        fc.pre(from.type !== to.type || from.at !== to.at)
        expect(await open(keyring, to, await seal(keyring, from, record))).toBeUndefined()
      }),
    )
  })

  it.each(TYPES.flatMap((from) => TYPES.map((to) => ({ from, to }))))(
    'of type $from opens as $to only if that is the same type (TMB-53, TMB-55)',
    async ({ from, to }) => {
      const sealed = await seal(keyring, { type: from, at: 'x' }, record)
      const opened = await open(keyring, { type: to, at: 'x' }, sealed)
      expect(opened).toEqual(from === to ? record : undefined)
    },
  )

  it('does not open with any bit of any part changed (property; TMB-53)', async () => {
    const sealed = await seal(keyring, here, record)
    const parts = sealed.split('.').map(decode)
    const bits = parts.flatMap((bytes, part) =>
      Array.from({ length: bytes.length * 8 }, (_, bit) => ({ part, bit })),
    )
    expect(await open(keyring, here, parts.map(encode).join('.'))).toEqual(record)
    await fc.assert(
      fc.asyncProperty(fc.constantFrom(...bits), async ({ part, bit }) => {
        const changed = parts.map((bytes) => bytes.slice())
        const bytes = changed[part] as Uint8Array
        bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7))
        expect(await open(keyring, here, changed.map(encode).join('.'))).toBeUndefined()
      }),
      { numRuns: 400 },
    )
  })

  it('does not open with a part of another one in it', async () => {
    const mine = (await seal(keyring, here, record)).split('.')
    const other = (await seal(keyring, here, { ...record, granted_at: 1 })).split('.')
    for (const part of [2, 3, 4])
      expect(
        await open(keyring, here, mine.with(part, other[part] ?? '').join('.')),
      ).toBeUndefined()
    expect(await open(keyring, here, mine.with(1, mine[2] ?? '').join('.'))).toBeUndefined()
    expect(await open(keyring, here, mine.slice(0, 4).join('.'))).toBeUndefined()
    expect(await open(keyring, here, [...mine, ''].join('.'))).toBeUndefined()
  })

  it('does not open in another spelling of the same bytes (RFC 4648 §3.5)', async () => {
    const sealed = await seal(keyring, here, record)
    const last = 'AEIMQUYcgkosw048'.indexOf(sealed.at(-1) ?? '') // 4 bits of the last character count
    const spare = 'BFJNRVZdhlptx159'[last]
    for (const other of [
      `${sealed.slice(0, -1)}${spare}`,
      `${sealed}==`,
      `${sealed} `,
      ` ${sealed}`,
    ]) {
      expect(
        other
          .split('.')
          .map((part) => encode(decode(part)))
          .join('.'),
      ).toBe(sealed)
      expect(await open(keyring, here, other)).toBeUndefined()
    }
  })

  it('does not open with another keyring that has a key of the same kid', async () => {
    const sealed = await seal(keyring, here, record)
    expect(await open(ringOf({ k1: 2 }), here, sealed)).toBeUndefined()
  })

  it('shows nothing of what is in it (TMB-52)', async () => {
    const [header = '', ...parts] = (await seal(keyring, here, record)).split('.')
    expect(JSON.parse(new TextDecoder().decode(decode(header)))).toEqual({
      ...{ alg: 'dir', enc: 'A256GCM', kid: 'k1', typ: 'ptb-grant+jwe', at: here.at },
    })
    for (const part of parts) expect(latin1(decode(part))).not.toMatch(/canary|refresh_token/)
  })

  it('has an IV of its own, of 96 bits (TMB-52)', async () => {
    const ivs: string[] = []
    for (let i = 0; i < 2000; i++) ivs.push((await seal(keyring, here, record)).split('.')[2] ?? '')
    expect(new Set(ivs).size).toBe(ivs.length)
    expect(new Set(ivs.map((iv) => decode(iv).length))).toEqual(new Set([12]))
  })

  it('of an earlier version still opens', async () => {
    const sealed =
      'eyJhbGciOiJkaXIiLCJlbmMiOiJBMjU2R0NNIiwia2lkIjoiazEiLCJ0eXAiOiJwdGItZ3JhbnQrandlIiwiYXQiOiJncmFudC9hL2IifQ' +
      '.._ei8__rGZgxTmZnj.4pjXGF6MXQ.1aQBLR1q5r13JsEZR4vj6A'
    expect(await open(keyring, { type: 'grant', at: 'grant/a/b' }, sealed)).toEqual({ v: 1 })
  })
})

describe('anything else', () => {
  it('does not open, and does not throw (property)', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.oneof(
          fc.string({ unit: 'binary' }),
          fc.array(fc.base64String(), { minLength: 5, maxLength: 5 }).map((p) => p.join('.')),
        ),
        async (text) => {
          expect(await open(keyring, here, text)).toBeUndefined()
        },
      ),
    )
  })

  it.each(['', '.', '....', 'e30....', 'e30.e30.e30.e30.e30', '{}', 'null'])(
    'such as "%s" does not open',
    async (text) => {
      expect(await open(keyring, here, text)).toBeUndefined()
    },
  )
})

describe('a key', () => {
  it('that is older still opens, and the new one seals (TMB-55)', async () => {
    const old = await seal(ringOf({ k1: 1 }), here, record)
    const rotated = ringOf({ k2: 2, k1: 1 })
    expect(await open(rotated, here, old)).toEqual(record)
    const resealed = await seal(rotated, here, record)
    expect(headerOf(resealed).kid).toBe('k2')
    expect(await open(ringOf({ k1: 1 }), here, resealed)).toBeUndefined()
  })

  it('says which records it sealed (TMB-55)', async () => {
    const old = await seal(ringOf({ k1: 1 }), here, record)
    const rotated = ringOf({ k2: 2, k1: 1 })
    expect(isSealedWithCurrent(rotated, old)).toBe(false)
    expect(isSealedWithCurrent(rotated, await seal(rotated, here, record))).toBe(true)
  })

  it('that the keyring has lost seals nothing', async () => {
    const lost: Keyring = { ...keyring, key: async () => undefined }
    await expect(seal(lost, here, record)).rejects.toThrow(
      new TypeError('the keyring lost its current key'),
    )
  })

  it('that was retired opens nothing any more, and throws nothing (TMB-55)', async () => {
    const old = await seal(ringOf({ k1: 1 }), here, record)
    expect(await open(ringOf({ k2: 2 }), here, old)).toBeUndefined()
  })

  it('of one purpose opens nothing of the other, of whatever type (TMB-55)', async () => {
    const other = {
      cookie: 'oauth',
      oauth: 'media',
      media: 'storage',
      storage: 'cookie',
    } as const
    const swapped: Keyring = {
      ...keyring,
      key: (kid, purpose) => keyring.key(kid, other[purpose]),
    }
    for (const type of TYPES) {
      const sealed = await seal(keyring, { type, at: 'x' }, record)
      expect(await open(swapped, { type, at: 'x' }, sealed)).toBeUndefined()
    }
  })

  it('of cookies opens no stored record, whoever wrote its header (TMB-55)', async () => {
    const forged = await craft({}, await derivedBytes(secretOf(1), 'cookie'))
    expect(await open(keyring, here, forged)).toBeUndefined()
    const session: Place = { type: 'session', at: here.at }
    const planted = await craft({ typ: 'ptb-session+jwe' }, await storageKey())
    expect(await open(keyring, session, planted)).toBeUndefined()
  })
})

/** Each is made with our own key, and right but for its header: what refuses it is the header. */
describe('a record of our own key', () => {
  it('opens when it is made the way ours are', async () => {
    expect(await open(keyring, here, await craft({}))).toEqual(record)
  })

  it.each<{ what: string; header: Record<string, unknown> }>([
    { what: 'no kid', header: { kid: undefined } },
    { what: 'an unknown kid', header: { kid: 'k2' } },
    { what: 'no typ', header: { typ: undefined } },
    { what: 'the typ of another type', header: { typ: 'ptb-token+jwe' } },
    { what: 'its typ in upper case', header: { typ: 'PTB-GRANT+JWE' } },
    { what: 'another place', header: { at: 'grant/other/scopes' } },
    { what: 'no place', header: { at: undefined } },
    { what: 'a list for a place', header: { at: [here.at] } },
    { what: 'one more parameter', header: { exp: 1 } },
    { what: 'a key in its header', header: { jwk: { kty: 'oct' } } },
    { what: 'where to find a key', header: { jku: 'https://evil.example/keys' } },
    { what: 'a content type', header: { cty: 'JWT' } },
  ])('does not open with $what (TMB-54)', async ({ header }) => {
    expect(await open(keyring, here, await craft(header))).toBeUndefined()
  })

  it('does not open compressed (TMB-54)', async () => {
    const inflate = vi.fn()
    vi.stubGlobal('DecompressionStream', inflate)
    expect(await open(keyring, here, await craft({ zip: 'DEF' }))).toBeUndefined()
    vi.unstubAllGlobals()
    expect(inflate).not.toHaveBeenCalled() // a bomb would have gone off
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
    { enc: 'A192GCM', bytes: 24 },
    { enc: 'A128CBC-HS256', bytes: 32 },
    { enc: 'A256CBC-HS512', bytes: 64 },
  ])('does not open with $enc (TMB-54)', async ({ enc, bytes }) => {
    const sealed = await craft({ enc }, await derivedBytes(secretOf(1), 'storage', bytes))
    expect(await open(keyring, here, sealed)).toBeUndefined()
  })

  it.each(['A256KW', 'A256GCMKW', 'PBES2-HS512+A256KW', 'PBES2-HS256+A128KW'])(
    'does not open with its key wrapped by %s (TMB-54)',
    async (alg) => {
      expect(await open(keyring, here, await craft({ alg }))).toBeUndefined()
    },
  )

  it('does not open with its key wrapped by RSA-OAEP-256 (TMB-54)', async () => {
    const algorithm = {
      ...{ name: 'RSA-OAEP', hash: 'SHA-256', modulusLength: 2048 },
      publicExponent: new Uint8Array([1, 0, 1]),
    }
    const pair = await crypto.subtle.generateKey(algorithm, false, ['encrypt', 'decrypt'])
    const sealed = await craft({ alg: 'RSA-OAEP-256' }, (pair as CryptoKeyPair).publicKey)
    expect(await open(keyring, here, sealed)).toBeUndefined()
  })

  it('does not open when what is in it is no JSON', async () => {
    const sealed = await new CompactEncrypt(new TextEncoder().encode('{"a":'))
      .setProtectedHeader(OURS)
      .encrypt(await storageKey())
    expect(await open(keyring, here, sealed)).toBeUndefined()
  })
})

const OURS = { alg: 'dir', enc: 'A256GCM', kid: 'k1', typ: 'ptb-grant+jwe', at: here.at }

/** Seals the record by jose alone, with a header that differs from ours. */
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

function headerOf(sealed: string): Record<string, unknown> & { kid?: string } {
  return JSON.parse(new TextDecoder().decode(decode(sealed.split('.')[0] ?? '')))
}

function decode(part: string): Uint8Array {
  return Uint8Array.fromBase64(part, { alphabet: 'base64url' })
}

function encode(bytes: Uint8Array): string {
  return bytes.toBase64({ alphabet: 'base64url', omitPadding: true })
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
