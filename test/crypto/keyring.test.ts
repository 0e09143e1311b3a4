/** The keyring, and the parsing of its secrets. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { parseEncryptionKeys, parseSecret } from '../../src/crypto/keyring.ts'
import { encoded, ringOf, secretOf } from './keys.ts'

afterEach(() => {
  vi.restoreAllMocks()
})

const IV = { name: 'AES-GCM', iv: new Uint8Array(12) }

describe('a keyring', () => {
  it('has no key for an unknown or retired kid (TMB-55)', async () => {
    const keyring = ringOf({ k1: 1 })
    for (const kid of ['k2', '', '__proto__', 'constructor', 'K1', 'storage/k1'])
      expect(await keyring.key(kid, 'storage')).toBeUndefined()
  })

  it('has 256-bit keys that cannot be exported (TMB-55)', async () => {
    const key = await ringOf({ k1: 1 }).key('k1', 'storage')
    expect(key?.algorithm).toMatchObject({ name: 'AES-GCM', length: 256 })
    expect(key?.extractable).toBe(false)
    expect([...(key?.usages ?? [])].sort()).toEqual(['decrypt', 'encrypt'])
  })

  it('derives a different key for each purpose and kid, always the same one (TMB-55)', async () => {
    const keyring = ringOf({ k1: 1, k2: 2 })
    const encrypt = async (kid: string, purpose: 'cookie' | 'storage'): Promise<string> => {
      const key = await keyring.key(kid, purpose)
      if (!key) throw new Error('no key')
      return encoded(new Uint8Array(await crypto.subtle.encrypt(IV, key, new Uint8Array(16))))
    }
    const all = [
      await encrypt('k1', 'cookie'),
      await encrypt('k1', 'storage'),
      await encrypt('k2', 'cookie'),
      await encrypt('k2', 'storage'),
    ]
    expect(new Set(all).size).toBe(4)
    expect(await encrypt('k1', 'cookie')).toBe(all[0])
  })
})

describe('ENCRYPTION_KEYS', () => {
  it.each([
    { given: '', expected: 'entry 1 is not kid:key' },
    { given: `${'canary'.repeat(6)}:x`, expected: 'entry 1 is not kid:key' },
    { given: `k1:${encoded(secretOf(1))},`, expected: 'entry 2 is not kid:key' },
    {
      given: `canary:${encoded(secretOf(1))},canary:${encoded(secretOf(2))}`,
      expected: 'entry 2 repeats a kid',
    },
    { given: 'k1:canary!', expected: 'entry 1 is not base64url' },
    {
      given: `k1:${encoded(secretOf(1).slice(0, 16))}`,
      expected: 'entry 1 has 16 bytes instead of 32',
    },
    {
      given: `k1:${encoded(secretOf(1))},k2:${encoded(new Uint8Array(32))}`,
      expected: 'entry 2 is a sample, not random bytes',
    },
    {
      given: `k1:${encoded(secretOf(1))},k2:${encoded(secretOf(2))},k3:${encoded(secretOf(1))}`,
      expected: 'entry 3 repeats a key under another kid',
    },
  ])('$given: $expected (TMB-81)', ({ given, expected }) => {
    const problem = parseEncryptionKeys(given)
    expect(problem).toBe(expected)
    expect(problem).not.toContain('canary')
  })
})

describe('a secret', () => {
  it('with fewer than eight different bytes is refused as a sample', () => {
    const secretWith = (different: number): Uint8Array =>
      Uint8Array.from(secretOf(1), (_, i) => i % different)
    expect(parseSecret(encoded(secretWith(7)))).toBe('is a sample, not random bytes')
    expect(parseSecret(encoded(secretWith(8)))).toEqual(secretWith(8))
  })
})
