/** Tests of the guard of cookie mode: origins, Fetch Metadata, the custom header, credentials, preflights. */

import { env } from 'cloudflare:workers'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { ask, broker, browse, logIn, subjectOf, the } from '../support/broker.ts'
import { configure } from '../support/worker.ts'

afterEach(() => configure())

const APP = 'https://app.broker.example'

/** Origins that resemble the configured one. */
const LOOK_ALIKES = [
  'null',
  'http://broker.example',
  'https://BROKER.example',
  'https://broker.example.evil.com',
  'https://evilbroker.example',
  'https://sub.broker.example',
  'https://broker.example, https://evil.example',
]

describe('a request of cookie mode', () => {
  it.each(LOOK_ALIKES)(
    'from %j is refused before KV is read, without CORS headers (TMB-35, TMB-36)',
    async (origin) => {
      const browser = browse()
      await logIn(browser)
      const get = vi.spyOn(env.TOKENS, 'get')
      const { status, headers, body } = await ask(browser, undefined, { Origin: origin })
      expect(status).toBe(403)
      expect(body).toMatchObject({ error: 'access_denied' })
      expect(body).not.toHaveProperty('access_token')
      expect(headers.has('Access-Control-Allow-Origin')).toBe(false)
      expect(headers.has('Access-Control-Allow-Credentials')).toBe(false)
      expect(get).not.toHaveBeenCalled()
    },
  )

  it.each([
    { given: { 'Sec-Fetch-Site': 'cross-site' }, expected: 403 },
    { given: { 'Sec-Fetch-Mode': 'navigate' }, expected: 403 },
    { given: { 'Sec-Fetch-Dest': 'image' }, expected: 403 },
    { given: { 'Sec-Fetch-Mode': 'same-origin' }, expected: 200 },
    { given: {}, expected: 200 },
  ])('with $given is answered with $expected (TMB-38)', async ({ given, expected }) => {
    const browser = browse()
    await logIn(browser)
    expect((await ask(browser, undefined, given)).status).toBe(expected)
  })

  it('without Origin is accepted only with Sec-Fetch-Site: same-origin, or a Referer without that (TMB-38)', async () => {
    const browser = browse()
    await logIn(browser)
    const get = async (headers: Record<string, string>): Promise<number> =>
      (
        await browser.fetch(`${the.url}/session`, {
          headers: { 'X-Requested-With': 'photos-token-broker', ...headers },
        })
      ).status
    expect(await get({ 'Sec-Fetch-Site': 'same-origin' })).toBe(200)
    expect(await get({ 'Sec-Fetch-Site': 'same-site' })).toBe(403)
    expect(await get({})).toBe(403)
    const [own, other] = [`${the.url}/page`, `${the.url}.evil.example/`]
    expect(await get({ Referer: own })).toBe(200) // Safari before 16.4
    expect(await get({ Referer: other })).toBe(403)
    expect(await get({ Referer: own, 'Sec-Fetch-Site': 'same-site' })).toBe(403)
    expect(await get({ Referer: own, Origin: 'https://evil.example' })).toBe(403)
  })

  it.each([
    { what: 'a form', given: { 'Content-Type': 'application/x-www-form-urlencoded' } },
    {
      what: 'a request with another custom header',
      given: { 'X-Requested-With': 'XMLHttpRequest' },
    },
  ])('as $what is refused (TMB-37)', async ({ given }) => {
    const browser = browse()
    await logIn(browser)
    const { status, body } = await ask(browser, undefined, given)
    expect(status).toBe(400)
    expect(body.error).toBe('invalid_request')
  })

  it.each(['POST', 'DELETE'])(
    'is refused as a %s without a body and without the custom header (TMB-37, TMB-64)',
    async (method) => {
      const browser = browse()
      await logIn(browser)
      const path = method === 'POST' ? '/session/token' : '/session'
      const response = await browser.fetch(the.url + path, { method, headers: { Origin: the.url } })
      expect(response.status).toBe(400)
      expect((await ask(browser)).status).toBe(200)
    },
  )

  it('with a second credential is refused (TMB-39)', async () => {
    const browser = browse()
    await logIn(browser)
    const { status, body } = await ask(browser, undefined, {
      Authorization: 'Bearer somebody-else',
    })
    expect(status).toBe(400)
    expect(body).not.toHaveProperty('access_token')
  })
})

describe('a preflight', () => {
  const preflight = async (origin: string, more: Record<string, string> = {}): Promise<Response> =>
    broker(
      new Request(`${the.url}/session/token`, {
        method: 'OPTIONS',
        headers: {
          Origin: origin,
          'Access-Control-Request-Method': 'POST',
          'Access-Control-Request-Headers': 'x-evil',
          ...more,
        },
      }),
    )

  it('of an allowed origin gets a fixed answer, cached for ten minutes (TMB-35)', async () => {
    configure({ CLIENTS: { web: { origins: [APP] } } })
    const { status, headers } = await preflight(APP)
    expect(status).toBe(204)
    expect(headers.get('Access-Control-Allow-Origin')).toBe(APP)
    expect(headers.get('Access-Control-Allow-Credentials')).toBe('true')
    expect(headers.get('Access-Control-Allow-Headers')).toBe('Content-Type, X-Requested-With')
    expect(headers.get('Access-Control-Allow-Methods')).toBe('POST')
    expect(Number(headers.get('Access-Control-Max-Age'))).toBeLessThanOrEqual(600)
    expect(headers.get('Vary')).toContain('Origin')
  })

  it.each(LOOK_ALIKES)('of %j is refused without CORS headers (TMB-35)', async (origin) => {
    const { status, headers } = await preflight(origin)
    expect(status).toBe(403)
    expect([...headers.keys()].filter((name) => name.startsWith('access-control'))).toEqual([])
  })
})

describe('two clients', () => {
  const CLIENTS = {
    web: { origins: ['https://one.broker.example'], bundles: ['pick'] },
    shop: { origins: ['https://two.broker.example'], bundles: ['pick', 'upload'] },
  }

  it('get only their own bundles, and read every answer, from their own origins (TMB-35, TMB-39, TMB-44)', async () => {
    configure({ CLIENTS })
    const browser = browse()
    await logIn(browser, { client: 'web' })
    const from = async (origin: string, bundle: string): Promise<unknown[]> => {
      const headers = { Origin: origin, 'Sec-Fetch-Site': 'same-site' }
      const answer = await ask(browser, { bundle }, headers)
      expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(origin)
      expect(answer.headers.get('Access-Control-Allow-Credentials')).toBe('true')
      return [answer.status, answer.body.error]
    }
    expect(await from('https://one.broker.example', 'pick')).toEqual([200, undefined])
    expect(await from('https://one.broker.example', 'upload')).toEqual([403, 'access_denied'])
    expect(await from('https://two.broker.example', 'pick')).toEqual([401, 'login_required'])
    const jar = browser.jar.get('broker.example') ?? new Map<string, string>()
    const [[name, value] = ['', '']] = [...jar]
    jar.set(name.replace('-web', '-shop'), value) // a cookie under the name of another client
    expect(await from('https://two.broker.example', 'pick')).toEqual([401, 'login_required'])
    await logIn(browser, { client: 'shop', bundle: 'upload' })
    expect(await from('https://two.broker.example', 'upload')).toEqual([200, undefined])
    expect(await from('https://two.broker.example', 'pick')).toEqual([403, 'consent_required'])
  })

  it('have different subjects for one user (TMB-43, TMB-44)', async () => {
    expect((await subjectOf(the.sub, 'web')).key).not.toBe((await subjectOf(the.sub, 'shop')).key)
  })
})
