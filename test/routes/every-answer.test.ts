/** This file is the tests of what holds for every answer of every route: headers, methods, shape, limits, configuration. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { answerOf, broker, browse, logIn, the } from '../support/broker.ts'
import { configure } from '../support/worker.ts'

afterEach(() => {
  configure()
  vi.restoreAllMocks()
})

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const ROUTES: Record<string, string[]> = {
  '/bundles': ['GET', 'HEAD'],
  '/healthz': ['GET', 'HEAD'],
  '/.well-known/oauth-authorization-server': ['GET', 'HEAD'],
  '/connect': ['GET'],
  '/authorize': ['GET'],
  '/callback': ['GET'],
  '/token': ['POST'],
  '/par': ['POST'],
  '/revoke': ['POST'],
  '/session/token': ['POST'],
  '/session': ['GET', 'DELETE'],
  '/grants': ['DELETE'],
  '/grants/pick': ['DELETE'],
  '/media': ['POST'],
  '/media/ticket': ['GET', 'OPTIONS', 'HEAD'],
}
const UNKNOWN = [
  '/',
  '/session/token/x.css',
  '/session/token/',
  '/token/',
  '/tokens',
  '/.well-known/oauth-authorization-server/x',
  '//session',
  '/grants/pick/more',
  '/media/',
  '/media/ticket/more',
]
const CRAWL = [...Object.keys(ROUTES), ...UNKNOWN].flatMap((path) =>
  METHODS.map((method) => ({ method, path })),
)

/** All of them over the crawl, logged in or not. */
describe.each([{ who: 'a stranger' }, { who: 'a logged-in browser' }])(
  'whatever $who asks',
  ({ who }) => {
    it.each(CRAWL)(
      '$method $path carries the headers of every answer (TMB-70, TMB-71, TMB-72)',
      async ({ method, path }) => {
        const browser = browse()
        if (who !== 'a stranger') await logIn(browser)
        const { status, headers } = await browser.call(method, the.url + path)
        expect(headers.get('Cache-Control')).toBe('no-store')
        expect(headers.get('Referrer-Policy')).toBe('no-referrer')
        expect(headers.get('X-Content-Type-Options')).toBe('nosniff')
        expect(headers.get('Strict-Transport-Security')).toBe('max-age=31536000; includeSubDomains')
        expect(headers.get('Cross-Origin-Resource-Policy')).toBe('same-origin')
        expect(headers.get('Cross-Origin-Opener-Policy')).toBe('same-origin')
        expect(headers.get('Content-Security-Policy')).toContain("default-src 'none'")
        expect(headers.get('Content-Security-Policy')).toContain("frame-ancestors 'none'")
        expect(headers.get('Vary')).toContain('Origin')
        for (const name of ['Server', 'X-Powered-By', 'CF-Cache-Status'])
          expect(headers.has(name)).toBe(false)
        if (status !== 204 && method !== 'HEAD') {
          expect(headers.get('Content-Type')).toMatch(
            /^(application\/json|text\/html; charset=UTF-8)/,
          )
        }
      },
    )
  },
)

describe('the route table', () => {
  it.each(CRAWL.filter(({ path }) => path in ROUTES))(
    '$method $path is answered or refused with Allow (TMB-74)',
    async ({ method, path }) => {
      const allowed = ROUTES[path] as string[]
      const { status, headers } = await broker(new Request(the.url + path, { method }))
      if (allowed.includes(method)) return expect(status).not.toBe(405)
      if (method === 'OPTIONS' && !['/connect', '/authorize', '/callback'].includes(path))
        return expect(status).toBe(403)
      expect(status).toBe(405)
      expect(headers.get('Allow')).toBe(allowed.join(', '))
    },
  )

  it.each(UNKNOWN)('%s is not found', async (path) => {
    const { status, body } = await answerOf(await broker(new Request(the.url + path)))
    expect(status).toBe(404)
    expect(body).toMatchObject({
      error: 'invalid_request',
      error_description: expect.any(String),
      request_id: expect.any(String),
    })
  })

  it.each(['X-HTTP-Method-Override', 'X-Method-Override', 'X-HTTP-Method'])(
    '%s overrides nothing (TMB-74)',
    async (name) => {
      const browser = browse()
      await logIn(browser)
      expect(
        (await browser.call('GET', `${the.url}/session`, undefined, { [name]: 'DELETE' })).status,
      ).toBe(200)
      expect((await browser.call('GET', `${the.url}/session`)).status).toBe(200)
    },
  )
})

describe('a foreign host name', () => {
  it.each(['https://broker.workers.dev', 'https://evil.example', 'https://broker.example:8443'])(
    '%s is not served (TMB-83)',
    async (origin) => {
      expect((await broker(new Request(`${origin}/bundles`))).status).toBe(421)
    },
  )

  it.each(['X-Forwarded-Host', 'Forwarded', 'X-Original-Host', 'X-Forwarded-Proto'])(
    'in %s changes nothing (TMB-07)',
    async (name) => {
      const { body } = await answerOf<{ connect_url: string }>(
        await browse().call('GET', `${the.url}/session`, undefined, { [name]: 'evil.example' }),
      )
      expect(body.connect_url).toMatch(/^https:\/\/broker\.example\/connect\?/)
    },
  )
})

