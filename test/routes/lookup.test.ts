/** Tests of the lookup of a client, a bundle and a return URL. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import type { Client } from '../../src/config/clients.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import { BrokerError } from '../../src/errors.ts'
import {
  connectUrl,
  findBundle,
  findCookieClient,
  findReturnTo,
} from '../../src/routes/guards/lookup.ts'

const APP = 'https://app.broker.example'
const PORT = 'https://app.broker.example:8443'
const LOCAL = 'https://localhost.example:3000'

const { config } = readConfig({
  ...env,
  CLIENTS: {
    web: { origins: [APP, PORT, LOCAL], bundles: ['pick'] },
    shop: { origins: ['https://shop.broker.example'] },
  },
})
const single = readConfig(env).config
const web = config.clients.get('web') as Client

/** The code and reason of what is thrown. */
function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof BrokerError) return `${error.failure.code} ${error.failure.reason}`
    throw error
  }
  return 'no refusal'
}

const UNKNOWN_NAMES = ['', '__proto__', 'constructor', 'pick ', 'WEB']

describe('a client', () => {
  it('is found by its id', () => {
    expect(findCookieClient(config, 'web')).toBe(web)
    expect(findCookieClient(single, 'default').id).toBe('default')
  })

  it('can be omitted if there is only one', () => {
    expect(findCookieClient(single, null).id).toBe('default')
    expect(refusal(() => findCookieClient(config, null))).toBe('invalid_request client_missing')
  })

  it.each(UNKNOWN_NAMES)('is not found as "%s", even if there is only one (TMB-73)', (id) => {
    for (const some of [config, single])
      expect(refusal(() => findCookieClient(some, id))).toBe('invalid_request client_unknown')
  })
})

describe('return_to', () => {
  it.each([
    { given: '/', expected: 'https://broker.example/' },
    { given: '/a/b?c=d&e=%2F%2Fevil', expected: 'https://broker.example/a/b?c=d&e=%2F%2Fevil' },
    { given: '/%2f/evil.example', expected: 'https://broker.example/%2f/evil.example' },
    { given: APP, expected: `${APP}/` },
    { given: `${APP}:443/`, expected: `${APP}/` },
    { given: 'https://APP.broker.example/', expected: `${APP}/` },
  ])('$given is $expected', ({ given, expected }) => {
    expect(findReturnTo(config, web, given)).toBe(expected)
  })

  it('may be as long as 1024 characters', () => {
    const longest = `/${'x'.repeat(1023)}`
    expect(findReturnTo(config, web, longest)).toContain(longest)
    expect(refusal(() => findReturnTo(config, web, `${longest}x`))).toMatch(/^invalid_request/)
  })

  it('is accepted only on an origin of the client or broker, and read alike by every parser (property; TMB-68)', () => {
    const part = fc.oneof(
      { weight: 3, arbitrary: fc.constantFrom(APP, PORT, LOCAL, 'https://broker.example', '/') },
      fc.constantFrom(
        ...['https:', 'http:', 'javascript:', '//', '\\', '@', ':', '#', '?', '.', '%2f', '%5c'],
        ...['%2e', '%40', '\t', '\n', '\r', ' ', '\0', '\u3002', '\uff0f', '\u2044', '[', ']', '*'],
        ...['app.broker.example', 'evil.example', 'app', 'broker.example', 'localhost', ':3000'],
      ),
      fc.string({ maxLength: 3 }),
      fc.string({ unit: 'binary', maxLength: 2 }),
    )
    const text = fc.array(part, { minLength: 1, maxLength: 6 }).map((parts) => parts.join(''))
    const allowed = [...web.origins, config.origin]
    let accepted = 0
    fc.assert(
      fc.property(fc.oneof(text, fc.webUrl()), (given) => {
        if (refusal(() => findReturnTo(config, web, given)) !== 'no refusal') return
        accepted++
        const found = new URL(findReturnTo(config, web, given))
        expect(allowed).toContain(found.origin)
        expect([found.username, found.password, found.hash]).toEqual(['', '', ''])
        expect(new URL(given, config.base_url).href).toBe(found.href)
        expect(new URL(given, 'https://elsewhere.example').origin).toBe(
          given.startsWith('/') ? 'https://elsewhere.example' : found.origin,
        )
      }),
      { numRuns: 5000 },
    )
    expect(accepted).toBeGreaterThan(100)
  })
})

describe('the URL at which consent starts', () => {
  const urlOf = (some: Config, client: Client, bundle?: string): URL =>
    new URL(connectUrl(some, client, bundle, APP))

  it('keeps the path of BASE_URL', () => {
    const { config } = readConfig({ ...env, BASE_URL: 'https://broker.example/photos/' })
    const client = findCookieClient(config, null)
    expect(urlOf(config, client, 'pick').pathname).toBe('/photos/connect')
  })

  it('names a client, a bundle and a return URL that are accepted', () => {
    const { searchParams } = urlOf(config, web, 'pick')
    const client = findCookieClient(config, searchParams.get('client'))
    expect(findBundle(config, client, searchParams.get('bundle')).name).toBe('pick')
    expect(findReturnTo(config, client, searchParams.get('return_to'))).toBe(`${APP}/`)
  })
})
