/** Tests of the log: one line for each event, which is JSON and contains no message of a library. */

import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { log, logError } from '../../src/audit/log.ts'
import { BrokerError } from '../../src/errors.ts'

const lines: { level: string; text: string }[] = []

beforeEach(() => {
  lines.length = 0
  for (const level of ['info', 'warn', 'error', 'log', 'debug'] as const)
    vi.spyOn(console, level).mockImplementation((...args: unknown[]) => {
      lines.push({ level, text: args.map(String).join(' ') })
    })
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-23T12:00:00Z') })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

/** The only event that was logged. */
function theEvent(): Record<string, unknown> {
  expect(lines).toHaveLength(1)
  return JSON.parse(lines[0]?.text ?? '')
}

/** An error as a careless library throws it: with a secret in every text. */
function leaking(): Error {
  const cause = new RangeError('canary at the root', { cause: 'canary, no error at all' })
  return Object.assign(new TypeError('canary in the message', { cause }), {
    code: 'canary-code',
    response: { body: 'canary' },
    stack: 'canary',
  })
}

describe('an event', () => {
  it.each(['info', 'warn', 'error'] as const)('of level %s is one line of JSON in UTC', (level) => {
    log(level, 'an_event', { request_id: 'an-id', status: 400, problems: ['A: b'] })
    expect(lines[0]?.level).toBe(level)
    expect(theEvent()).toEqual({
      ...{ at: '2026-11-23T12:00:00.000Z', level, event: 'an_event' },
      ...{ request_id: 'an-id', status: 400, problems: ['A: b'] },
    })
  })

  it('is one line of short texts for any content (property; TMB-76)', () => {
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\r\n{"event":"forged"}', '\u001b[2J', '\ud800', 'x'.repeat(10_000)),
      fc.constantFrom('\u007f', '\u0085', '\u009b2J', '\u009f', '\u2028', '\u2029'),
    )
    fc.assert(
      fc.property(text, text, (route, reason) => {
        lines.length = 0
        log('info', 'an_event', { route, reason, problems: [route] })
        expect(lines[0]?.text).not.toMatch(/[\p{Cc}\p{Zl}\p{Zp}\ud800]/u)
        const [cut_route, cut_reason] = [route.slice(0, 200), reason.slice(0, 200)]
        expect(theEvent()).toMatchObject({
          event: 'an_event',
          route: cut_route,
          reason: cut_reason,
        })
      }),
    )
  })
})

describe('an error', () => {
  it('of the broker is logged as its reason and the classes of its causes, without a message (TMB-75)', () => {
    logError('failed', new BrokerError('google_unreachable', { cause: leaking() }), {
      request_id: 'an-id',
    })
    expect(theEvent()).toMatchObject({
      ...{ level: 'error', event: 'failed', request_id: 'an-id' },
      reason: 'google_unreachable (BrokerError < TypeError < RangeError)',
    })
    expect(lines[0]?.text).not.toContain('canary')
  })

  it('of a library is logged without a message (TMB-75)', () => {
    logError('failed', leaking())
    expect(theEvent()['reason']).toBe('unexpected (TypeError < RangeError)')
    expect(lines[0]?.text).not.toContain('canary')
  })

  it('is logged with the codes of its causes, too', () => {
    const deepest = Object.assign(new TypeError('canary'), { code: 'canary code' })
    const cause = Object.assign(new Error('canary', { cause: deepest }), {
      code: 'OAUTH_PARSE_ERROR',
    })
    logError('failed', new BrokerError('google_refuses_client', { cause }))
    expect(theEvent()['reason']).toBe(
      'google_refuses_client (BrokerError < OAUTH_PARSE_ERROR < TypeError)',
    )
    expect(lines[0]?.text).not.toContain('canary')
  })

  it.each(['ERR canary', '4/0AX4XfWh_canary', 'E'.repeat(61), 7])(
    'with the code %j is logged as its class',
    (code) => {
      logError('failed', Object.assign(new Error('canary'), { code }))
      expect(theEvent()['reason']).toBe('unexpected (Error)')
    },
  )

  it('that is not an Error is one line too, without its content (property; TMB-75)', () => {
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.constant('canary')), (thrown) => {
        lines.length = 0
        logError('failed', thrown)
        expect(theEvent()['reason']).toBe('unexpected ()')
      }),
    )
  })
})
