/** Tests of what the terminal of `npm start` shows of the output of a Worker. */

import { expect, it } from 'vitest'
import { formatOutput } from '../../src/tools/dev-log.ts'

const line = (fields: object): string => JSON.stringify({ at: '2026-11-28T00:00:00Z', ...fields })

it.each<[shown: string[], fields: object]>([
  [
    [
      '/authorize refused: invalid_request (redirect_uri_unknown). Register it. [client web, origin https://a.example]',
    ],
    {
      ...{ level: 'info', event: 'request_refused', route: '/authorize', client: 'web' },
      ...{ outcome: 'invalid_request', reason: 'redirect_uri_unknown' },
      ...{ description: 'Register it.', origin: 'https://a.example' },
    },
  ],
  [
    ['/token failed: server_error (unexpected: TypeError).'],
    {
      ...{ level: 'error', event: 'request_failed', route: '/token' },
      ...{ outcome: 'server_error', reason: 'unexpected (TypeError)' },
    },
  ],
  [
    ['refresh_failed: google_unreachable (TypeError)'],
    { level: 'error', event: 'refresh_failed', reason: 'google_unreachable (TypeError)' },
  ],
  [
    ['warning: a', 'warning: b'],
    { level: 'warn', event: 'configuration_odd', problems: ['a', 'b'] },
  ],
  [
    ['the configuration is faulty:', 'BASE_URL: is not a URL.'],
    { level: 'error', event: 'request_failed', problems: ['BASE_URL: is not a URL.'] },
  ],
  [[], { level: 'info', event: 'token_issued', client: 'web' }],
])('%j', (shown, fields) => {
  expect(formatOutput(line(fields), false)).toEqual(shown)
  expect(formatOutput(`✘ [ERROR] ${line(fields)}`, true)).toEqual(shown)
})

it('is what wrangler warns of, and nothing else that is no line of the log', () => {
  expect(formatOutput('▲ [WARNING] The port is taken', true)).toEqual([
    '▲ [WARNING] The port is taken',
  ])
  for (const text of ['[wrangler:info] GET / 200 OK', '', '{"at":']) {
    expect(formatOutput(text, false)).toEqual([])
  }
})