describe('oversized and malformed input', () => {
  it.each([
    { what: 'a URL', request: () => new Request(`${the.url}/bundles?${'x'.repeat(9000)}`) },
    { what: 'a body', request: () => post('x'.repeat(1_000_000)) },
    {
      what: 'a body of unknown length',
      request: () => post(new Blob(['{"bundle":"', 'x'.repeat(64_000), '"}']).stream()),
    },
  ])('is refused: $what (TMB-73)', async ({ request }) => {
    const browser = browse()
    await logIn(browser)
    const made = request()
    const response = await browser.fetch(made.url, {
      method: made.method,
      headers: made.headers,
      body: made.body,
    })
    expect(response.status).toBe(400)
  })

  it.each([
    '',
    '{',
    'null',
    '[]',
    '"pick"',
    '{"bundle":1}',
    '{"bundle":"pick","min_ttl":-1}',
    '{"bundle":"pick","min_ttl":1801}',
    '{"bundle":"pick","min_ttl":"300"}',
    '{"bundle":"pick","min_ttl":1.5}',
    '{"bundle":"pick","rejected":"x"}',
    '{"bundle":"pick","more":1}',
    '{"bundle":"pick","__proto__":{}}',
    '{"bundle":["pick"]}',
    `${'['.repeat(2000)}${']'.repeat(2000)}`,
  ])('is refused: the body %j (TMB-73)', async (text) => {
    const browser = browse()
    await logIn(browser)
    const made = post(text)
    const { status, body } = await answerOf(
      await browser.fetch(made.url, { method: 'POST', headers: made.headers, body: text }),
    )
    expect(status).toBe(400)
    expect(body.error).toBe('invalid_request')
  })

  it.each(['__proto__', 'constructor', 'toString', 'PICK', 'pick ', 'no-such', ''])(
    'knows no bundle %j (TMB-06)',
    async (bundle) => {
      const browser = browse()
      await logIn(browser)
      const { status, body } = await answerOf(
        await browser.call('POST', `${the.url}/session/token`, { bundle }),
      )
      expect(status).toBe(400)
      expect(body.error).toBe('invalid_scope')
    },
  )

  function post(body: BodyInit): Request {
    return new Request(`${the.url}/session/token`, {
      method: 'POST',
      body,
      headers: {
        Origin: the.url,
        'X-Requested-With': 'photos-token-broker',
        'Content-Type': 'application/json',
      },
    })
  }
})

describe('a faulty configuration', () => {
  beforeEach(() => {
    configure({
      BASE_URL: 'http://broker.example',
      BUNDLES: { pick: { scopes: ['photoslibrary.readonly'], reason: 'x' } },
      PSEUDONYM_KEY: 'canary-short',
    })
  })

  it.each([...Object.keys(ROUTES), '/nowhere'])(
    'answers 503 on %s and tells the operator all of it (TMB-81)',
    async (path) => {
      const error = vi.spyOn(console, 'error').mockImplementation(() => {})
      const method = path in ROUTES ? (ROUTES[path]?.[0] as string) : 'GET'
      const { status, headers, body } = await answerOf(
        await broker(new Request(the.url + path, { method })),
      )
      expect(status).toBe(503)
      if (path === '/healthz') expect(body).toEqual({ status: 'error' })
      else {
        expect(body).toMatchObject({ error: 'temporarily_unavailable' })
        expect(headers.has('Retry-After')).toBe(true)
      }
      expect(JSON.stringify(body)).not.toMatch(/BASE_URL|BUNDLES|PSEUDONYM/)
      const logged = error.mock.calls.flat().join('\n')
      for (const name of ['BASE_URL', 'BUNDLES.pick', 'PSEUDONYM_KEY'])
        expect(logged).toContain(name)
      expect(logged).not.toContain('canary')
    },
  )
})

it('below a base path a faulty configuration is a sick broker as well', async () => {
  configure({ BASE_URL: 'https://broker.example/photos-auth', CONSISTENCY: 'faulty' })
  const { status, body } = await answerOf(
    await broker(new Request(`${the.url}/photos-auth/healthz`)),
  )
  expect([status, body]).toEqual([503, { status: 'error' }])
})

describe('GET /healthz', () => {
  it('says ok while KV answers, and error while it does not', async () => {
    const get = async (): Promise<unknown> =>
      answerOf(await broker(new Request(`${the.url}/healthz`)))
    expect(await get()).toMatchObject({ status: 200, body: { status: 'ok' } })
    configure({ TOKENS: { get: async () => Promise.reject(new Error('canary')) } })
    expect(await get()).toMatchObject({ status: 503, body: { status: 'error' } })
  })
})

describe('GET /bundles', () => {
  it('says what each bundle asks for, why, and what it allows', async () => {
    const { status, body } = await answerOf<{ bundles: object[] }>(
      await broker(new Request(`${the.url}/bundles`)),
    )
    expect(status).toBe(200)
    expect(body.bundles).toHaveLength(3)
    expect(body.bundles[0]).toMatchObject({
      name: 'pick',
      scopes: [the.pick],
      reason: expect.any(String),
      apis: ['Photos Picker API'],
    })
    expect(body.bundles[0]).toHaveProperty(
      'methods',
      expect.arrayContaining(['picker.sessions.create']),
    )
  })
})

describe('BASE_URL with a path', () => {
  it('is where everything is, and nothing is beside it', async () => {
    configure({ BASE_URL: 'https://broker.example/photos-auth' })
    expect((await broker(new Request(`${the.url}/photos-auth/bundles`))).status).toBe(200)
    expect((await broker(new Request(`${the.url}/bundles`))).status).toBe(404)
    expect((await broker(new Request(`${the.url}/photos-authbundles`))).status).toBe(404)
  })
})
