/** This file is the story of callbacks that are not what they seem (TMB-04, TMB-10 to 17, TMB-25, TMB-26; attacks 1, 3, 4, 5, 6, 8). */

import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { answerOf, ask, broker, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { BEN, GOOGLE, simulateGoogle } from '../support/simulated-google.ts'
import { countCosts, later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const SESSION = '__Host-Http-ptb-session-default'

/** Delivers a callback and expects a plain refusal: no redirect, no session, nobody called. */
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
    { what: 'with an empty state', change: (query: URLSearchParams) => query.set('state', '') },
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
  ])('$what is refused, and calls nobody (TMB-10, TMB-14)', async ({ change }) => {
    const google = simulateGoogle()
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    await expectRefused(browser, altered(callback, change))
    expect(google.calls('token')).toBe(0)
    expect((await browser.visit(callback)).url.search).toBe('?connect=ok&bundle=pick')
  })

  it('delivered to another browser is refused: login CSRF (TMB-04, TMB-10)', async () => {
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

  it('with a tampered cookie, or ten minutes and a second later, is refused (TMB-04)', async () => {
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

  it('delivered fifty times at once succeeds once, and never again (TMB-11)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    const cookie = [...(browser.jar.get('broker.example') ?? [])]
      .map(([name, value]) => `${name}=${value}`)
      .join('; ')
    const deliver = async (): Promise<Response> =>
      broker(new Request(callback, { headers: { Cookie: cookie }, redirect: 'manual' }))
    const statuses = (await Promise.all(Array.from({ length: 50 }, deliver))).map(
      ({ status }) => status,
    )
    expect(statuses.filter((status) => status === 303)).toHaveLength(1)
    expect(statuses.filter((status) => status === 400)).toHaveLength(49)
    expect(google.calls('token')).toBe(1)
    expect((await deliver()).status).toBe(400)
  })

  it.each([
    { what: 'HEAD', init: { method: 'HEAD' }, status: 405 },
    { what: 'POST', init: { method: 'POST' }, status: 405 },
    { what: 'a prefetch', init: { headers: { 'Sec-Purpose': 'prefetch' } }, status: 400 },
    {
      what: 'a prerender',
      init: { headers: { 'Sec-Purpose': 'prefetch;prerender' } },
      status: 400,
    },
  ])('that is only $what uses nothing up (TMB-14)', async ({ init, status }) => {
    const google = simulateGoogle()
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    expect((await browser.fetch(callback, init)).status).toBe(status)
    expect(google.calls('token')).toBe(0)
    expect((await browser.visit(callback)).url.search).toBe('?connect=ok&bundle=pick')
  })

  it('with another flow’s code is stopped by PKCE and nonce (attack 3)', async () => {
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

  it('begun in a session that was logged out is refused, whoever is logged in now (TMB-15)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    await google.connect(browser, 'pick')
    const callback = await google.consent(await google.start(browser, 'upload'))
    await browser.call('DELETE', `${the.url}/session`)
    await google.connect(browser, 'pick', { account: BEN })
    expect((await browser.visit(callback)).url.search).toBe(
      '?connect=error&bundle=upload&error=access_denied',
    )
    expect((await ask(browser, { bundle: 'upload' })).body).toMatchObject({
      error: 'consent_required',
      reason: 'never_granted',
    })
    await browser.call('DELETE', `${the.url}/session`)
    await google.connect(browser, 'pick')
    expect((await ask(browser, { bundle: 'upload' })).status).toBe(403)
  })

  it('never tells or logs what Google’s error said (TMB-13)', async () => {
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

describe('iss on the way back (TMB-12)', () => {
  it.each([
    { iss: 'present', ok: true },
    { iss: 'absent', ok: true },
    { iss: 'wrong', ok: false },
    { iss: 'empty', ok: false },
    { iss: 'duplicated', ok: false },
    { iss: 'without_https', ok: false },
  ] as const)('$iss is taken: $ok', async ({ iss, ok }) => {
    const google = simulateGoogle()
    google.simulator.faults.add({ at: 'authorize', do: { iss } })
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    if (ok) expect((await browser.visit(callback)).url.search).toBe('?connect=ok&bundle=pick')
    else await expectRefused(browser, callback)
    expect(google.calls('token')).toBe(ok ? 1 : 0)
  })

  it.each(['/', 'X'])('followed by %j is refused, on an error as well', async (more) => {
    const google = simulateGoogle()
    const browser = google.browse()
    const at = await google.start(browser, 'pick')
    const state = at.searchParams.get('state')
    await expectRefused(
      browser,
      `${the.url}/callback?state=${state}&code=x&iss=${encodeURIComponent(GOOGLE + more)}`,
    )
    await expectRefused(
      browser,
      `${the.url}/callback?state=${state}&error=access_denied&iss=${encodeURIComponent(GOOGLE + more)}`,
    )
  })
})

describe('an ID token (TMB-25, TMB-26, TMB-29)', () => {
  it.each([
    'missing',
    'alg_none',
    'alg_hs256',
    'wrong_key',
    'wrong_kid',
    'wrong_iss',
    'wrong_aud',
    'extra_aud',
    'wrong_azp',
    'expired',
    'future_iat',
    'missing_nonce',
    'wrong_nonce',
    'wrong_at_hash',
  ] as const)('that is %s is believed in nothing', async (id_token) => {
    const google = simulateGoogle()
    google.simulator.faults.add({ at: 'token:authorization_code', do: { id_token } })
    const browser = google.browse()
    const back = await google.connect(browser, 'pick')
    expect(back.url.searchParams.get('connect')).toBe('error')
    expect(['server_error', 'temporarily_unavailable']).toContain(
      back.url.searchParams.get('error'),
    )
    expect((await ask(browser)).status).toBe(401)
    expect((await env.TOKENS.list()).keys).toEqual([])
    expect((await google.connect(browser, 'pick')).url.search).toBe('?connect=ok&bundle=pick')
  })
})

it('Google’s two spellings of its issuer name one user (TMB-27)', async () => {
  configure({ ISSUER: 'https://accounts.google.com' })
  const google = simulateGoogle('https://accounts.google.com')
  const browser = google.browse()
  await google.connect(browser, 'pick')
  google.simulator.faults.add({
    at: 'token:authorization_code',
    do: { id_token: 'iss_without_https' },
  })
  expect((await google.connect(browser, 'upload')).url.search).toBe('?connect=ok&bundle=upload')
  expect((await ask(browser)).status).toBe(200)
})

describe('a token endpoint that fails at the exchange', () => {
  it.each([
    { kind: '503', effects: { status: 503 }, expected: 'temporarily_unavailable' },
    { kind: 'garbage', effects: { garbage: true }, expected: 'temporarily_unavailable' },
    { kind: 'truncated', effects: { truncate: true }, expected: 'temporarily_unavailable' },
    {
      kind: 'a redirect',
      effects: { redirect: 'https://evil.example/' },
      expected: 'temporarily_unavailable',
    },
    { kind: 'invalid_client', effects: { error: 'invalid_client' }, expected: 'server_error' },
    { kind: 'invalid_grant', effects: { error: 'invalid_grant' }, expected: 'server_error' },
    {
      kind: 'expires_in of -1',
      effects: { set: { expires_in: -1 } },
      expected: 'temporarily_unavailable',
    },
  ] as const)(
    'with $kind brings the user back with $expected, and the old grant stays',
    async ({ effects, expected }) => {
      const google = simulateGoogle()
      const browser = google.browse()
      await google.connect(browser, 'pick')
      google.simulator.faults.add({ at: 'token:authorization_code', do: effects })
      const back = await google.connect(browser, 'upload')
      expect(back.url.search).toBe(`?connect=error&bundle=upload&error=${expected}`)
      expect((await ask(browser)).status).toBe(200)
      expect(google.calls('token')).toBe(2)
    },
  )

  it('keys that cannot be had are told as temporary (TMB-42)', async () => {
    const google = simulateGoogle()
    google.simulator.faults.add({ at: 'jwks', do: { status: 500 } })
    const back = await google.connect(google.browse(), 'pick')
    expect(back.url.search).toBe('?connect=error&bundle=pick&error=temporarily_unavailable')
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
    { query: 'bundle=constructor&return_to=/app', error: 'invalid_scope' },
    { query: `${good}&scope=openid`, error: 'invalid_request' },
    { query: `${good}&bundle=upload`, error: 'invalid_request' },
    { query: `${good}&client=no-such`, error: 'invalid_request' },
    { query: `${good}&prompt=none`, error: 'invalid_request' },
    { query: `${good}&display=page`, error: 'invalid_request' },
    { query: 'bundle=pick&return_to=https://evil.example/', error: 'invalid_request' },
    { query: 'bundle=pick&return_to=//evil.example/', error: 'invalid_request' },
    { query: 'bundle=pick&return_to=javascript:alert(1)', error: 'invalid_request' },
  ])('refuses $query (TMB-06, TMB-68)', async ({ query, error }) => {
    simulateGoogle()
    const response = await visit(query)
    expect(response.headers.has('Location')).toBe(false)
    expect(response.headers.getSetCookie()).toEqual([])
    const { status, body } = await answerOf(response)
    expect([status, body.error]).toEqual([400, error])
  })

  it.each(['iframe', 'image', 'empty', 'object', 'embed'])(
    'in an %s is refused (TMB-09)',
    async (destination) => {
      simulateGoogle()
      const response = await visit(good, { 'Sec-Fetch-Dest': destination })
      expect([response.status, response.headers.has('Location')]).toEqual([403, false])
    },
  )

  it('from another site asks first, with a page that names the app and sets nothing (TMB-09)', async () => {
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

  it('shows a person a page, and a script JSON', async () => {
    simulateGoogle()
    const page = await visit('bundle=no-such', { Accept: 'text/html,*/*' })
    expect(page.headers.get('Content-Type')).toBe('text/html; charset=UTF-8')
    expect(await page.text()).toContain('invalid_scope')
  })

  it('says so when Google cannot be discovered', async () => {
    vi.spyOn(globalThis, 'fetch').mockRejectedValue(new TypeError('canary'))
    configure({ ISSUER: 'https://nobody.example' })
    const { status, body, headers } = await answerOf(await visit(good))
    expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
    expect(headers.has('Retry-After')).toBe(true)
  })
})

describe('whoever has no session (TMB-59)', () => {
  it('writes nothing and makes no object, whatever they try', async () => {
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

describe('a planted or doubled cookie (TMB-32, TMB-34; attacks 6 and 7)', () => {
  it('is not believed in either order, and never survives a login', async () => {
    const google = simulateGoogle()
    const [mine, evil] = [google.browse(), google.browse()]
    await google.connect(mine, 'pick')
    await google.connect(evil, 'pick', { account: BEN })
    const [good, bad] = [mine, evil].map(
      (browser) => browser.jar.get('broker.example')?.get(SESSION) ?? '',
    )
    for (const cookie of [
      `${SESSION}=${bad}; ${SESSION}=${good}`,
      `${SESSION}=${good}; ${SESSION}=${bad}`,
      `${SESSION.toLowerCase()}=${bad}; ${SESSION}=${good}`,
      `${SESSION.toLowerCase()}=${good}`,
    ]) {
      const { status, headers } = await ask(mine, undefined, { Cookie: cookie })
      expect(status).toBe(401)
      if (cookie.includes(';'))
        expect(headers.getSetCookie().join()).toContain(`${SESSION}=; Max-Age=0`)
    }
    mine.jar.get('broker.example')?.set(SESSION, 'planted')
    await google.connect(mine, 'pick')
    expect((await ask(mine)).status).toBe(200)
    expect(mine.jar.get('broker.example')?.get(SESSION)).not.toBe('planted')
  })
})
