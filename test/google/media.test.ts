/** Property tests of media URLs: only a media host is ever requested, and every URL parser sees the same one. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { parseMediaUrl } from '../../src/google/media.ts'

const { config } = readConfig(env)
const local = readConfig({
  ...env,
  ...{ BASE_URL: 'http://localhost:8787', ISSUER: 'http://localhost:8788' },
}).config

const scheme = fc.constantFrom('https:', 'http:', 'HTTPS:', 'javascript:', 'data:', 'file:', '')
const slashes = fc.constantFrom('//', '/', '\\\\', '', '///', '/\\', '//u@', '//u:p@', '//@')
const host = fc.oneof(
  fc.constantFrom(
    ...'lh3.googleusercontent.com LH3.GoogleUserContent.com googleusercontent.com '.split(' '),
    ...'a.bc.googleusercontent.com lh3.googleusercontent.com. evil.example localhost'.split(' '),
    ...'lh3.googleusercontent.com:443 lh3.googleusercontent.com:444 localhost:8788'.split(' '),
    ...'evil.example#.googleusercontent.com evil.example\\.googleusercontent.com'.split(' '),
    ...'lh3。googleusercontent。com ｌｈ３.googleusercontent.com'.split(' '),
    ...'%6ch3.googleusercontent.com evil.example?.googleusercontent.com'.split(' '),
    ...'photos.usercontent.google.com a.b.usercontent.google.com usercontent.google.com'.split(' '),
    ...'a.google.com xusercontent.google.com evilusercontent.google.com'.split(' '),
    ...'xgoogleusercontent.com [::1] 127.0.0.1 lh3.googleusercontent.com@evil.example'.split(' '),
    'evil.example@lh3.googleusercontent.com',
  ),
  fc.webAuthority({ withUserInfo: true, withPort: true, withIPv4: true }),
)
const rest = fc.oneof(
  fc.constantFrom('', '/', '/a=w1-h1', '/\0', '/../x', '?q', '#f'),
  fc.webPath(),
)
const text = fc.oneof(
  fc.tuple(scheme, slashes, host, rest).map((parts) => parts.join('')),
  fc.string({ unit: 'binary' }),
  fc.constantFrom(
    '__proto__',
    '\ud800',
    ' https://lh3.googleusercontent.com/a',
    'x'.repeat(99_999),
  ),
)

it('accepts only URLs of media hosts, which parse to the same URL again (property; TMB-68)', () => {
  let accepted = 0
  fc.assert(
    fc.property(text, fc.option(text, { nil: undefined }), (text, base) => {
      const url = parseMediaUrl(config, text, base)
      if (url === undefined) return
      accepted++
      expect(url).toMatch(
        /^https:\/\/[a-z0-9-]+\.(googleusercontent\.com|usercontent\.google\.com)\/[!-~]*$/,
      )
      expect(parseMediaUrl(config, url)).toBe(url)
      expect(new Request(url).url.replace(/#.*/, '')).toBe(url.replace(/#.*/, ''))
    }),
    { numRuns: 2000 },
  )
  expect(accepted).toBeGreaterThan(20)
})

it('accepts the origin of the provider too, but only where it is on loopback (property)', () => {
  fc.assert(
    fc.property(text, (text) => {
      const url = parseMediaUrl(local, text)
      if (url === undefined || url === parseMediaUrl(config, text)) return
      expect(url).toMatch(/^http:\/\/localhost:8788\//)
    }),
    { numRuns: 1000 },
  )
  expect(parseMediaUrl(local, 'http://localhost:8788/a')).toBe('http://localhost:8788/a')
})
