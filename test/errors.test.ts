/** This file is the tests of the error model: its table, and its way onto the wire (TMB-50, TMB-77). */

import { describe, expect, it } from 'vitest'
import { BrokerError, failed, failureOf, success, toErrorResponse, unwrap } from '../src/errors.ts'
import type { ErrorCode } from '../src/protocol.ts'

const STATUS: Record<ErrorCode, number> = {
  invalid_request: 400,
  invalid_scope: 400,
  login_required: 401,
  consent_required: 403,
  access_denied: 403,
  slow_down: 429,
  temporarily_unavailable: 503,
  server_error: 500,
}

describe('on the wire', () => {
  it.each(Object.entries(STATUS))('%s has status %i and a fixed text', (code, status) => {
    const failure = { code: code as ErrorCode, reason: 'canary' }
    const answer = toErrorResponse(failure, 'request-1')
    expect(answer.status).toBe(status)
    expect(Object.keys(answer.body)).toEqual(['error', 'error_description', 'request_id'])
    expect(answer.body).toMatchObject({ error: code, request_id: 'request-1' })
    expect(JSON.stringify(answer)).not.toContain('canary')
    expect('Retry-After' in answer.headers).toBe(status === 429 || status === 503)
  })

  it.each([
    [undefined, '1'],
    [0.2, '1'],
    [12.3, '13'],
  ])('Retry-After of %s seconds is %s', (retry_after, expected) => {
    const more = retry_after === undefined ? {} : { retry_after }
    const failure = { code: 'slow_down', reason: 'x', ...more } as const
    expect(toErrorResponse(failure, 'r').headers['Retry-After']).toBe(expected)
  })
})

it('what nobody threw on purpose is our fault, and says nothing', () => {
  for (const thrown of [new Error('canary'), 'canary', null, undefined, { failure: 'canary' }]) {
    expect(failureOf(thrown)).toEqual({ code: 'server_error', reason: 'unexpected' })
  }
})

it('an outcome crosses over and comes back as the error it was', () => {
  expect(unwrap(success(1))).toBe(1)
  const outcome = structuredClone(failed('slow_down', 'why', { retry_after: 5 }))
  expect(() => unwrap(outcome)).toThrow(BrokerError)
  try {
    unwrap(outcome)
  } catch (error) {
    expect(failureOf(error)).toEqual({ code: 'slow_down', reason: 'why', retry_after: 5 })
  }
})
