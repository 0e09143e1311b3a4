/** Tests of forged and replayed callbacks, of what /connect refuses, and of browsers without a session (TMB-04, TMB-09 to 17). */

import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { answerOf, ask, broker, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { register } from '../support/internet.ts'
import { BEN, simulateGoogle } from '../support/simulated-google.ts'
import { countCosts, later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const SESSION = '__Host-Http-ptb-session-default'

/** Sends a callback and expects a plain error: no redirect and no session. */
async function expectRefused(
  browser: Browser,
  callback: URL | string,
  init?: RequestInit,
): Promise<void> {
  const response = await browser.fetch(callback, init)
  expect(response.status).toBe(400)
  expect(response.headers.has('Location')).toBe(false)
  expect(response.headers.getSetCookie().join()).not.toContain(SESSION)
  expect((await answerOf(response)).body.error).toBe('invalid_request')
}

function altered(url: URL, change: (query: URLSearchParams) => void): URL {
  const copy = new URL(url)
  change(copy.searchParams)
  return copy
}

describe('a callback', () => {
  it.each([
    { what: 'without state', change: (query: URLSearchParams) => query.delete('state') },
    {
      what: 'with a wrong state',
      change: (query: URLSearchParams) => query.set('state', 'x'.repeat(43)),
    },
    { what: 'with two states', change: (query: URLSearchParams) => query.append('state', 'x') },
    { what: 'with two codes', change: (query: URLSearchParams) => query.append('code', 'x') },
    { what: 'without a code', change: (query: URLSearchParams) => query.delete('code') },
    {
      what: 'with a token in front',
      change: (query: URLSearchParams) => query.append('id_token', 'x'),
    },
  ])('$what is refused, without a request to Google (TMB-10, TMB-14)', async ({ change }) => {
    const google = simulateGoogle()
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    await expectRefused(browser, altered(callback, change))
    expect(google.calls('token')).toBe(0)
    expect((await browser.visit(callback)).url.search).toBe('?connect=ok&bundle=pick')
  })

  it('in another browser is refused: login CSRF (TMB-04, TMB-10)', async () => {
    const google = simulateGoogle()
    const [attacker, victim] = [google.browse(), google.browse()]
    const callback = await google.consent(await google.start(attacker, 'pick'), {
      account: BEN,
    })
    await expectRefused(victim, callback)
    await google.start(victim, 'pick')
    await expectRefused(victim, callback)
    expect(google.calls('token')).toBe(0)
  })

  it('with a changed cookie, or after ten minutes, is refused (TMB-04)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    const jar = browser.jar.get('broker.example') ?? new Map<string, string>()
    const [name = '', value = ''] = [...jar][0] ?? []
    jar.set(name, `${value.slice(0, -3)}${value.at(-3) === 'A' ? 'B' : 'A'}${value.slice(-2)}`)
    await expectRefused(browser, callback)
    jar.set(name, value)
    later(601)
    await expectRefused(browser, callback)
    expect(google.calls('token')).toBe(0)
  })

  it('that is sent fifty times at once succeeds once, and never again (TMB-11)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    const cookie = [...(browser.jar.get('broker.example') ?? [])]
      .map(([name, value]) => `${name}=${value}`)
      .join('; ')
    const deliver = async (): Promise<Response> =>
      broker(new Request(callback, { headers: { Cookie: cookie }, redirect: 'manual' }))
    const answers = await Promise.all(Array.from({ length: 50 }, deliver))
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 303)).toHaveLength(1)
    expect(statuses.filter((status) => status === 400)).toHaveLength(49)
    expect(google.calls('token')).toBe(1)
    expect((await deliver()).status).toBe(400)
  })

  it.each([
    { what: 'HEAD', init: { method: 'HEAD' }, status: 405 },
    { what: 'POST', init: { method: 'POST' }, status: 405 },
    { what: 'a prefetch', init: { headers: { 'Sec-Purpose': 'prefetch' } }, status: 400 },
  ])('that is $what is refused, and can be sent again (TMB-14)', async ({ init, status }) => {
    const google = simulateGoogle()
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    expect((await browser.fetch(callback, init)).status).toBe(status)
    expect(google.calls('token')).toBe(0)
    expect((await browser.visit(callback)).url.search).toBe('?connect=ok&bundle=pick')
  })

  it('with the code of another flow is refused by PKCE and nonce', async () => {
    const google = simulateGoogle()
    const [victim, attacker] = [google.browse(), google.browse()]
    const stolen = await google.consent(await google.start(victim, 'pick'))
    const own = await google.consent(await google.start(attacker, 'pick'), {
      account: BEN,
    })
    const injected = altered(own, (query) =>
      query.set('code', stolen.searchParams.get('code') ?? ''),
    )
    expect((await attacker.visit(injected)).url.search).toBe(
      '?connect=error&bundle=pick&error=server_error',
    )
    expect((await ask(attacker)).status).toBe(401)
  })

  it('neither returns nor logs the text of Google’s error (TMB-13)', async () => {
    const google = simulateGoogle()
    const logged = [vi.spyOn(console, 'error'), vi.spyOn(console, 'info')]
    for (const spy of logged) spy.mockImplementation(() => {})
    const browser = google.browse()
    const at = await google.start(browser, 'pick')
    const callback = `${the.url}/callback?state=${at.searchParams.get('state')}&error=canary_error&error_description=%3Cscript%3Ecanary`
    const response = await browser.fetch(callback)
    expect(response.headers.get('Location')).toBe(
      `${the.url}/app?connect=error&bundle=pick&error=server_error`,
    )
    expect(await response.text()).not.toContain('canary')
    expect(logged.flatMap(({ mock }) => mock.calls.flat()).join()).not.toContain('canary')
    await expectRefused(google.browse(), callback)
  })
})

