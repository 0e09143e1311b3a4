/** Sealed records open only as their own kind, in their own place, with our own algorithms. */

import fc from 'fast-check'
import { CompactEncrypt, type CompactJWEHeaderParameters } from 'jose'
import { describe, expect, it, vi } from 'vitest'
import type { Keyring } from '../../src/crypto/keyring.ts'
import { type Place, type RecordKind, open as reopen, seal } from '../../src/crypto/seal.ts'
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

/** Each is made with our own key and differs from ours only in its header. */
describe('a record made with our key', () => {
  it('opens if its header is like ours', async () => {
    expect(await open(keyring, here, await craft({}))).toEqual(record)
  })

  it.each<{ what: string; header: Record<string, unknown> }>([
    { what: 'no kid', header: { kid: undefined } },
    { what: 'an unknown kid', header: { kid: 'k2' } },
    { what: 'the typ of another kind', header: { typ: 'ptb-token+jwe' } },
    { what: 'another place', header: { at: 'grant/other/scopes' } },
    { what: 'an additional parameter', header: { exp: 1 } },
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

  it.each([
    { header: { enc: 'A128GCM' }, bytes: 16 },
    { header: { enc: 'A128CBC-HS256' }, bytes: 32 },
    { header: { alg: 'A256KW' }, bytes: 32 },
    { header: { alg: 'PBES2-HS512+A256KW' }, bytes: 32 },
  ])('does not open with $header (TMB-54)', async ({ header, bytes }) => {
    const sealed = await craft(header, await derivedBytes(secretOf(1), 'storage', bytes))
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
