/** This file is the tests of what a request may name: its client, its bundle, and where its user goes afterwards. */

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
const LOCAL = 'http://localhost:3000'

const { config } = readConfig({
  ...env,
  CLIENTS: {
    web: { origins: [APP, PORT, LOCAL], bundles: ['pick'] },
    shop: { origins: ['https://shop.broker.example'] },
  },
})
const single = readConfig(env).config
const web = config.clients.get('web') as Client

/** `code reason` of what is thrown. */
function refusal(work: () => unknown): string {
  try {
    work()
  } catch (error) {
    if (error instanceof BrokerError) return `${error.failure.code} ${error.failure.reason}`
    throw error
  }
  return 'no refusal'
}

const NAMES_OF_NONE = ['', '__proto__', 'constructor', 'toString', 'hasOwnProperty', 'pick ', 'WEB']

describe('a client', () => {
  it('is found by its id', () => {
    expect(findCookieClient(config, 'web')).toBe(web)
    expect(findCookieClient(single, 'default').id).toBe('default')
  })

  it('may be left out while there is only one', () => {
    expect(findCookieClient(single, null).id).toBe('default')
    expect(refusal(() => findCookieClient(config, null))).toBe('invalid_request client_unknown')
  })

  it.each(NAMES_OF_NONE)('"%s" is none, even where there is only one (TMB-73)', (id) => {
    for (const some of [config, single])
      expect(refusal(() => findCookieClient(some, id))).toBe('invalid_request client_unknown')
  })
})

describe('a bundle', () => {
  it('is found by its name', () => {
    expect(findBundle(config, web, 'pick')).toBe(config.bundles.get('pick'))
  })

  it.each(NAMES_OF_NONE)('"%s" is none (TMB-06, TMB-73)', (name) => {
    expect(refusal(() => findBundle(config, web, name))).toBe('invalid_scope bundle_unknown')
  })

  it('has to be named', () => {
    expect(refusal(() => findBundle(config, web, null))).toBe('invalid_request bundle_missing')
  })

  it('of another client is refused (TMB-44)', () => {
    expect(refusal(() => findBundle(config, web, 'upload'))).toBe(
      'access_denied bundle_not_allowed',
    )
  })
})

