/** Random ids, and comparisons in constant time. */

import { expect, it } from 'vitest'
import { randomId, timingSafeEqual } from '../../src/crypto/digest.ts'

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
