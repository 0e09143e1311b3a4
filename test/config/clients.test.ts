/** This file is the tests of reading clients from configuration. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Client, modeOf, parseClients } from '../../src/config/clients.ts'

const BROKER = 'https://broker.example'
const APP = 'https://app.example'
const parse = (table: unknown): ReturnType<typeof parseClients> =>
  parseClients(table, BROKER, ['pick', 'upload'])

describe('a faultless table', () => {
  it('gives its clients, each with its origins and bundles', () => {
    const { clients, problems } = parse({
      web: { origins: [APP, `${APP}:8443`], bundles: ['pick'] },
      'Shop.2_x': { origins: ['http://localhost:3000'] },
    })
    expect(problems).toEqual([])
    expect([...clients.values()]).toEqual([
      { id: 'web', origins: new Set([APP, `${APP}:8443`]), bundles: new Set(['pick']) },
      {
        ...{ id: 'Shop.2_x', origins: new Set(['http://localhost:3000']) },
        bundles: new Set(['pick', 'upload']),
      },
    ])
  })

  it('may be JSON', () => {
    const table = { web: { origins: [APP] } }
    expect(parse(JSON.stringify(table))).toEqual(parse(table))
  })

  it.each([undefined, ''])(
    'left out as %j is one client, on our own origin, with all bundles',
    (given) => {
      const { clients, problems } = parse(given)
      expect(problems).toEqual([])
      expect([...clients.values()]).toEqual([
        { id: 'default', origins: new Set([BROKER]), bundles: new Set(['pick', 'upload']) },
      ])
    },
  )

  it('left out with a BASE_URL that could not be read is a client without an origin', () => {
    const { clients, problems } = parseClients(undefined, undefined, [])
    expect(problems).toEqual([])
    expect(clients.get('default')?.origins.size).toBe(0)
  })

  it('has no client but its own', () => {
    const { clients } = parse({ web: { origins: [APP] } })
    for (const id of ['__proto__', 'constructor', 'toString', 'default', ''])
      expect(clients.get(id)).toBeUndefined()
  })
})

describe('an origin', () => {
  it.each([
    APP,
    `${APP}:8443`,
    'https://a.b.c.example',
    'https://xn--bcher-kva.example',
    'https://192.0.2.1',
    'https://[2001:db8::1]:8443',
    'http://localhost',
    'http://localhost:3000',
    'http://127.0.0.1:3000',
    'http://[::1]:3000',
  ])('may be %s', (origin) => {
    const { clients, problems } = parse({ web: { origins: [origin] } })
    expect(problems).toEqual([])
    expect(clients.get('web')?.origins.has(origin)).toBe(true)
  })

  it.each([
    'http://canary.example',
    'http://localhost.canary.example',
    'http://127.0.0.1.canary.example',
    'http://10.0.0.1',
    '*',
    'https://*',
    'https://*.canary.example',
    'https://canary.*.example',
    'null',
    'canary.example',
    '//canary.example',
    'https://canary.example/',
    'https://canary.example/path',
    'https://canary.example?a',
    'https://canary.example#a',
    'https://CANARY.example',
    'HTTPS://canary.example',
    'https://canary.example:443',
    'https://canary.example:',
    'https://user@canary.example',
    'https://b\u00fccher.canary.example',
    ' https://canary.example',
    'https://canary.example ',
    'https://canary.example,https://canary.example',
    'ftp://canary.example',
    'file://',
    'chrome-extension://canary',
    'blob:https://canary.example',
    'data:canary',
    'https://',
  ])('may not be %j (TMB-35, TMB-81)', (origin) => {
    const { problems } = parse({ web: { origins: [APP, origin] } })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^CLIENTS\.web\.origins\[1\]: is not an exact https origin\. Write/)
    expect(problems[0]?.toLowerCase()).not.toContain('canary')
  })

  it('that is accepted is what a browser writes into Origin (property; TMB-35)', () => {
    const part = fc.constantFrom(
      ...['https://', 'http://', 'localhost', 'app.example', 'APP', ':443', ':80', ':8443', '/'],
      ...['.', '@', '?', '#', '*', ' ', '\\', '\t', '%2e', '\u3002', '[::1]', '127.0.0.1'],
    )
    const text = fc.array(part, { minLength: 1, maxLength: 4 }).map((parts) => parts.join(''))
    fc.assert(
      fc.property(fc.oneof(text, fc.webUrl(), fc.string()), (origin) => {
        if (parse({ web: { origins: [origin] } }).problems.length > 0) return
        const { protocol, hostname } = new URL(origin)
        expect(new URL(origin).origin).toBe(origin)
        expect(origin).toMatch(/^https?:\/\/[^/\\@?# ]+$/)
        if (protocol === 'http:') expect(['localhost', '127.0.0.1', '[::1]']).toContain(hostname)
      }),
      { numRuns: 1000 },
    )
  })
})

describe('a faulty table', () => {
  it.each<{ given: unknown; expected: string[] }>([
    { given: {}, expected: ['CLIENTS: is empty.'] },
    { given: '{"canary":', expected: ['CLIENTS: is not right.'] },
    { given: 'canary', expected: ['CLIENTS: is not right.'] },
    { given: null, expected: ['CLIENTS: is not right.'] },
    { given: 7, expected: ['CLIENTS: is not right.'] },
    { given: true, expected: ['CLIENTS: is not right.'] },
    { given: { web: APP }, expected: ['CLIENTS.web: is not right.'] },
    { given: { web: null }, expected: ['CLIENTS.web: is not right.'] },
    { given: { web: {} }, expected: ['CLIENTS.web.origins: is not right.'] },
    { given: { web: { origins: APP } }, expected: ['CLIENTS.web.origins: is not right.'] },
    { given: { web: { origins: [] } }, expected: ['CLIENTS.web.origins: is not right.'] },
    { given: { web: { origins: [''] } }, expected: ['CLIENTS.web.origins[0]: is not right.'] },
    { given: { web: { origins: [APP, 7] } }, expected: ['CLIENTS.web.origins[1]: is not right.'] },
    {
      given: { web: { origins: [APP], bundles: [] } },
      expected: ['CLIENTS.web.bundles: is not right.'],
    },
    {
      given: { web: { origins: [APP], bundles: 'pick' } },
      expected: ['CLIENTS.web.bundles: is not right.'],
    },
    {
      given: { web: { origins: [APP], origin: 'canary' } },
      expected: ['CLIENTS.web.origin: is not right.'],
    },
    {
      given: { web: { origins: [APP], 'canary canary': 1 } },
      expected: ['CLIENTS.web: is not right.'],
    },
    {
      given: JSON.parse(`{"web":{"origins":["${APP}"],"__proto__":{"canary":1}}}`),
      expected: ['CLIENTS.web.__proto__: is not right.'],
    },
    { given: { 'canary app': { origins: [APP] } }, expected: ['CLIENTS: is not right.'] },
    { given: { '': { origins: [APP] } }, expected: ['CLIENTS: is not right.'] },
    { given: { 'a;b': { origins: [APP] } }, expected: ['CLIENTS: is not right.'] },
    { given: { ['a'.repeat(65)]: { origins: [APP] } }, expected: ['CLIENTS: is not right.'] },
    {
      given: { web: { origins: [APP] }, WEB: { origins: [APP] } },
      expected: ['CLIENTS.WEB: there is another client whose id differs in case only.'],
    },
    {
      given: { web: { origins: [APP], bundles: ['pick', 'canary', '__proto__'] } },
      expected: [
        'CLIENTS.web.bundles[1]: there is no such bundle in BUNDLES.',
        'CLIENTS.web.bundles[2]: there is no such bundle in BUNDLES.',
      ],
    },
    {
      given: { web: { origins: ['canary'], bundles: ['canary'] }, shop: { origins: ['canary'] } },
      expected: [
        'CLIENTS.web.origins[0]: is not an exact https origin.',
        'CLIENTS.web.bundles[0]: there is no such bundle in BUNDLES.',
        'CLIENTS.shop.origins[0]: is not an exact https origin.',
      ],
    },
  ])('$given: $expected (TMB-81)', ({ given, expected }) => {
    const { problems } = parse(given)
    expect(problems.map((problem) => problem.slice(0, problem.indexOf('. ') + 1))).toEqual(expected)
    for (const problem of problems) {
      expect(problem).toMatch(/\. (Write|A client is|Name) .*\.$/)
      expect(problem).not.toContain('canary')
    }
  })

  it('is told in sentences, whatever it is (property; TMB-81)', () => {
    fc.assert(
      fc.property(
        fc.oneof(fc.anything(), fc.json(), fc.dictionary(fc.string(), fc.anything())),
        (table) => {
          for (const problem of parse(table).problems)
            expect(problem).toMatch(/^CLIENTS[\w.[\]-]*: /)
        },
      ),
    )
  })
})

describe('an OAuth-mode client', () => {
  const ISSUED = {
    issuer: 'https://id.example/',
    audience: 'https://broker.example/api',
    jwks_uri: 'https://id.example/keys',
  }
  const oauth = (more: object = {}): ReturnType<typeof parseClients> =>
    parse({ web: { origins: [APP], redirect_uris: [`${APP}/back`], ...more } })

  it('has redirect URIs, and maybe an issuer of its users’ JWTs', () => {
    const { clients, problems } = oauth({ ...ISSUED, algorithms: ['ES256'] })
    expect(problems).toEqual([])
    expect(clients.get('web')).toEqual({
      id: 'web',
      origins: new Set([APP]),
      bundles: new Set(['pick', 'upload']),
      redirect_uris: new Set([`${APP}/back`]),
      app_issuer: { ...ISSUED, algorithms: ['ES256'] },
    })
    expect(modeOf({ ...clients.get('web') } as Client)).toBe('oauth')
    expect(oauth(ISSUED).clients.get('web')?.app_issuer?.algorithms).toEqual(['ES256', 'RS256'])
  })

  it.each([`${APP}/back`, `${APP}/`, `${APP}/a/b?x=1&y=%20`])('may come back to %s', (uri) => {
    expect(oauth({ redirect_uris: [uri] }).problems).toEqual([])
  })

  it('may come back to this machine', () => {
    const local = { origins: ['http://127.0.0.1:8789'], redirect_uris: ['http://127.0.0.1:8789/'] }
    expect(parse({ web: local }).problems).toEqual([])
  })

  it.each([
    'canary',
    '/canary',
    APP,
    `${APP}/back#canary`,
    `${APP}/*`,
    'https://*.app.example/back',
    'https://APP.example/back',
    'https://app.example:443/back',
    'https://app.example/a/../back',
    'https://user@app.example/back',
    'http://app.example/back',
    'javascript:alert(1)',
    `${APP}/${'x'.repeat(512)}`,
  ])('may not come back to %j (RFC 9700 §2.1)', (uri) => {
    const { problems } = oauth({ redirect_uris: [`${APP}/back`, uri] })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(
      /^CLIENTS\.web\.redirect_uris\[1\]: is not an exact https URL .*Write/,
    )
    expect(problems[0]).not.toContain('canary')
  })

  it.each<{ what: string; more: object; place: string }>([
    {
      what: 'a page of another origin',
      more: { redirect_uris: ['https://b.example/'] },
      place: 'redirect_uris[0]',
    },
    {
      what: 'an issuer without an audience',
      more: { ...ISSUED, audience: undefined },
      place: 'audience',
    },
    { what: 'an issuer without keys', more: { ...ISSUED, jwks_uri: undefined }, place: 'jwks_uri' },
    {
      what: 'an audience without an issuer',
      more: { ...ISSUED, issuer: undefined },
      place: 'issuer',
    },
    { what: 'an issuer that is no URL', more: { ...ISSUED, issuer: 'canary' }, place: 'issuer' },
    {
      what: 'an issuer with a query',
      more: { ...ISSUED, issuer: 'https://id.example/?a' },
      place: 'issuer',
    },
    {
      what: 'an issuer over http',
      more: { ...ISSUED, issuer: 'http://id.example' },
      place: 'issuer',
    },
    {
      what: 'keys over http',
      more: { ...ISSUED, jwks_uri: 'http://id.example/' },
      place: 'jwks_uri',
    },
    { what: 'no way back', more: { ...ISSUED, redirect_uris: undefined }, place: 'redirect_uris' },
    { what: 'HMAC', more: { ...ISSUED, algorithms: ['HS256'] }, place: 'algorithms[0]' },
    { what: 'no signature', more: { ...ISSUED, algorithms: ['none'] }, place: 'algorithms[0]' },
    { what: 'no algorithm', more: { ...ISSUED, algorithms: [] }, place: 'algorithms' },
  ])('with $what is told at $place (TMB-40, TMB-81)', ({ more, place }) => {
    const { problems } = oauth(more)
    expect(problems).toHaveLength(1)
    expect(problems[0]?.startsWith(`CLIENTS.web.${place}: `)).toBe(true)
    expect(problems[0]).not.toContain('canary')
  })

  it('may not share issuer and audience with another', () => {
    const other = { origins: ['https://b.example'], redirect_uris: ['https://b.example/'] }
    const own = { origins: [APP], redirect_uris: [`${APP}/back`] }
    const { problems } = parse({ a: { ...own, ...ISSUED }, b: { ...other, ...ISSUED } })
    expect(problems).toEqual([expect.stringMatching(/^CLIENTS\.b\.audience: another client/)])
    expect(parse({ a: own, b: other }).problems).toEqual([])
  })

  it('may not share an origin with a cookie-mode client (TMB-39)', () => {
    const own = { origins: [APP], redirect_uris: [`${APP}/back`] }
    const { problems } = parse({ web: { origins: ['https://b.example', APP] }, app: own })
    expect(problems).toEqual([expect.stringMatching(/^CLIENTS\.app\.origins: another client/)])
    expect(parse({ one: own, two: own }).problems).toEqual([])
  })
})

it.each(['constructor', 'prototype'])('a client may not be named %s', (id) => {
  const { problems } = parse({ [id]: { origins: [APP] }, web: { origins: [APP] } })
  expect(problems).toEqual([
    expect.stringMatching(/^CLIENTS: an id is a word .* Write another id\.$/),
  ])
})

it('a list is no table', () => {
  expect(parse([{ origins: [APP] }]).problems).toHaveLength(1)
})
