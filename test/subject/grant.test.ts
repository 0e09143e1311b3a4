/** This file is the tests of a grant's pure rules: fresh, waning, and why it may have ended. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AccessToken,
  type Grant,
  isFresh,
  isWaning,
  likelyCause,
} from '../../src/subject/grant.ts'

const NOW = 1_800_000_000
const DAY = 86_400

const token = (left: number, refresh_gives?: number): AccessToken => ({
  v: 1,
  access_token: 'a',
  scope: 's',
  generation: 'g',
  expires_at: NOW + left,
  ...(refresh_gives === undefined ? {} : { refresh_gives }),
})

describe('a token', () => {
  it('that has expired is fresh for nobody, and freshness only ever goes', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: -100, max: 4000 }),
        fc.integer({ min: 0, max: 1800 }),
        fc.option(fc.integer({ min: 1, max: 4000 }), { nil: undefined }),
        fc.nat(4000),
        (left, min_ttl, gives, later) => {
          if (left < 1) expect(isFresh(token(left, gives), min_ttl, NOW)).toBe(false)
          if (isFresh(token(left, gives), min_ttl, NOW + later))
            expect(isFresh(token(left, gives), min_ttl, NOW)).toBe(true)
        },
      ),
    )
  })

  it.each([
    { left: 300, min_ttl: 300, gives: undefined, fresh: true },
    { left: 299, min_ttl: 300, gives: undefined, fresh: false },
    { left: 299, min_ttl: 300, gives: 3600, fresh: false },
    { left: 700, min_ttl: 900, gives: 1200, fresh: false },
    { left: 60, min_ttl: 300, gives: 120, fresh: true },
    { left: 59, min_ttl: 300, gives: 120, fresh: false },
    { left: 1, min_ttl: 0, gives: undefined, fresh: true },
    { left: 0.5, min_ttl: 0, gives: undefined, fresh: false },
  ])(
    'with $left s left, $min_ttl s asked and $gives s to be had is fresh: $fresh',
    ({ left, min_ttl, gives, fresh }) => {
      expect(isFresh(token(left, gives), min_ttl, NOW)).toBe(fresh)
    },
  )

  it('wanes in its last ten minutes, or in the last half of a shorter life', () => {
    expect([601, 599].map((left) => isWaning(token(left, 3600), NOW))).toEqual([false, true])
    expect([61, 59].map((left) => isWaning(token(left, 120), NOW))).toEqual([false, true])
  })
})

describe('the likely cause of an end', () => {
  const grant = (age: number, more: Partial<Grant> = {}): Grant => ({
    v: 1,
    sub: '1',
    refresh_token: 'r',
    scope: 's',
    generation: 'g',
    granted_at: NOW - age,
    issued_before: 0,
    ...more,
  })

  it.each([
    { what: 'used lately', age: 3 * DAY, idle: 60, expected: 'revoked_by_user' },
    {
      what: 'a week old, never used past it',
      age: 7 * DAY,
      idle: DAY,
      expected: 'testing_mode_7_days',
    },
    { what: 'a week old, used past it', age: 9 * DAY, idle: DAY, expected: 'revoked_by_user' },
    {
      what: 'unused for half a year',
      age: 200 * DAY,
      idle: 181 * DAY,
      expected: 'unused_6_months',
    },
    {
      what: 'past its limited time',
      age: DAY,
      idle: 60,
      more: { refresh_token_expires_at: NOW - 1 },
      expected: 'time_limited_access',
    },
    {
      what: 'within its limited time',
      age: DAY,
      idle: 60,
      more: { refresh_token_expires_at: NOW + 60 },
      expected: 'revoked_by_user',
    },
    {
      what: 'followed by a hundred others',
      age: DAY,
      idle: 60,
      issued: 101,
      expected: 'too_many_grants',
    },
    {
      what: 'explained otherwise',
      age: DAY,
      idle: 60,
      otherwise_explained: true,
      expected: 'unknown',
    },
  ])(
    'of a grant $what is $expected',
    ({ age, idle, more, issued = 1, otherwise_explained = false, expected }) => {
      const history = {
        grant: grant(age, more),
        refreshed_at: NOW - idle,
        issued,
        otherwise_explained,
        at: NOW,
      }
      expect(likelyCause(history)).toBe(expected)
    },
  )
})