describe('a return target', () => {
  it.each([
    { given: '/', expected: 'https://broker.example/' },
    { given: '/a/b?c=d&e=%2F%2Fevil', expected: 'https://broker.example/a/b?c=d&e=%2F%2Fevil' },
    { given: '/a//b', expected: 'https://broker.example/a//b' },
    { given: '/a/../b', expected: 'https://broker.example/b' },
    { given: '/https://evil.example', expected: 'https://broker.example/https://evil.example' },
    { given: '/@evil.example', expected: 'https://broker.example/@evil.example' },
    { given: '/%2f/evil.example', expected: 'https://broker.example/%2f/evil.example' },
    { given: '/.//evil.example', expected: 'https://broker.example//evil.example' },
    { given: '/a/..//evil.example', expected: 'https://broker.example//evil.example' },
    { given: APP, expected: `${APP}/` },
    { given: `${APP}/photos?a=b`, expected: `${APP}/photos?a=b` },
    { given: `${APP}:443/`, expected: `${APP}/` },
    { given: `${PORT}/`, expected: `${PORT}/` },
    { given: `${LOCAL}/x`, expected: `${LOCAL}/x` },
    { given: 'https://APP.broker.example/', expected: `${APP}/` },
    { given: `${APP}/?u=user:pw@evil.example`, expected: `${APP}/?u=user:pw@evil.example` },
  ])('$given is $expected', ({ given, expected }) => {
    expect(findReturnTo(config, web, given)).toBe(expected)
  })

  it('may be as long as 1024 characters', () => {
    const longest = `/${'x'.repeat(1023)}`
    expect(findReturnTo(config, web, longest)).toContain(longest)
    expect(refusal(() => findReturnTo(config, web, `${longest}x`))).toMatch(/^invalid_request/)
  })

  it.each([
    null,
    '',
    'photos',
    './photos',
    '?a=b',
    '#',
    '//evil.example',
    '///evil.example',
    '//evil.example/..//broker.example',
    '/\\evil.example',
    '\\\\evil.example',
    '\\/evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '/\r/evil.example',
    '\t//evil.example',
    ' //evil.example',
    ' /photos',
    '/photos ',
    '/pho tos',
    '/\u0000',
    '/\u00a0',
    '/\ud800',
    'https:evil.example',
    'https:/evil.example',
    'https:///evil.example',
    'https:\\\\evil.example',
    'https:app.broker.example',
    'https:/app.broker.example',
    'https:///app.broker.example/',
    'https:////app.broker.example/',
    'https://evil.example',
    `${APP}@evil.example`,
    `${APP}:x@evil.example/`,
    'https://app@evil.example',
    `https://evil.example@app.broker.example/`,
    `https://evil:pw@app.broker.example/`,
    `https://:pw@app.broker.example/`,
    `${APP}\\@evil.example`,
    `${APP}\\.evil.example/`,
    'HTTPS://APP.BROKER.EXAMPLE\\@evil.example/',
    `https://evil.example\\@app.broker.example/`,
    `https://evil.example#@app.broker.example/`,
    `https://evil.example?@app.broker.example/`,
    `https://evil.example/${APP}`,
    'https://app.broker.example.evil.example/',
    'https://evilapp.broker.example/',
    'https://app.broker.exampleevil/',
    'https://app-broker.example/',
    'https://app.broker.example./',
    'https://broker.example.evil.example/',
    'https://sub.app.broker.example/',
    'https://app.broker.example%2eevil.example/',
    'https://app.broker.example%00.evil.example/',
    'https://app.broker.example%2f@evil.example/',
    'https://app.br\u043eker.example/',
    'https://app.br\u00f6ker.example/',
    'https://app\u3002broker\u3002example/',
    'https://xn--app-broker-example/',
    `${APP}:8444/`,
    `${APP}:80/`,
    `${APP}:99999/`,
    'http://app.broker.example/',
    'http://app.broker.example:443/',
    'https://localhost:3000/',
    'http://localhost:3001/',
    'http://127.0.0.1:3000/',
    'https://shop.broker.example/',
    'https://broker.example/',
    `${APP}/#fragment`,
    '/photos#fragment',
    `${APP}/#`,
    `HTTPS://app.broker.example/`,
    'javascript:alert(1)',
    'javascript://app.broker.example/%0aalert(1)',
    'JaVaScRiPt:alert(1)',
    'java\tscript:alert(1)',
    'data:text/html,evil',
    'vbscript:evil',
    'file:///etc/passwd',
    'blob:https://app.broker.example/id',
    'ftp://app.broker.example/',
    'view-source:https://app.broker.example/',
    'about:blank',
    'https://',
    'https://?',
    'https://[',
    'null',
    'undefined',
    `%68ttps://app.broker.example/`,
    `https%3A%2F%2Fapp.broker.example%2F`,
  ])('%j is refused (TMB-68)', (given) => {
    expect(refusal(() => findReturnTo(config, web, given))).toBe(
      'invalid_request return_to_not_allowed',
    )
  })

  it('on the own origin of the broker is given as a path, unless it is the origin of the client too', () => {
    const only = findCookieClient(single, null)
    expect(findReturnTo(single, only, 'https://broker.example/a')).toBe('https://broker.example/a')
  })

  it('that is accepted is on a listed origin or our own, and every parser reads it alike (property; TMB-68)', () => {
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

describe('the URL that asks for consent', () => {
  const urlOf = (some: Config, client: Client, bundle?: string): URL =>
    new URL(connectUrl(some, client, bundle, APP))

  it('names bundle, client and where to return', () => {
    const url = urlOf(config, web, 'pick')
    expect(url.origin + url.pathname).toBe('https://broker.example/connect')
    expect([...url.searchParams]).toEqual([
      ['bundle', 'pick'],
      ['client', 'web'],
      ['return_to', `${APP}/`],
    ])
  })

  it('leaves the only client out, and takes the first bundle where none is named', () => {
    const url = urlOf(single, findCookieClient(single, null))
    expect(url.searchParams.has('client')).toBe(false)
    expect(url.searchParams.get('bundle')).toBe('pick')
  })

  it('keeps the path of BASE_URL', () => {
    const { config } = readConfig({ ...env, BASE_URL: 'https://broker.example/photos/' })
    const client = findCookieClient(config, null)
    expect(urlOf(config, client, 'pick').pathname).toBe('/photos/connect')
  })

  it('asks for what the look-ups take', () => {
    const { searchParams } = urlOf(config, web, 'pick')
    const client = findCookieClient(config, searchParams.get('client'))
    expect(findBundle(config, client, searchParams.get('bundle')).name).toBe('pick')
    expect(findReturnTo(config, client, searchParams.get('return_to'))).toBe(`${APP}/`)
  })
})
