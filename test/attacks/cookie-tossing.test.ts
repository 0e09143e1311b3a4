/** Attack: cookies that a sibling sub-domain sets for the broker, in every form and number (TMB-34, TMB-30). */

import { describe, expect, it, vi } from 'vitest'
import { ask, broker, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { configureClients, openFrontend } from '../support/frontend.ts'
import { BEN, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { later, stage } from '../support/story.ts'

stage()

const HOST = 'broker.example'
const SESSION = '__Host-Http-ptb-session-default'
const PENDING = '__Host-Http-ptb-pending-'

const jarOf = (browser: Browser): [string, string][] => [...(browser.jar.get(HOST) ?? [])]

const headerOf = (cookies: readonly (readonly [string, string])[]): string =>
  cookies.map(([name, value]) => `${name}=${value}`).join('; ')

/** Delivers a callback with a `Cookie` header, as a browser would send it. */
async function deliver(callback: URL, cookie: string): Promise<Response> {
  return broker(new Request(callback, { headers: { Cookie: cookie }, redirect: 'manual' }))
}

/** Runs one flow of a victim and one of an attacker, up to the callback. */
async function twoFlows(google: SimulatedGoogle): Promise<{
  victim: { callback: URL; name: string; value: string }
  attacker: { callback: URL; name: string; value: string }
}> {
  const [victim, attacker] = await Promise.all(
    [{}, { account: BEN }].map(async (choice) => {
      const browser = google.browse()
      const callback = await google.consent(await google.start(browser, 'pick'), choice)
      const [[name, value] = ['', '']] = jarOf(browser)
      return { callback, name, value }
    }),
  )
  if (!victim || !attacker) throw new Error('two flows were begun')
  return { victim, attacker }
}

describe('a session', () => {
  it.each([
    {
      what: 'twice, the evil one first',
      header: (good: string, evil: string) => `${evil}; ${good}`,
    },
    {
      what: 'twice, the good one first',
      header: (good: string, evil: string) => `${good}; ${evil}`,
    },
    {
      what: 'in another case first',
      header: (good: string, evil: string) => `${evil.replace('__Host', '__HOST')}; ${good}`,
    },
    {
      what: 'in another case last',
      header: (good: string, evil: string) => `${good}; ${evil.replace('Http', 'http')}`,
    },
    // A browser sends a cookie without a name as its bare value, which can look like name=value.
    { what: 'nameless', header: (good: string, evil: string) => `${good}; ${evil}` },
    {
      what: 'twice, once in quotes',
      header: (good: string, evil: string) => `${good}; ${SESSION}="${evil}"`,
    },
    { what: 'twice, once empty', header: (good: string) => `${SESSION}=; ${good}` },
  ])(
    'that comes $what is no session of either user, and is removed (TMB-34)',
    async ({ header }) => {
      const google = simulateGoogle()
      const [mine, evil] = [google.browse(), google.browse()]
      await google.connect(mine, 'pick')
      await google.connect(evil, 'pick', { account: BEN })
      const Cookie = header(headerOf(jarOf(mine)), headerOf(jarOf(evil)))
      const { status, headers, body } = await ask(mine, undefined, { Cookie })
      expect([status, body.error]).toEqual([401, 'login_required'])
      expect(headers.getSetCookie().join()).toContain(`${SESSION}=; Max-Age=0`)
    },
  )

  it.each([
    { what: '__host-', name: SESSION.replace('__Host-', '__host-') },
    { what: 'an upper-case', name: SESSION.toUpperCase() },
    { what: '__Secure-', name: SESSION.replace('__Host-', '__Secure-') },
    { what: 'a plain', name: SESSION.replace('__Host-Http-', '') },
    { what: 'a __Host- but no -Http-', name: SESSION.replace('Http-', '') },
    { what: 'an escaped', name: SESSION.replaceAll('_', '%5F') },
  ])('with $what name is no session', async ({ name }) => {
    const google = simulateGoogle()
    const [mine, evil] = [google.browse(), google.browse()]
    await google.connect(mine, 'pick')
    await google.connect(evil, 'pick', { account: BEN })
    const [[, value] = ['', '']] = jarOf(evil)
    const Cookie = `${name}=${value}`
    expect((await ask(evil, undefined, { Cookie })).status).toBe(401)
    const beside = await ask(mine, undefined, { Cookie: `${Cookie}; ${headerOf(jarOf(mine))}` })
    const isAlike = name.toLowerCase() === SESSION.toLowerCase()
    expect(beside.status).toBe(isAlike ? 401 : 200)
    if (!isAlike) expect(beside.body.access_token).toBe((await ask(mine)).body.access_token)
  })

  it('in a Cookie header that is too long is no session', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    await google.connect(browser, 'pick')
    const own = headerOf(jarOf(browser))
    const forged = Array.from({ length: 180 }, (_, at) => `a${at}=${'x'.repeat(100)}`).join('; ')
    for (const Cookie of [`${forged}; ${own}`, `${own}; ${forged}`])
      expect((await ask(browser, undefined, { Cookie })).status).toBe(401)
    expect((await ask(browser)).status).toBe(200)
  })
})

describe('a pending authorization', () => {
  it('that comes twice is refused in either order, and its code is not used', async () => {
    const google = simulateGoogle()
    const { victim, attacker } = await twoFlows(google)
    const [good, evil] = [`${victim.name}=${victim.value}`, `${victim.name}=${attacker.value}`]
    for (const cookie of [`${good}; ${evil}`, `${evil}; ${good}`, evil]) {
      const response = await deliver(victim.callback, cookie)
      expect([response.status, response.headers.has('Location')]).toEqual([400, false])
    }
    expect(google.calls('token')).toBe(0)
    expect((await deliver(victim.callback, good)).status).toBe(303)
  })

  it('of an attacker does not change the victim’s flow', async () => {
    const google = simulateGoogle()
    const { victim, attacker } = await twoFlows(google)
    const cookie = `${attacker.name}=${attacker.value}; ${victim.name}=${victim.value}`
    const response = await deliver(victim.callback, cookie)
    expect(response.headers.get('Location')).toBe(`${the.url}/app?connect=ok&bundle=pick`)
    const session = response.headers.getSetCookie().find((line) => line.startsWith(SESSION)) ?? ''
    const whose = await broker(
      new Request(`${the.url}/session`, {
        headers: {
          Cookie: session.split(';')[0] ?? '',
          'Sec-Fetch-Site': 'same-origin',
          'X-Requested-With': 'photos-token-broker',
        },
      }),
    )
    expect(await whose.json()).toMatchObject({ sub: the.sub })
  })

  it.each([30, 100])(
    'can be begun and finished among %i forged ones, and the header gets shorter',
    async (many) => {
      const google = simulateGoogle()
      const browser = google.browse()
      const forged = Array.from(
        { length: many },
        (_, at) => [`${PENDING}${String(at).padStart(16, 'x')}`, 'x'.repeat(30)] as const,
      )
      browser.jar.set(HOST, new Map(forged))
      const callback = await google.consent(await google.start(browser, 'pick'))
      expect(headerOf(jarOf(browser)).length).toBeLessThan(4096)
      expect((await browser.visit(callback)).url.search).toBe('?connect=ok&bundle=pick')
      expect((await ask(browser)).status).toBe(200)
    },
  )

  it('can be finished after thirty other tabs, and the header stays short (TMB-34)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    for (let tab = 0; tab < 30; tab++) {
      later(1)
      const return_to = `/app?${'x'.repeat(tab * 33)}`
      const page = await browser.visit(
        `${the.url}/connect?bundle=pick&return_to=${return_to}`,
        {},
        ({ origin }) => origin !== the.url,
      )
      expect(headerOf(jarOf(browser)).length).toBeLessThan(4096 - 600) // room for a session
      if (tab < 29) continue
      const back = await browser.visit(await google.consent(page.url))
      expect(back.url.searchParams.get('connect')).toBe('ok')
    }
  })

  it('that is forged is not even opened, beyond the first eight (TMB-34, TMB-73)', async () => {
    const google = simulateGoogle()
    const { attacker } = await twoFlows(google)
    const browser = google.browse()
    const forged = Array.from({ length: 20 }, (_, at) => [`${PENDING}evil${at}`, attacker.value])
    browser.jar.set(HOST, new Map(forged as [string, string][]))
    const decrypt = vi.spyOn(crypto.subtle, 'decrypt')
    await google.start(browser, 'pick')
    expect(decrypt.mock.calls.length).toBeLessThanOrEqual(8)
    expect(jarOf(browser)).toHaveLength(1)
  })

  it('that comes twice in OAuth mode is refused, and no code is issued', async () => {
    configureClients()
    const google = simulateGoogle()
    const frontend = await openFrontend()
    const browser = google.browse()
    const isAway = ({ origin }: URL): boolean => origin !== the.url
    const start = await browser.visit(await frontend.authorizeUrl('pick'), {}, isAway)
    const callback = await google.consent(start.url)
    const own = headerOf(jarOf(browser))
    for (const cookie of [`${own}; ${own}`, own.toLowerCase(), `${own.toUpperCase()}; ${own}`]) {
      const response = await deliver(callback, cookie)
      expect([response.status, response.headers.has('Location')]).toEqual([400, false])
    }
    expect(google.calls('token')).toBe(0)
    expect((await deliver(callback, own)).headers.get('Location')).toContain('code=')
  })
})

it('every cookie of a flow is for this host only and for no script, and only the pending one is Lax (TMB-30)', async () => {
  const google = simulateGoogle()
  const browser = google.browse()
  const lines: string[] = []
  const call = browser.fetch
  const start = await call(`${the.url}/connect?bundle=pick&return_to=/app`)
  lines.push(...start.headers.getSetCookie())
  const back = await call(await google.consent(new URL(start.headers.get('Location') ?? '')))
  lines.push(...back.headers.getSetCookie())
  const out = await browser.call('DELETE', `${the.url}/session`)
  lines.push(...out.headers.getSetCookie())
  expect(lines.length).toBeGreaterThanOrEqual(4)
  for (const line of lines) {
    const [pair = '', ...attributes] = line.split('; ')
    const [name = ''] = pair.split('=')
    const isPending = name.startsWith(PENDING)
    expect(isPending || name === SESSION).toBe(true)
    expect(attributes.filter((one) => !one.startsWith('Max-Age=')).sort()).toEqual([
      'HttpOnly',
      'Path=/',
      `SameSite=${isPending ? 'Lax' : 'Strict'}`,
      'Secure',
    ])
  }
})
