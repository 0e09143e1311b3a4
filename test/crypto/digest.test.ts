/** Hashes and random ids, checked with published test vectors. */

import { expect, it } from 'vitest'
import { base64url, randomId, sha256, timingSafeEqual } from '../../src/crypto/digest.ts'

it.each([
  { of: 'FIPS 180-2 B.1', given: 'abc', expected: 'ungWv48Bz-pBQUDeXa4iI7ADYaOWF3qctBD_YfIAFa0' },
  {
    of: 'RFC 7636 Appendix B',
    given: 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk',
    expected: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
  },
])('hashes the vector of $of', async ({ given, expected }) => {
  expect(await sha256(given)).toBe(expected)
})

it('encodes base64url without padding', () => {
  expect(base64url(new Uint8Array([0xfb, 0xff, 0xbf, 0xff]).buffer)).toBe('-_-__w')
  expect(base64url(new ArrayBuffer(0))).toBe('')
})

it('makes unique ids of 128 random bits (TMB-31)', () => {
  const ids = Array.from({ length: 2000 }, randomId)
  expect(new Set(ids).size).toBe(ids.length)
  const bytes = ids.map((id) => Uint8Array.fromBase64(id, { alphabet: 'base64url' }))
  expect(new Set(bytes.map(({ length }) => length))).toEqual(new Set([16]))
  for (let bit = 0; bit < 128; bit++) {
    const ones = bytes.filter((id) => ((id[bit >> 3] ?? 0) >> (bit & 7)) & 1).length
    expect(Math.abs(ones - 1000)).toBeLessThan(300) // 13 standard deviations
  }
})

it.each([
  ['', '', true],
  ['nonce', 'nonce', true],
  ['nonce', 'nonCe', false],
  ['nonce', 'nonce2', false],
  ['ä', 'a\u0308', false], // both are displayed alike
])('compares %j with %j: %s (TMB-26)', (a, b, isSame) => {
  expect(timingSafeEqual(a, b)).toBe(isSame)
})
