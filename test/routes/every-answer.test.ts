/** Tests of what holds for every answer of every route: headers, methods, host names, configuration. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { answerOf, ask, broker, browse, logIn, the } from '../support/broker.ts'
import { configure } from '../support/worker.ts'

afterEach(() => {
  configure()
  vi.restoreAllMocks()
})

const METHODS = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'] as const
const ROUTES: Record<string, string[]> = {
  '/': ['GET', 'HEAD'],
  '/bundles': ['GET', 'HEAD'],
  '/healthz': ['GET', 'HEAD'],
  '/.well-known/oauth-authorization-server': ['GET', 'HEAD'],
  '/.well-known/openid-configuration': ['GET', 'HEAD'],
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
  '/media': ['GET', 'OPTIONS', 'POST', 'HEAD'],
}
/** Pages, and what scripts of any origin read. */
const WITHOUT_PREFLIGHT = /^\/($|connect$|authorize$|callback$|\.well-known\/)/
const UNKNOWN = ['/session/token/', '/token/', '//session', '/grants/pick/more', '/media/ticket']
const CRAWL = [...Object.keys(ROUTES), ...UNKNOWN].flatMap((path) =>
  METHODS.map((method) => ({ method, path })),
)

describe.each([{ who: 'a stranger' }, { who: 'a logged-in browser' }])(
  'every request of $who',
  ({ who }) => {
    it.each(CRAWL)(
      'is answered with the default headers: $method $path (TMB-70, TMB-71, TMB-72)',
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
    'serves $method $path, or refuses it with Allow (TMB-74)',
    async ({ method, path }) => {
      const allowed = ROUTES[path] as string[]
      const { status, headers } = await broker(new Request(the.url + path, { method }))
      if (allowed.includes(method)) return expect(status).not.toBe(405)
      if (method === 'OPTIONS' && !WITHOUT_PREFLIGHT.test(path)) return expect(status).toBe(403)
      expect(status).toBe(405)
      expect(headers.get('Allow')).toBe(allowed.join(', '))
    },
  )

  it.each(UNKNOWN)('has no %s', async (path) => {
    const { status, body } = await answerOf(await broker(new Request(the.url + path)))
    expect([status, body.error]).toEqual([404, 'invalid_request'])
  })

  it.each(['X-HTTP-Method-Override', 'X-Method-Override'])('ignores %s (TMB-74)', async (name) => {
    const browser = browse()
    await logIn(browser)
    expect(
      (await browser.call('GET', `${the.url}/session`, undefined, { [name]: 'DELETE' })).status,
    ).toBe(200)
    expect((await browser.call('GET', `${the.url}/session`)).status).toBe(200)
  })
})

describe('a foreign host name', () => {
  it.each(['https://broker.workers.dev', 'https://evil.example', 'https://broker.example:8443'])(
    '%s is not served (TMB-83)',
    async (origin) => {
      expect((await broker(new Request(`${origin}/bundles`))).status).toBe(421)
    },
  )

  it.each(['X-Forwarded-Host', 'Forwarded', 'X-Forwarded-Proto'])(
    'in the header %s is ignored (TMB-07)',
    async (name) => {
      const { body } = await answerOf<{ connect_url: string }>(
        await browse().call('GET', `${the.url}/session`, undefined, { [name]: 'evil.example' }),
      )
      expect(body.connect_url).toMatch(/^https:\/\/broker\.example\/connect\?/)
    },
  )
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
    'answers 503 on %s and logs every fault (TMB-81)',
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

it('a faulty configuration makes /healthz fail below a base path, too', async () => {
  configure({ BASE_URL: 'https://broker.example/photos-auth', CONSISTENCY: 'faulty' })
  const { status, body } = await answerOf(
    await broker(new Request(`${the.url}/photos-auth/healthz`)),
  )
  expect([status, body]).toEqual([503, { status: 'error' }])
})

describe('POST /session/token', () => {
  it('answers with exactly the members of the contract (TMB-45)', async () => {
    const browser = browse()
    await logIn(browser)
    const { status, body } = await ask(browser)
    expect(status).toBe(200)
    expect(body).toEqual({
      ...{ access_token: 'canary-access-token', token_type: 'Bearer' },
      ...{ expires_in: expect.any(Number), scope: the.pick, bundle: 'pick' },
    })
    expect(body.expires_in).toBeGreaterThan(3500)
    expect(body.expires_in).toBeLessThanOrEqual(3599)
  })

  it('says without a session where one begins', async () => {
    const { status, body } = await ask(browse())
    expect([status, body.error]).toEqual([401, 'login_required'])
    const return_to = encodeURIComponent(`${the.url}/`)
    expect(body.connect_url).toBe(`${the.url}/connect?bundle=pick&return_to=${return_to}`)
  })
})

describe('GET /healthz', () => {
  it('reports whether KV answers', async () => {
    const get = async (): Promise<unknown> =>
      answerOf(await broker(new Request(`${the.url}/healthz`)))
    expect(await get()).toMatchObject({ status: 200, body: { status: 'ok' } })
    configure({ TOKENS: { get: async () => Promise.reject(new Error('canary')) } })
    expect(await get()).toMatchObject({ status: 503, body: { status: 'error' } })
  })
})

describe('GET /bundles', () => {
  it('lists the scopes, the reason and the methods of each bundle', async () => {
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
  it('moves every route below that path', async () => {
    configure({ BASE_URL: 'https://broker.example/photos-auth' })
    expect((await broker(new Request(`${the.url}/photos-auth/bundles`))).status).toBe(200)
    expect((await broker(new Request(`${the.url}/bundles`))).status).toBe(404)
    expect((await broker(new Request(`${the.url}/photos-authbundles`))).status).toBe(404)
  })
})
