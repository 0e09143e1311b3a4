/** This file is the tests of the error model: every code has its answer, and nothing else gets out. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BrokerError,
  failed,
  failureOf,
  success,
  toErrorResponse,
  unwrap,
} from '../../src/errors.ts'
import type { ErrorCode } from '../../src/protocol/http.ts'

/** design.md §3.5. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  invalid_request: 400,
  invalid_scope: 400,
  unsupported_grant_type: 400,
  unsupported_response_type: 400,
  invalid_grant: 400,
  invalid_dpop_proof: 400,
  use_dpop_nonce: 400,
  login_required: 401,
  consent_required: 403,
  access_denied: 403,
  slow_down: 429,
  temporarily_unavailable: 503,
  server_error: 500,
}
const CODES = Object.keys(STATUS) as ErrorCode[]
const RETRIED: readonly ErrorCode[] = ['slow_down', 'temporarily_unavailable']

describe('an answer', () => {
  it.each(CODES.map((code) => ({ code, status: STATUS[code] })))(
    'of $code has status $status, a text of its own, and nothing of what happened (TMB-50)',
    ({ code, status }) => {
      const answer = toErrorResponse({ code, reason: 'canary-reason' }, 'an-id')
      const { error_description } = answer.body
      expect(answer.status).toBe(status)
      expect(answer.body).toEqual({ error: code, error_description, request_id: 'an-id' })
      expect(error_description).toMatch(/^[A-Z].{10,}\.$/)
      expect(toErrorResponse({ code, reason: 'other' }, 'an-id').body).toEqual(answer.body)
      expect(JSON.stringify(answer)).not.toContain('canary')
    },
  )

  it('has another text for each code', () => {
    const texts = CODES.map((code) => toErrorResponse({ code, reason: '' }, '').body)
    expect(new Set(texts.map(({ error_description }) => error_description)).size).toBe(CODES.length)
  })

  it.each(CODES.filter((code) => !RETRIED.includes(code)))('of %s has no Retry-After', (code) => {
    expect(toErrorResponse({ code, reason: '', retry_after: 60 }, '').headers).toEqual({})
  })

  it.each([
    { given: undefined, expected: '1' },
    { given: 60, expected: '60' },
    { given: 0, expected: '1' },
    { given: -5, expected: '1' },
    { given: 0.2, expected: '1' },
    { given: 1.01, expected: '2' },
    { given: 12.3, expected: '13' },
  ])('to try again after $given says $expected', ({ given, expected }) => {
    const failure = { reason: '', ...(given === undefined ? {} : { retry_after: given }) }
    for (const code of RETRIED)
      expect(toErrorResponse({ code, ...failure }, '').headers).toEqual({ 'Retry-After': expected })
  })

  it('to try again says so in whole seconds, never too early (property)', () => {
    fc.assert(
      fc.property(fc.double({ min: -1e9, max: 1e9, noNaN: true }), (retry_after) => {
        const { headers } = toErrorResponse({ code: 'slow_down', reason: '', retry_after }, '')
        expect(headers['Retry-After']).toMatch(/^[1-9]\d*$/)
        expect(Number(headers['Retry-After'])).toBeGreaterThanOrEqual(retry_after)
      }),
    )
  })

  it('may have another status and further members', () => {
    const failure = {
      code: 'consent_required',
      reason: '',
      status: 404,
      members: { bundle: 'pick', reason: 'ended', likely_cause: 'unknown' },
    } as const
    const { status, body } = toErrorResponse(failure, 'an-id')
    expect(status).toBe(404)
    expect(body).toMatchObject({ error: 'consent_required', request_id: 'an-id' })
    expect(body).toMatchObject(failure.members)
  })
})

describe('a failure', () => {
  it('that is thrown keeps its code and members, and its cause as evidence', () => {
    const cause = new Error('canary')
    const error = new BrokerError('slow_down', 'a_reason', { retry_after: 3, cause })
    expect(failureOf(error)).toEqual({ code: 'slow_down', reason: 'a_reason', retry_after: 3 })
    expect(error.cause).toBe(cause)
    expect(JSON.stringify(toErrorResponse(failureOf(error), ''))).not.toContain('canary')
  })

  it('of anything that is not ours is server_error, and quotes nothing of it (property; TMB-77)', () => {
    const canary = fc.constantFrom(
      new Error('canary'),
      Object.assign(new TypeError('canary'), { code: 'slow_down', failure: { code: 'canary' } }),
      { code: 'access_denied', reason: 'canary', failure: { code: 'canary', reason: 'canary' } },
    )
    fc.assert(
      fc.property(fc.oneof(canary, fc.anything()), (thrown) => {
        expect(failureOf(thrown)).toEqual({ code: 'server_error', reason: 'unexpected' })
      }),
    )
  })

  it('crosses a border as plain data, and is thrown again on the other side', () => {
    const outcome = failed('consent_required', 'a_reason', { members: { reason: 'ended' } })
    expect(structuredClone(outcome)).toEqual(outcome)
    let thrown: unknown
    try {
      unwrap(structuredClone(outcome))
    } catch (error) {
      thrown = error
    }
    expect(thrown).toBeInstanceOf(BrokerError)
    expect(failureOf(thrown)).toEqual(outcome.failure)
  })
})

it('a success is its value again (property)', () => {
  fc.assert(
    fc.property(fc.anything(), (value) => {
      expect(unwrap(success(value))).toBe(value)
    }),
  )
})
