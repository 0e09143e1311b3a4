/** This file is the tests of the operator's log: one line an event, and nothing in it that somebody else wrote (TMB-75). */

import { afterEach, expect, it, vi } from 'vitest'
import { BrokerError } from '../src/errors.ts'
import { log, logError } from '../src/log.ts'

afterEach(() => void vi.restoreAllMocks())

it('writes one line of JSON, also where a field has line breaks and escapes', () => {
  const info = vi.spyOn(console, 'info').mockImplementation(() => {})
  log('info', 'event', { reason: 'a\r\nb\u001b[31m' })
  const [line] = info.mock.calls[0] as [string]
  for (const control of ['\r', '\n', '\u001b']) expect(line).not.toContain(control)
  expect(JSON.parse(line)).toMatchObject({
    level: 'info',
    event: 'event',
    at: expect.stringMatching(/^\d{4}-.*Z$/),
  })
})

it('names an error by its own reason and the classes of its causes, never by their messages', () => {
  const error = vi.spyOn(console, 'error').mockImplementation(() => {})
  const deepest = Object.assign(new TypeError('canary-message'), { code: 'canary code' })
  const cause = Object.assign(new Error('canary-message', { cause: deepest }), {
    code: 'OAUTH_PARSE_ERROR',
  })
  logError('event', new BrokerError('server_error', 'google_refuses_client', { cause }))
  logError('event', cause)
  logError('event', 'canary-thrown')
  const lines = error.mock.calls.flat().map(String)
  expect(lines.join()).not.toContain('canary')
  expect(lines.map((line) => JSON.parse(line).reason)).toEqual([
    'google_refuses_client (BrokerError < OAUTH_PARSE_ERROR < TypeError)',
    'unexpected (OAUTH_PARSE_ERROR < TypeError)',
    'unexpected ()',
  ])
})
