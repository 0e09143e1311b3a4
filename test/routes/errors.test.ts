/** Tests of the error model: every code has one answer, and nothing else leaves the broker. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  BrokerError,
  failed,
  failureOf,
  type Reason,
  toErrorResponse,
  unwrap,
} from '../../src/errors.ts'
import type { ErrorCode } from '../../src/protocol/http.ts'

/** Statuses of src/routes/README.md, and a reason for each code. */
const STATUS: Readonly<Record<ErrorCode, number>> = {
  account_mismatch: 400,
  interaction_required: 400,
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
const REASON: Reason = 'parameter_missing'
const CODES = Object.keys(STATUS) as ErrorCode[]
const RETRIED: readonly ErrorCode[] = ['slow_down', 'temporarily_unavailable']

describe('an answer', () => {
  it.each(CODES.map((code) => ({ code, status: STATUS[code] })))(
    'with $code has status $status and a fixed text, without details (TMB-50)',
    ({ code, status }) => {
      const failure = { code, reason: REASON, parameter: 'canary-parameter' }
      const answer = toErrorResponse(failure, 'an-id')
      const { error_description } = answer.body
      expect(answer.status).toBe(status)
      expect(answer.body).toEqual({ error: code, error_description, request_id: 'an-id' })
      expect(error_description).toMatch(/^[A-Z].{10,}\.$/)
      expect(JSON.stringify(answer)).not.toContain('canary')
    },
  )

  it.each(CODES.filter((code) => !RETRIED.includes(code)))('with %s has no Retry-After', (code) => {
    expect(toErrorResponse({ code, reason: REASON, retry_after: 60 }, '').headers).toEqual({})
  })

  it.each([
    { given: undefined, expected: '1' },
    { given: 0, expected: '1' },
    { given: 1.01, expected: '2' },
  ])('with a retry_after of $given has the Retry-After $expected', ({ given, expected }) => {
    const failure = { reason: REASON, ...(given === undefined ? {} : { retry_after: given }) }
    for (const code of RETRIED)
      expect(toErrorResponse({ code, ...failure }, '').headers).toEqual({ 'Retry-After': expected })
  })
})

describe('a failure', () => {
  it('is server_error for any other error, and quotes nothing of it (property; TMB-77)', () => {
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

  it('crosses RPC as plain data, and can be thrown again', () => {
    const outcome = failed('ended', { members: { reason: 'ended' } })
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
