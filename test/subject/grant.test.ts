/** This file is the tests of the rules of grants and access tokens. */

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
  secondsLeft,
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
const gives = fc.option(fc.integer({ min: 0, max: 7200 }), { nil: undefined })
const min_ttl = fc.integer({ min: 0, max: 1800 })

describe('an access token', () => {
  it.each([
    { left: 300, min_ttl: 300, expected: true },
    { left: 299.9, min_ttl: 300, expected: false },
    { left: 3599, min_ttl: 300, gives: 3599, expected: true },
    { left: 1, min_ttl: 0, expected: true },
    { left: 0.9, min_ttl: 0, expected: false },
    { left: 0, min_ttl: 0, expected: false },
    { left: -1, min_ttl: 0, expected: false },
    // A provider whose tokens live for four minutes: two are enough, and less is not.
    { left: 240, min_ttl: 300, gives: 240, expected: true },
    { left: 120, min_ttl: 300, gives: 240, expected: true },
    { left: 119, min_ttl: 300, gives: 240, expected: false },
    { left: 240, min_ttl: 300, expected: false },
    { left: 299, min_ttl: 300, gives: 300, expected: false },
    { left: 700, min_ttl: 900, gives: 1200, expected: false },
    { left: 60, min_ttl: 60, gives: 240, expected: true },
    { left: 59, min_ttl: 60, gives: 240, expected: false },
    { left: 0.5, min_ttl: 300, gives: 1, expected: false },
    { left: 0, min_ttl: 300, gives: 0, expected: false },
  ])(
    'with $left s left where $min_ttl are asked for and a refresh gives $gives is fresh: $expected (TMB-45)',
    ({ left, min_ttl, gives, expected }) => {
      expect(isFresh(token(1000 + left, gives), min_ttl, 1000)).toBe(expected)
    },
  )

  it('that has expired is never fresh (property; TMB-45)', () => {
    fc.assert(
      fc.property(seconds, min_ttl, gives, (ago, min_ttl, gives) => {
        expect(isFresh(token(1000, gives), min_ttl, 1000 + Math.abs(ago))).toBe(false)
      }),
    )
  })

  it('that is stale never becomes fresh again (property)', () => {
    fc.assert(
      fc.property(seconds, min_ttl, gives, seconds, seconds, (left, min_ttl, gives, a, b) => {
        const [sooner, later] = [Math.min(a, b), Math.max(a, b)]
        const fresh = (at: number): boolean => isFresh(token(left, gives), min_ttl, at)
        expect(fresh(later) && !fresh(sooner)).toBe(false)
      }),
    )
  })

  it('that is fresh is so for whoever asks for less (property)', () => {
    fc.assert(
      fc.property(seconds, min_ttl, min_ttl, seconds, (left, a, b, at) => {
        const fresh = (min_ttl: number): boolean => isFresh(token(left), min_ttl, at)
        expect(fresh(Math.max(a, b)) && !fresh(Math.min(a, b))).toBe(false)
      }),
    )
  })

  it('just refreshed is fresh, or asking again would not end (property)', () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 7200 }), min_ttl, (gives, min_ttl) => {
        expect(isFresh(token(1000 + gives, gives), min_ttl, 1000)).toBe(true)
      }),
    )
  })

  it('that is fresh for what was asked has that much left, or half of what a refresh gives (property)', () => {
    fc.assert(
      fc.property(seconds, min_ttl, gives, (left, min_ttl, gives) => {
        const some = token(1000 + left, gives)
        if (!isFresh(some, min_ttl, 1000)) return
        const promised = Math.min(min_ttl, gives !== undefined && gives < min_ttl ? gives / 2 : 1e9)
        expect(secondsLeft(some, 1000)).toBeGreaterThanOrEqual(promised)
      }),
    )
  })

  it.each([
    { left: 3599, expected: false },
    { left: REFRESH_AHEAD_SECONDS, expected: false },
    { left: REFRESH_AHEAD_SECONDS - 1, expected: true },
    { left: 240, gives: 240, expected: false },
    { left: 119, gives: 240, expected: true },
    { left: -1, expected: true },
  ])('with $left s left where a refresh gives $gives is waning: $expected', (row) => {
    expect(isDueForRefresh(token(1000 + row.left, row.gives), 1000)).toBe(row.expected)
  })

  it('is refreshed behind the answer with less than ten minutes left; design.md §6.7', () => {
    expect(REFRESH_AHEAD_SECONDS).toBe(600)
  })
})

describe('the likely cause of a dead grant', () => {
  const DAY = 24 * 60 * 60
  const BEGAN = 1_700_000_000
  interface Given extends Partial<Omit<GrantHistory, 'grant'>> {
    refresh_token_expires_at?: number
  }
  const causeOf = ({ refresh_token_expires_at, ...given }: Given): string => {
    const grant: Grant = {
      ...{ v: 1, sub: 'u', refresh_token: 'r', scope: 's', generation: 'g' },
      granted_at: BEGAN,
      issued_before: 10,
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
  /** Refreshed an hour before it was found dead. */
  const aged = (days: number): Given => ({
    refreshed_at: BEGAN + days * DAY - 3600,
    at: BEGAN + days * DAY,
  })

  it.each<{ of: string; given: Given; expected: string }>([
    { of: 'a day', given: {}, expected: 'revoked_by_user' },
    { of: 'less than seven days', given: aged(6.9), expected: 'revoked_by_user' },
    { of: 'seven days', given: aged(7), expected: 'testing_mode_7_days' },
    {
      of: 'a month, not used after the first week',
      given: { at: BEGAN + 30 * DAY },
      expected: 'testing_mode_7_days',
    },
    {
      of: 'nine days, last used as the first week ended',
      given: { refreshed_at: BEGAN + 7 * DAY, at: BEGAN + 9 * DAY },
      expected: 'testing_mode_7_days',
    },
    { of: 'nine days, used past the first week', given: aged(9), expected: 'revoked_by_user' },
    { of: 'a month, used ever since', given: aged(30), expected: 'revoked_by_user' },
    { of: 'a year, used ever since', given: aged(365), expected: 'revoked_by_user' },
    {
      of: 'half a year without use',
      given: { at: BEGAN + 180 * DAY },
      expected: 'unused_6_months',
    },
    {
      of: 'a year, the last half without use',
      given: { refreshed_at: BEGAN + 180 * DAY, at: BEGAN + 360 * DAY },
      expected: 'unused_6_months',
    },
    {
      of: 'an hour that the user had set',
      given: { refresh_token_expires_at: BEGAN + 3600, at: BEGAN + 3600 },
      expected: 'time_limited_access',
    },
    {
      of: 'less than the user had set',
      given: { refresh_token_expires_at: BEGAN + 3600, at: BEGAN + 3599 },
      expected: 'revoked_by_user',
    },
    { of: 'a hundred newer ones', given: { issued: 111 }, expected: 'too_many_grants' },
    { of: 'ninety-nine newer ones', given: { issued: 110 }, expected: 'revoked_by_user' },
    { of: 'a Workspace policy', given: { has_other_cause: true }, expected: 'unknown' },
    {
      of: 'seven days and a Workspace policy',
      given: { ...aged(7), has_other_cause: true },
      expected: 'testing_mode_7_days',
    },
    {
      of: 'the time the user had set and all the rest',
      given: {
        ...{ refresh_token_expires_at: BEGAN, issued: 500, at: BEGAN + 400 * DAY },
        has_other_cause: true,
      },
      expected: 'time_limited_access',
    },
  ])('after $of is $expected', ({ given, expected }) => {
    expect(causeOf(given)).toBe(expected)
  })
})
