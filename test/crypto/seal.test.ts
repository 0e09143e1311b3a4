/** This file is the tests of sealing: what opens where, and what never opens (TMB-52 to 55). */

import fc from 'fast-check'
import { CompactEncrypt } from 'jose'
import { describe, expect, it } from 'vitest'
import { createKeyring, type Keyring } from '../../src/crypto/keyring.ts'
import { open, type Place, type RecordType, seal } from '../../src/crypto/seal.ts'

const secret = (fill: number): Uint8Array<ArrayBuffer> =>
  new Uint8Array(32).map((_, index) => (index * 7 + fill) % 256)
const keyring = createKeyring(new Map([['k1', secret(1)]]))
const place: Place = { type: 'token', at: 'token/a/b' }
const TYPES: RecordType[] = ['session', 'pending', 'token', 'grant']

/** Makes a JWE with headers of the attacker's choice and the broker's own key. */
async function forge(
  header: Record<string, unknown>,
  more: { crit?: Record<string, boolean> } = {},
): Promise<string> {
  const key = (await keyring.key('k1', 'storage')) as CryptoKey
  const base = { alg: 'dir', enc: 'A256GCM', kid: 'k1', typ: 'ptb-token+jwe', at: place.at }
  return new CompactEncrypt(new TextEncoder().encode('{"v":1}'))
    .setProtectedHeader({ ...base, ...header } as never)
    .encrypt(key, more)
}

describe('a sealed record', () => {
  it('opens in its place as what it was', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.dictionary(fc.string(), fc.jsonValue()),
        fc.constantFrom(...TYPES),
        fc.string(),
        async (record, type, at) => {
          const expected = JSON.parse(JSON.stringify(record))
          expect(
            await open(keyring, { type, at }, await seal(keyring, { type, at }, record)),
          ).toEqual(expected)
        },
      ),
      { numRuns: 100 },
    )
  })

  it('opens nowhere else: no other name, no other type', async () => {
    const sealed = await seal(keyring, place, { v: 1 })
    expect(await open(keyring, { ...place, at: 'token/a/c' }, sealed)).toBeUndefined()
    for (const type of TYPES.filter((type) => type !== 'token')) {
      expect(await open(keyring, { type, at: place.at }, sealed)).toBeUndefined()
    }
  })

  it('does not open with a bit flipped anywhere', async () => {
    const sealed = await seal(keyring, place, { v: 1 })
    for (let index = 0; index < sealed.length; index++) {
      // The last character of a part may carry bits that base64url does not use.
      if (sealed[index + 1] === undefined || sealed[index + 1] === '.') continue
      const other = sealed[index] === 'A' ? 'B' : 'A'
      const tampered = sealed.slice(0, index) + other + sealed.slice(index + 1)
      expect(await open(keyring, place, tampered)).toBeUndefined()
    }
  })

  it('never has the same initialization vector twice', async () => {
    const vectors = new Set<string>()
    for (let round = 0; round < 2000; round++)
      vectors.add((await seal(keyring, place, { v: 1 })).split('.')[2] ?? '')
    expect(vectors.size).toBe(2000)
  })

  it.each(['', 'x', '....', 'a.b.c.d.e', '{}', 'null'])('is not %j', async (text) => {
    expect(await open(keyring, place, text)).toBeUndefined()
  })
})

describe('a header', () => {
  it('as the broker writes it opens', async () => {
    expect(await open(keyring, place, await forge({}))).toEqual({ v: 1 })
  })

  it.each([
    { what: 'another typ', header: { typ: 'ptb-grant+jwe' } },
    { what: 'no typ', header: { typ: undefined } },
    { what: 'another place', header: { at: 'token/x/y' } },
    { what: 'no place', header: { at: undefined } },
    { what: 'an unknown kid', header: { kid: 'k9' } },
    { what: 'no kid', header: { kid: undefined } },
    { what: 'one parameter more', header: { cty: 'JWT' } },
    { what: 'compression', header: { zip: 'DEF' } },
  ])('with $what does not open (TMB-54)', async ({ header }) => {
    expect(await open(keyring, place, await forge(header))).toBeUndefined()
  })

  it('with a critical parameter does not open (TMB-54)', async () => {
    expect(
      await open(keyring, place, await forge({ crit: ['x'], x: 1 }, { crit: { x: true } })),
    ).toBeUndefined()
  })

  it.each([
    { alg: 'A256KW', enc: 'A256GCM', bytes: 32 },
    { alg: 'A256GCMKW', enc: 'A256GCM', bytes: 32 },
    { alg: 'PBES2-HS256+A128KW', enc: 'A256GCM', bytes: 32 },
    { alg: 'dir', enc: 'A128GCM', bytes: 16 },
    { alg: 'dir', enc: 'A256CBC-HS512', bytes: 64 },
  ])('with $alg and $enc does not open, whatever its key (TMB-54)', async ({ alg, enc, bytes }) => {
    const forged = await new CompactEncrypt(new TextEncoder().encode('{"v":1}'))
      .setProtectedHeader({ alg, enc, kid: 'k1', typ: 'ptb-token+jwe', at: place.at } as never)
      .encrypt(new Uint8Array(bytes).fill(7))
    expect(await open(keyring, place, forged)).toBeUndefined()
  })
})

describe('keys (TMB-55)', () => {
  const two = createKeyring(
    new Map([
      ['k2', secret(2)],
      ['k1', secret(1)],
    ]),
  )

  it('of one purpose open nothing of the other', async () => {
    const swapped: Keyring = {
      ...keyring,
      key: (kid, purpose) => keyring.key(kid, purpose === 'cookie' ? 'storage' : 'cookie'),
    }
    for (const type of TYPES) {
      expect(
        await open(swapped, { type, at: 'x' }, await seal(keyring, { type, at: 'x' }, {})),
      ).toBeUndefined()
    }
  })

  it('rotate: the first seals, all open, a retired one opens nothing', async () => {
    const old = await seal(keyring, place, { from: 'k1' })
    const fresh = await seal(two, place, { from: 'k2' })
    expect(await open(two, place, old)).toEqual({ from: 'k1' })
    expect(await open(two, place, fresh)).toEqual({ from: 'k2' })
    expect(await open(keyring, place, fresh)).toBeUndefined()
    expect(await open(createKeyring(new Map([['k1', secret(3)]])), place, old)).toBeUndefined()
  })
})
