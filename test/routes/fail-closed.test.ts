/** Tests of a broken part: no token, no stack trace, and the usual form of an error (TMB-77, TMB-18). */

import { describe, expect, it, vi } from 'vitest'
import { type Answer, answerOf, ask, broker, browse, logIn, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { intercept } from '../support/internet.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { simulateGoogle } from '../support/simulated-google.ts'
import { later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const broken = (): never => {
  throw new Error('canary', { cause: new Error('canary') })
}

/** Every kind of request. */
const CALLS: readonly (readonly [string, string, object?])[] = [
  ['POST', '/session/token', { bundle: 'pick' }],
  ['GET', '/session'],
  ['POST', '/media', { bundle: 'pick', urls: ['https://lh3.googleusercontent.com/x'] }],
  ['DELETE', '/grants/pick'],
  ['DELETE', '/grants'],
  ['GET', '/connect?bundle=pick&return_to=/app'],
]

/** Expects an error in the usual form. */
function expectClosed({ status, headers, body }: Answer<unknown>): void {
  expect(status).toBeGreaterThanOrEqual(500)
  expect(Object.keys(body as object).sort()).toEqual(['error', 'error_description', 'request_id'])
  expect(['server_error', 'temporarily_unavailable']).toContain(body.error)
  expect(JSON.stringify(body)).not.toMatch(/canary|at .*:\d+/)
  expect(headers.get('Cache-Control')).toBe('no-store')
  expect(headers.has('Location')).toBe(false)
}

async function call(
  browser: Browser,
  method: string,
  path: string,
  json?: object,
): Promise<Answer<unknown>> {
  const isNavigation = path.startsWith('/connect')
  return answerOf(
    isNavigation
      ? await browser.fetch(the.url + path)
      : await browser.call(method, the.url + path, json),
  )
}

async function callAll(browser: Browser): Promise<Answer<unknown>[]> {
  const answers: Answer<unknown>[] = []
  for (const [method, path, json] of CALLS) answers.push(await call(browser, method, path, json))
  return answers
}

describe('a request fails without a token', () => {
  it('if the Durable Objects throw, with KV or without', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser)
    const TOKENS = { get: broken, put: broken, delete: broken }
    for (const change of [{ CONSISTENCY: 'strict' }, { TOKENS }]) {
      configure({ SUBJECTS: { getByName: broken }, ...change })
      for (const answer of await callAll(browser)) expectClosed(answer)
    }
  })

  it.each(['decrypt', 'deriveKey', 'importKey'] as const)(
    'if crypto.subtle.%s throws',
    async (name) => {
      scriptGoogle()
      const browser = browse()
      await logIn(browser)
      expect((await ask(browser)).status).toBe(200)
      configure({ CONSISTENCY: 'edge' })
      vi.spyOn(crypto.subtle, name).mockImplementation(broken)
      for (const [method, path, json] of CALLS) {
        const answer = await call(browser, method, path, json)
        expect([name, path, answer.status]).not.toEqual([name, path, 200])
        expect(answer.body).not.toHaveProperty('access_token')
        expect(JSON.stringify(answer.body)).not.toContain('canary')
      }
    },
  )

  it('if random numbers cannot be generated', async () => {
    simulateGoogle()
    vi.spyOn(crypto, 'getRandomValues').mockImplementation(broken)
    vi.spyOn(crypto, 'randomUUID').mockImplementation(() => '0-0-0-0-0')
    const at = `${the.url}/connect?bundle=pick&return_to=/app`
    expectClosed(await answerOf(await broker(new Request(at, { redirect: 'manual' }))))
  })

  it('if the clock is broken', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser)
    vi.spyOn(Date, 'now').mockReturnValue(Number.NaN)
    for (const { body } of await callAll(browser)) {
      expect(body).not.toHaveProperty('access_token')
      expect(body).not.toHaveProperty('media')
    }
  })

  it('if the rate limiter of callbacks throws', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    configure({ CALLBACK_LIMIT: { limit: broken } })
    expectClosed(await answerOf(await browser.fetch(callback)))
    expect(google.calls('token')).toBe(0)
  })
})

it.each(['TOKENS', 'SUBJECTS', 'CALLBACK_LIMIT'])(
  'without the binding %s every request is refused (TMB-81)',
  async (name) => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser)
    configure({ [name]: undefined })
    for (const answer of await callAll(browser)) expectClosed(answer)
  },
)

describe('a Google that does not answer', () => {
  it.each([
    { what: 'the token endpoint', path: '/token' },
    { what: 'discovery', path: '/.well-known/openid-configuration' },
  ])('at $what is given up after ten seconds, and the grant is kept (TMB-18)', async ({ path }) => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser, { expires_in: 1 })
    later(2)
    const toFake = ['Date', 'setTimeout', 'clearTimeout'] as const
    vi.useFakeTimers({ toFake: [...toFake], now: Date.now() })
    const began = Date.now()
    let isSilent = true
    intercept((request, next) => {
      if (!isSilent || new URL(request.url).pathname !== path) return next(request)
      const aborted = new Promise<never>((_, reject) => {
        request.signal.addEventListener('abort', () => reject(new TypeError('canary aborted')))
      })
      vi.advanceTimersByTime(10_000)
      return aborted
    })
    configure({ CONSISTENCY: 'edge' })
    expectClosed(await ask(browser))
    expect(Date.now() - began).toBe(10_000)
    vi.useRealTimers()
    vi.useFakeTimers({ toFake: ['Date'], now: began + 30_000 })
    isSilent = false
    expect((await ask(browser)).status).toBe(200)
  })
})
