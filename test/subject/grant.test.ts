/** When an access token is fresh, and the likely cause of a grant's end. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  type AccessToken,
  type Grant,
  type GrantHistory,
  isDueForRefresh,
  isFresh,
  likelyCause,
  REFRESH_AHEAD_SECONDS,
} from '../../src/subject/grant.ts'

const token = (expires_at: number, refresh_lifetime?: number): AccessToken => ({
  v: 1,
  access_token: 'a',
  scope: 's',
  expires_at,
  generation: 'g',
  ...(refresh_lifetime === undefined ? {} : { refresh_lifetime }),
})

const seconds = fc.oneof(
  fc.integer({ min: -10, max: 7200 }),
  fc.double({ min: -10, max: 7200, noNaN: true }),
)
const lifetime = fc.option(fc.integer({ min: 0, max: 7200 }), { nil: undefined })
const min_ttl = fc.integer({ min: 0, max: 1800 })

describe('an access token', () => {
  it.each([
    { left: 300, min_ttl: 300, expected: true },
    { left: 299.9, min_ttl: 300, expected: false },
    { left: 1, min_ttl: 0, expected: true },
    { left: 0.9, min_ttl: 0, expected: false },
    // If tokens live for four minutes, two minutes are enough.
    { left: 120, min_ttl: 300, lifetime: 240, expected: true },
    { left: 119, min_ttl: 300, lifetime: 240, expected: false },
    { left: 0.5, min_ttl: 300, lifetime: 1, expected: false },
  ])(
    'with $left s left of $lifetime is fresh for min_ttl $min_ttl: $expected (TMB-45)',
    ({ left, min_ttl, lifetime, expected }) => {
      expect(isFresh(token(1000 + left, lifetime), min_ttl, 1000)).toBe(expected)
    },
  )

  it('is never fresh after it has expired (property; TMB-45)', () => {
    fc.assert(
      fc.property(seconds, min_ttl, lifetime, (ago, min_ttl, lifetime) => {
        expect(isFresh(token(1000, lifetime), min_ttl, 1000 + Math.abs(ago))).toBe(false)
      }),
    )
  })

  it('never becomes fresh again (property)', () => {
    fc.assert(
      fc.property(seconds, min_ttl, lifetime, seconds, seconds, (left, min_ttl, lifetime, a, b) => {
        const [sooner, later] = [Math.min(a, b), Math.max(a, b)]
        const fresh = (at: number): boolean => isFresh(token(left, lifetime), min_ttl, at)
        expect(fresh(later) && !fresh(sooner)).toBe(false)
      }),
    )
  })

  it('is fresh right after a refresh, so that refreshing ends (property)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7200 }), min_ttl, (lifetime, min_ttl) => {
        expect(isFresh(token(1000 + lifetime, lifetime), min_ttl, 1000)).toBe(true)
      }),
    )
  })

  it.each([
    { left: 3599, expected: false },
    { left: REFRESH_AHEAD_SECONDS, expected: false },
    { left: REFRESH_AHEAD_SECONDS - 1, expected: true },
    { left: 240, lifetime: 240, expected: false },
    { left: 119, lifetime: 240, expected: true },
    { left: -1, expected: true },
  ])('with $left s left of $lifetime is due for a refresh: $expected', (row) => {
    expect(isDueForRefresh(token(1000 + row.left, row.lifetime), 1000)).toBe(row.expected)
  })
})

describe("the likely cause of a grant's end", () => {
  const DAY = 24 * 60 * 60
  const BEGAN = 1_700_000_000
  interface Given extends Partial<Omit<GrantHistory, 'grant'>> {
    refresh_token_expires_at?: number
  }
  const causeOf = ({ refresh_token_expires_at, ...given }: Given): string => {
    const grant: Grant = {
      ...{ v: 1, sub: 'u', refresh_token: 'r', scope: 's', generation: 'g' },
      ...{ granted_at: BEGAN, client_id: 'c', issued_before: 10 },
      ...(refresh_token_expires_at === undefined ? {} : { refresh_token_expires_at }),
    }
    return likelyCause({
      grant,
      refreshed_at: BEGAN,
      issued: 11,
      has_other_cause: false,
      at: BEGAN + DAY,
      ...given,
    })
  }
  /** A grant that was last refreshed one hour before its end. */
  const aged = (days: number): Given => ({
    refreshed_at: BEGAN + days * DAY - 3600,
    at: BEGAN + days * DAY,
  })

  it.each<{ of: string; given: Given; expected: string }>([
    { of: 'a day', given: {}, expected: 'revoked_by_user' },
    { of: 'seven days', given: aged(7), expected: 'testing_mode_7_days' },
    {
      of: 'nine days, last used as the first week ended',
      given: { refreshed_at: BEGAN + 7 * DAY, at: BEGAN + 9 * DAY },
      expected: 'testing_mode_7_days',
    },
    {
      of: 'half a year without use',
      given: { at: BEGAN + 180 * DAY },
      expected: 'unused_6_months',
    },
    {
      of: 'the time limit the user chose',
      given: { refresh_token_expires_at: BEGAN + 3600, at: BEGAN + 3600 },
      expected: 'time_limited_access',
    },
    {
      of: 'less than the time limit the user chose',
      given: { refresh_token_expires_at: BEGAN + 3600, at: BEGAN + 3599 },
      expected: 'revoked_by_user',
    },
    { of: 'a hundred newer ones', given: { issued: 111 }, expected: 'too_many_grants' },
    { of: 'ninety-nine newer ones', given: { issued: 110 }, expected: 'revoked_by_user' },
    { of: 'a Workspace policy', given: { has_other_cause: true }, expected: 'unknown' },
    {
      of: 'the time limit, with all other causes',
      given: {
        ...{ refresh_token_expires_at: BEGAN, issued: 500, at: BEGAN + 400 * DAY },
        has_other_cause: true,
      },
      expected: 'time_limited_access',
    },
  ])('after $of: $expected', ({ given, expected }) => {
    expect(causeOf(given)).toBe(expected)
  })
})
