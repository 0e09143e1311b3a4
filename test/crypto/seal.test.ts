/** Sealed records open only as their own kind, in their own place and with their own key. */

import fc from 'fast-check'
import { describe, expect, it, vi } from 'vitest'
import type { Keyring, Purpose } from '../../src/crypto/keyring.ts'
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

  it('reveals nothing of its content, kind or place (TMB-52)', async () => {
    const [kid, text = '', ...rest] = (await seal(keyring, here, record)).split('.')
    expect([kid, rest]).toEqual(['k1', []])
    expect(latin1(decode(text))).not.toMatch(/canary|refresh_token|grant|subject/)
  })

  it('has a unique IV of 96 bits (TMB-52)', async () => {
    const encrypt = vi.spyOn(crypto.subtle, 'encrypt')
    const ivs: string[] = []
    for (let i = 0; i < 2000; i++) {
      const [, text = ''] = (await seal(keyring, here, record)).split('.')
      ivs.push(latin1(decode(text).subarray(0, 12)))
    }
    expect(new Set(ivs).size).toBe(ivs.length)
    const [[{ iv } = { iv: undefined }] = []] = encrypt.mock.calls as unknown as [
      [{ iv?: Uint8Array } | undefined],
    ]
    expect(iv?.length).toBe(12)
    encrypt.mockRestore()
  })

  /** Made by OpenSSL: HKDF-SHA256, AES-256-GCM, the IV 00 01 … 0b. */
  it.each([
    {
      place: { kind: { type: 'grant', purpose: 'storage' } as const, at: 'grant/a/b' },
      sealed: 'k1.AAECAwQFBgcICQoL8YPEXQDz5H47Xm89N5dUx7TlXA8zqec',
      expected: { v: 1 },
    },
    {
      place: {
        kind: { type: 'session', purpose: 'cookie' } as const,
        at: '__Host-Http-ptb-session-web',
      },
      sealed: 'k1.AAECAwQFBgcICQoLaz-mKD-v9o8itML5fhgDLzU-8UyIFSmykVkMPGOP02F_Pevcp7TDpUU',
      expected: { id: 'a', client: 'web' },
    },
  ])('of another implementation opens ($expected)', async ({ place, sealed, expected }) => {
    expect(await open(keyring, place, sealed)).toEqual(expected)
  })

  it.each([
    { what: 'the kid of another key', change: { kid: 'k2' } },
    { what: 'another type', change: { type: 'token' } },
    { what: 'another place', change: { at: 'grant/other/scopes' } },
    {
      what: 'a type that takes in a part of the place',
      change: { type: 'grant grant/subject', at: 'scopes' },
    },
    { what: 'no associated data', change: { whole: '' } },
    { what: 'another purpose', change: { whole: `k1 cookie grant ${here.at}` } },
    {
      what: 'the key of cookies',
      change: { purpose: 'cookie' as const, whole: `k1 storage grant ${here.at}` },
    },
  ])('made with $what does not open (TMB-54, TMB-55)', async ({ change }) => {
    expect(await open(keyring, here, await craft({}))).toEqual(record)
    expect(await open(keyring, here, await craft(change))).toBeUndefined()
  })

  it('does not open without all of its tag (TMB-54)', async () => {
    const [kid, text = ''] = (await seal(keyring, here, record)).split('.')
    const bytes = decode(text)
    for (const length of [0, 1, 12, 27, 28, bytes.length - 1, bytes.length - 4]) {
      const cut = bytes.subarray(0, length)
      const sealed = cut.toBase64({ alphabet: 'base64url', omitPadding: true })
      expect(await open(keyring, here, `${kid}.${sealed}`)).toBeUndefined()
    }
  })
})

interface Changes {
  kid?: string
  type?: string
  at?: string
  purpose?: Purpose
  /** The whole of the associated data. */
  whole?: string
}

/** Seals the record without the broker's code. */
async function craft({
  kid = 'k1',
  type = 'grant',
  at = here.at,
  purpose = 'storage',
  whole = `${kid} ${purpose} ${type} ${at}`,
}: Changes): Promise<string> {
  const raw = await derivedBytes(secretOf(1), purpose)
  const key = await crypto.subtle.importKey('raw', raw, 'AES-GCM', false, ['encrypt'])
  const iv = crypto.getRandomValues(new Uint8Array(12))
  const encode = (text: string): Uint8Array => new TextEncoder().encode(text)
  const algorithm = { name: 'AES-GCM', iv, additionalData: encode(whole) }
  const sealed = await crypto.subtle.encrypt(algorithm, key, encode(JSON.stringify(record)))
  const bytes = new Uint8Array([...iv, ...new Uint8Array(sealed)])
  return `${kid}.${bytes.toBase64({ alphabet: 'base64url', omitPadding: true })}`
}

function decode(part: string): Uint8Array {
  return Uint8Array.fromBase64(part, { alphabet: 'base64url' })
}

function latin1(bytes: Uint8Array): string {
  return String.fromCharCode(...bytes)
}
