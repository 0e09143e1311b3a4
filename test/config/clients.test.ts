/** Tests of reading clients: which tables are accepted, and what is said about all others. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Client, modeOf, parseClients } from '../../src/config/clients.ts'

const BROKER = 'https://broker.example'
const APP = 'https://app.example'
const parse = (table: unknown, broker = BROKER): ReturnType<typeof parseClients> =>
  parseClients(table, broker, ['pick', 'upload'])

describe('a right table', () => {
  it('gives its clients, each with its origins and bundles', () => {
    const { clients, problems } = parse({
      web: { origins: [APP, `${APP}:8443`], bundles: ['pick'] },
      'Shop.2_x': { origins: ['https://shop.example'] },
    })
    expect(problems).toEqual([])
    expect([...clients.values()]).toEqual([
      { id: 'web', origins: new Set([APP, `${APP}:8443`]), bundles: new Set(['pick']) },
      {
        ...{ id: 'Shop.2_x', origins: new Set(['https://shop.example']) },
        bundles: new Set(['pick', 'upload']),
      },
    ])
  })

  it.each(['Gallery', 'Ada’s Photos', '写真', 'x'.repeat(60)])('can name a client %j', (name) => {
    const { clients, problems } = parse({ web: { origins: [APP], name } })
    expect([problems, clients.get('web')?.name]).toEqual([[], name])
  })

  it.each(['', ' Gallery', 'a\nb', '\u202egallery', 'x'.repeat(61), 7])(
    'cannot name a client %j',
    (name) => {
      const { problems } = parse({ web: { origins: [APP], name } })
      expect(problems).toEqual([
        expect.stringMatching(/^CLIENTS\.web\.name: is not a name .*Write/),
      ])
    },
  )

  it.each([undefined, ''])(
    'left out as %j is one client, on the broker’s origin, with all bundles',
    (given) => {
      const { clients, problems } = parse(given)
      expect(problems).toEqual([])
      expect([...clients.values()]).toEqual([
        { id: 'default', origins: new Set([BROKER]), bundles: new Set(['pick', 'upload']) },
      ])
    },
  )
})

describe('an origin', () => {
  it.each([
    ...[APP, `${APP}:8443`, 'https://a.b.c.example', 'https://xn--bcher-kva.example'],
    ...['https://192.0.2.1', 'https://[2001:db8::1]:8443', 'http://localhost'],
    ...['http://localhost:3000', 'http://127.0.0.1:3000', 'http://[::1]:3000'],
  ])('may be %s', (origin) => {
    const { clients, problems } = parse({ web: { origins: [origin] } }, 'http://localhost:1')
    expect(problems).toEqual([])
    expect(clients.get('web')?.origins.has(origin)).toBe(true)
  })

  it.each([
    ...['http://canary.example', 'http://localhost.canary.example'],
    ...['http://127.0.0.1.canary.example', 'http://10.0.0.1', '*', 'https://*'],
    ...['https://*.canary.example', 'https://canary.*.example', 'null', 'canary.example'],
    ...['//canary.example', 'https://canary.example/', 'https://canary.example/path'],
    ...['https://canary.example?a', 'https://canary.example#a', 'https://CANARY.example'],
    ...['HTTPS://canary.example', 'https://canary.example:443', 'https://canary.example:'],
    ...['https://user@canary.example', 'https://b\u00fccher.canary.example'],
    ...[' https://canary.example', 'https://canary.example '],
    ...['https://canary.example,https://canary.example', 'ftp://canary.example', 'file://'],
    ...['chrome-extension://canary', 'blob:https://canary.example', 'data:canary', 'https://'],
  ])('may not be %j (TMB-35, TMB-81)', (origin) => {
    const { problems } = parse({ web: { origins: [APP, origin] } })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(/^CLIENTS\.web\.origins\[1\]: is not an exact https origin\. Write/)
    expect(problems[0]?.toLowerCase()).not.toContain('canary')
  })

  it('that is accepted is one that a browser sends in Origin (property; TMB-35)', () => {
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

describe('a wrong table', () => {
  const WRONG = 'is missing, unknown or of the wrong type.'
  const NO_ORIGIN = 'is not an exact https origin.'
  const NO_BUNDLE = 'there is no such bundle in BUNDLES.'
  const NO_ID = 'is an id that a client cannot have.'
  const origins = [APP]

  it.each([{}, '{"canary":', 'canary', null, 7, true, [{ origins }]])(
    'is refused as a whole: %j',
    (given) => {
      const { problems } = parse(given)
      expect(problems).toEqual([
        expect.stringMatching(
          /^CLIENTS: is missing, empty or not a table\. Write .* See src\/tools/,
        ),
      ])
    },
  )

  it.each<[given: object, ...problems: string[]]>([
    [{ web: APP }, `.web: ${WRONG}`],
    [{ web: { origins: [APP, 1] } }, `.web.origins[1]: ${NO_ORIGIN}`],
    [{ web: { origins, bundles: [] } }, `.web.bundles: ${WRONG}`],
    [{ web: { origins, origin: 'canary' } }, `.web.origin: ${WRONG}`],
    [
      JSON.parse(`{"web":{"origins":["${APP}"],"__proto__":{"canary":1}}}`),
      `.web.__proto__: ${WRONG}`,
    ],
    [{ 'canary app': { origins } }, `: ${NO_ID}`],
    [{ ['a'.repeat(65)]: { origins } }, `: ${NO_ID}`],
    [{ constructor: { origins }, web: { origins } }, `.constructor: ${NO_ID}`],
    [
      { web: { origins }, WEB: { origins } },
      '.WEB: there is another client whose id differs in case only.',
    ],
    [
      { web: { origins, bundles: ['pick', 'canary', '__proto__'] } },
      `.web.bundles[1]: ${NO_BUNDLE}`,
      `.web.bundles[2]: ${NO_BUNDLE}`,
    ],
    [
      { web: { origins: ['canary'], bundles: ['canary'] }, shop: { origins: ['canary'] } },
      `.web.origins[0]: ${NO_ORIGIN}`,
      `.web.bundles[0]: ${NO_BUNDLE}`,
      `.shop.origins[0]: ${NO_ORIGIN}`,
    ],
  ])('is refused with every problem at its place: %j (TMB-81)', (given, ...expected) => {
    const { problems } = parse(given)
    expect(problems.map((problem) => problem.slice(7, problem.indexOf('. ') + 1))).toEqual(expected)
    for (const problem of problems) {
      expect(problem).toMatch(/\. Write .*\.$/)
      expect(problem).not.toContain('canary')
    }
  })

  it('is described in sentences for any input (property; TMB-81)', () => {
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

  it('has redirect URIs, and perhaps an issuer of its users’ JWTs', () => {
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

  it.each([`${APP}/back`, `${APP}/`, `${APP}/a/b?x=1&y=%20`])(
    'may have the redirect URI %s',
    (uri) => {
      expect(oauth({ redirect_uris: [uri] }).problems).toEqual([])
    },
  )

  it.each([
    ...['canary', '/canary', APP, `${APP}/back#canary`, `${APP}/*`],
    ...['https://*.app.example/back', 'https://APP.example/back'],
    ...['https://app.example:443/back', 'https://app.example/a/../back'],
    ...['https://user@app.example/back', 'http://app.example/back', 'javascript:alert(1)'],
    ...[`${APP}/${'x'.repeat(512)}`],
  ])('may not have the redirect URI %j (RFC 9700 §2.1)', (uri) => {
    const { problems } = oauth({ redirect_uris: [`${APP}/back`, uri] })
    expect(problems).toHaveLength(1)
    expect(problems[0]).toMatch(
      /^CLIENTS\.web\.redirect_uris\[1\]: is not an exact https URL .*Write/,
    )
    expect(problems[0]).not.toContain('canary')
  })

  it.each<[what: string, more: object, place: string]>([
    ['a page of another origin', { redirect_uris: ['https://b.example/'] }, '.redirect_uris'],
    ['an issuer without an audience', { ...ISSUED, audience: undefined }, ''],
    ['an issuer without keys', { ...ISSUED, jwks_uri: undefined }, ''],
    ['an issuer without redirect URIs', { ...ISSUED, redirect_uris: undefined }, ''],
    ['an issuer with a query', { ...ISSUED, issuer: 'https://id.example/?a' }, '.issuer'],
    ['an issuer over http', { ...ISSUED, issuer: 'http://id.example' }, '.issuer'],
    ['keys over http', { ...ISSUED, jwks_uri: 'http://id.example/' }, '.jwks_uri'],
    ['HMAC', { ...ISSUED, algorithms: ['HS256'] }, '.algorithms[0]'],
    ['no signature', { ...ISSUED, algorithms: ['none'] }, '.algorithms[0]'],
  ])('with %s is refused (TMB-40, TMB-81)', (_, more, place) => {
    const { problems } = oauth(more)
    expect(problems).toHaveLength(1)
    expect(problems[0]?.startsWith(`CLIENTS.web${place}: `)).toBe(true)
    expect(problems[0]).toMatch(/\. Write /)
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
