/** Tests of which URLs are on this machine. */

import { expect, it } from 'vitest'
import { isLoopback } from '../../src/config/urls.ts'

it.each(['http://localhost:1', 'http://127.1', 'http://127.9.9.9', 'http://[::1]:1'])(
  '%s is on this machine (TMB-83)',
  (url) => expect(isLoopback(new URL(url))).toBe(true),
)

it.each([
  ...['http://localhost.evil.example', 'http://evil.localhost', 'http://127.0.0.1.evil.example'],
  ...['http://0.0.0.0', 'http://10.0.0.1', 'http://[::2]'],
])('%s is not on this machine (TMB-83)', (url) => expect(isLoopback(new URL(url))).toBe(false))