describe('the iss of a callback (TMB-12)', () => {
  it.each([
    { iss: 'present', ok: true },
    { iss: 'absent', ok: true },
    { iss: 'wrong', ok: false },
    { iss: 'duplicated', ok: false },
    { iss: 'without_https', ok: false },
  ] as const)('that is $iss is accepted: $ok', async ({ iss, ok }) => {
    const google = simulateGoogle()
    google.simulator.faults.add({ at: 'authorize', do: { iss } })
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    if (ok) expect((await browser.visit(callback)).url.search).toBe('?connect=ok&bundle=pick')
    else await expectRefused(browser, callback)
    expect(google.calls('token')).toBe(ok ? 1 : 0)
  })
})

describe('/connect', () => {
  const visit = async (query: string, headers: Record<string, string> = {}): Promise<Response> =>
    broker(new Request(`${the.url}/connect?${query}`, { headers, redirect: 'manual' }))
  const good = 'bundle=pick&return_to=/app'

  it.each([
    { query: 'return_to=/app', error: 'invalid_request' },
    { query: 'bundle=pick', error: 'invalid_request' },
    { query: 'bundle=no-such&return_to=/app', error: 'invalid_scope' },
    { query: 'bundle=__proto__&return_to=/app', error: 'invalid_scope' },
    { query: `${good}&scope=openid`, error: 'invalid_request' },
    { query: `${good}&client=no-such`, error: 'invalid_request' },
    { query: `${good}&prompt=none`, error: 'invalid_request' },
    { query: 'bundle=pick&return_to=https://evil.example/', error: 'invalid_request' },
  ])('refuses $query (TMB-06, TMB-68)', async ({ query, error }) => {
    simulateGoogle()
    const response = await visit(query)
    expect(response.headers.has('Location')).toBe(false)
    expect(response.headers.getSetCookie()).toEqual([])
    const { status, body } = await answerOf(response)
    expect([status, body.error]).toEqual([400, error])
  })

  it.each(['iframe', 'image', 'object'])('is refused in an %s (TMB-09)', async (destination) => {
    simulateGoogle()
    const response = await visit(good, { 'Sec-Fetch-Dest': destination })
    expect([response.status, response.headers.has('Location')]).toEqual([403, false])
  })

  it('asks the user first if another site sent them, and sets nothing (TMB-09)', async () => {
    const google = simulateGoogle()
    const response = await visit(good, {
      'Sec-Fetch-Site': 'cross-site',
      'Sec-Fetch-Dest': 'document',
    })
    expect(response.status).toBe(200)
    expect(response.headers.getSetCookie()).toEqual([])
    const text = await response.text()
    expect(text).toContain('broker.example')
    expect(text).toContain('href="?bundle=pick&amp;return_to=%2Fapp"')
    expect(google.calls('')).toBe(0)
  })

  it('answers 503 if Google cannot be discovered', async () => {
    register('https://nobody.example', () => Promise.reject(new TypeError('canary')))
    configure({ ISSUER: 'https://nobody.example' })
    const { status, body, headers } = await answerOf(await visit(good))
    expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(headers.has('Retry-After')).toBe(true)
  })
})

describe('a browser without a session (TMB-59)', () => {
  it('causes no write and no Durable Object', async () => {
    const google = simulateGoogle()
    const costs = countCosts()
    const puts = vi.spyOn(env.TOKENS, 'put')
    const browser = google.browse()
    for (const [method, path] of [
      ['POST', '/session/token'],
      ['GET', '/session'],
      ['DELETE', '/session'],
      ['DELETE', '/grants'],
      ['DELETE', '/grants/pick'],
      ['GET', '/bundles'],
      ['GET', '/healthz'],
    ] as const) {
      await browser.call(method, the.url + path, method === 'POST' ? { bundle: 'pick' } : undefined)
    }
    for (const query of ['', '?code=x', '?code=x&state=y', '?error=z', '?state=y&error=z'])
      await browser.fetch(`${the.url}/callback${query}`)
    await google.start(browser, 'pick')
    expect(costs.objects()).toBe(0)
    expect(puts).not.toHaveBeenCalled()
    expect(google.calls('token')).toBe(0)
  })
})
