/** The SDK in Chromium, in both modes: what a page gets, and what it never gets (TMB-85 to TMB-89). */

import type { BrowserContext, Page, Request, Route } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import {
  connect,
  MODES,
  type Mode,
  openConsent,
  outcome,
  type Stage,
  startStage,
} from './support/sdk.ts'

declare const broker: Broker

let stage: Stage

beforeAll(async () => {
  stage = await startStage()
})

afterEach(() => stage.clear())

afterAll(async () => stage?.close())

/** Collects the requests for tokens that a page sends. */
function watchTokens(page: Page): Request[] {
  const requests: Request[] = []
  page.on('request', (request) => {
    const { pathname } = new URL(request.url())
    const isRefresh = request.postData()?.includes('grant_type=refresh_token&') ?? false
    if (request.method() === 'POST' && (pathname === '/session/token' || isRefresh))
      requests.push(request)
  })
  return requests
}

const getToken = (page: Page, bundle = 'pick'): Promise<string> =>
  page.evaluate((name) => broker.token(name).catch((error) => `error ${error.code}`), bundle)

/** The account that the broker says is connected. */
const whoIs = (page: Page): Promise<string> =>
  page.evaluate(async () => (await broker.session()).sub)

/** Opens one more tab of a browser; `first` runs in it before anything else. */
async function openTab(context: BrowserContext, mode: Mode, first?: () => void): Promise<Page> {
  const tab = await context.newPage()
  if (first) await tab.addInitScript(first)
  await tab.goto(stage.pageAt(mode))
  await tab.waitForFunction('window.broker')
  return tab
}

/** Gives the next consent a signal, which `calling` is behind. */
const prepareToCallOff = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const calling = new AbortController()
    Object.assign(window, { calling, options: { signal: calling.signal } })
  })

/** Delays what other tabs say by 400 ms, as in a busy or frozen page. Runs in the page. */
function hearLate(): void {
  const listen = BroadcastChannel.prototype.addEventListener
  BroadcastChannel.prototype.addEventListener = function (
    this: BroadcastChannel,
    type: string,
    listener: (event: Event) => void,
  ) {
    listen.call(this, type, (event: Event) => setTimeout(listener, 400, event))
  } as typeof listen
}

describe.each(MODES)('in %s mode', (mode) => {
  /** What hangs on no way in is tried in one. */
  const once = it.runIf(mode === 'cookie')

  it('connects in a popup, hands out a token, and Google takes it', async () => {
    const { page } = await stage.visit(mode)
    expect(await getToken(page)).toBe('error login_required')
    const nobody = page.evaluate(() => broker.session().catch(({ code }) => code))
    expect(await nobody).toBe('login_required')
    await connect(page)
    expect(await getToken(page)).toMatch(/^ya29\./)
    const status = await page.evaluate(async () => {
      const url = `${broker.apis.picker}/v1/sessions`
      return (await broker.fetch('pick', url, { method: 'POST' })).status
    })
    expect(status).toBe(200)
    const session = await page.evaluate(() => broker.session())
    expect(session.bundles['pick']?.status).toBe('ready')
    expect(page.url()).toBe(stage.pageAt(mode))
  })

  it('keeps tokens in memory only, and shows them nowhere (TMB-85)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    const token = await getToken(page)
    const stored = await page.evaluate(dumpEverything)
    expect(stored.length).toBeGreaterThan(10)
    expect(stored + JSON.stringify(await context.cookies())).not.toContain(token)
    await page.reload()
    await page.waitForFunction('window.broker')
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  once('asks once for two tabs and fifty calls (TMB-89)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    const other = await context.newPage()
    await other.goto(stage.pageAt(mode))
    await other.waitForFunction('window.broker')
    const requests = [watchTokens(page), watchTokens(other)]
    const askMuch = (tab: Page): Promise<string[]> =>
      tab.evaluate(() => Promise.all(Array.from({ length: 50 }, () => broker.token('pick'))))
    const tokens = await Promise.all([askMuch(page), askMuch(other)])
    expect(new Set(tokens.flat()).size).toBe(1)
    const answered = await Promise.all(requests.flat().map(async (one) => one.response()))
    expect(answered.filter((answer) => answer?.status() === 200)).toHaveLength(1)
  })

  it('signs out in every tab at once, without a network too (TMB-88)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    const other = await context.newPage()
    await other.goto(stage.pageAt(mode))
    await other.waitForFunction('window.broker')
    expect(await getToken(other)).toMatch(/^ya29\./)
    await context.setOffline(true)
    await page.evaluate(() => broker.signOut())
    for (const tab of [page, other]) expect(await getToken(tab)).toBe('error login_required')
    await context.setOffline(false)
    await other.reload()
    await other.waitForFunction('window.broker')
    expect(await getToken(other)).toBe('error login_required')
  })

  it('goes there itself where popups are blocked, and comes back to where it was', async () => {
    const { page } = await stage.visit(mode, '?tab=2#photos')
    await page.evaluate(() => Object.assign(window, { open: () => null }))
    await page.getByRole('button', { name: 'Connect' }).click()
    await page.getByRole('button', { name: 'Ada Brook' }).click()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.waitForURL(`${stage.pageAt(mode)}?tab=2#photos`)
    await page.waitForFunction('window.broker')
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  once(
    'says so when the popup is closed, when the user says no, and when a box is left unticked',
    async () => {
      const { page } = await stage.visit(mode)
      await (await openConsent(page)).close()
      await outcome(page, 'popup_closed')
      await (await openConsent(page)).getByRole('button', { name: 'Cancel' }).click()
      await outcome(page, 'access_denied')
      const popup = await openConsent(page, 'album')
      await popup.getByRole('checkbox').last().uncheck()
      await popup.getByRole('button', { name: 'Continue' }).click()
      await outcome(page, 'consent_required')
    },
  )

  it('hears of the outcome when an opener policy has cut the popup off', async () => {
    const { context, page } = await stage.visit(mode)
    await stage.tellSimulator('__settings', { opener_policy: 'same-origin' })
    await page.evaluate(() => {
      // The popup has the focus; counts who asks.
      const asked = { times: 0 }
      Object.assign(document, { hasFocus: () => asked.times++ < 0 })
      Object.assign(window, { asked })
    })
    const popup = await openConsent(page)
    await page.waitForFunction('asked.times > 3') // it looks closed, and has for a while
    await context.clock.install()
    await context.clock.pauseAt(Date.now() + 60_000) // the popup goes because it was heard, not in time
    const closed = popup.waitForEvent('close')
    await popup.getByRole('button', { name: 'Continue' }).click()
    await outcome(page, 'ok')
    await closed
    await context.clock.resume()
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  once('is gone after five seconds when nobody waits for its outcome any more', async () => {
    const { context, page } = await stage.visit(mode)
    const popup = await openConsent(page)
    await page.close()
    await context.clock.install()
    await context.clock.pauseAt(Date.now() + 60_000)
    await popup.getByRole('button', { name: 'Continue' }).click()
    await popup.waitForURL(stage.pageAt(mode))
    const closed = popup.waitForEvent('close')
    await context.clock.runFor(4900)
    expect(popup.isClosed()).toBe(false)
    await context.clock.runFor(100)
    await closed
  })

  once(
    'connects all the same when its user comes back and then goes on in a popup that was cut off',
    async () => {
      const { page } = await stage.visit(mode)
      await stage.tellSimulator('__settings', { opener_policy: 'same-origin' })
      await page.evaluate(() => Object.assign(document, { hasFocus: () => true }))
      const popup = await openConsent(page)
      await outcome(page, 'popup_closed')
      await popup.getByRole('button', { name: 'Continue' }).click()
      await page.waitForFunction('changes.some(({ type }) => type === "connected")')
      expect(await getToken(page)).toMatch(/^ya29\./)
    },
  )

  once(
    'connects all the same when it is waited for no longer in a popup that was cut off',
    async () => {
      const { page } = await stage.visit(mode)
      await stage.tellSimulator('__settings', { opener_policy: 'same-origin' })
      await prepareToCallOff(page)
      const popup = await openConsent(page)
      await page.evaluate('calling.abort()')
      await outcome(page, 'AbortError.*|20')
      await popup.getByRole('button', { name: 'Continue' }).click()
      await page.waitForFunction('changes.some(({ type }) => type === "connected")')
      expect(await getToken(page)).toMatch(/^ya29\./)
    },
  )

  once('hears of the outcome when it is too busy to hear of anything at once', async () => {
    const { context } = await stage.visit(mode)
    const busy = await openTab(context, mode, hearLate)
    await connect(busy)
    expect(await getToken(busy)).toMatch(/^ya29\./)
  })

  once('is called off by a signal', async () => {
    const { page } = await stage.visit(mode)
    await prepareToCallOff(page)
    const popup = await openConsent(page)
    const closed = popup.waitForEvent('close')
    await page.evaluate('calling.abort()')
    await closed
    await outcome(page, 'AbortError.*|20')
  })

  once.each([
    { how: 'once', times: 1, status: 200 },
    { how: 'always', times: 100, status: 401 },
  ])(
    'asks for another token when Google refuses one $how, and no more than that (TMB-89)',
    async ({ times, status }) => {
      const { page } = await stage.visit(mode)
      await connect(page)
      const before = await getToken(page)
      await stage.tellSimulator('__faults', { at: 'api', times, do: { status: 401 } })
      const requests = watchTokens(page)
      const got = await page.evaluate(async () => {
        const url = `${broker.apis.picker}/v1/sessions`
        return (await broker.fetch('pick', url, { method: 'POST' })).status
      })
      expect(got).toBe(status)
      const answered = await Promise.all(requests.map(async (one) => one.response()))
      expect(answered.filter((answer) => answer?.status() === 200)).toHaveLength(1)
      expect(await getToken(page)).not.toBe(before)
    },
  )

  once('sends no token to any other address (TMB-86)', async () => {
    const { page } = await stage.visit(mode)
    const refused = await page.evaluate(
      (targets) =>
        Promise.all(
          targets.map((target) => broker.fetch('pick', target).then(String, ({ name }) => name)),
        ),
      [
        'http://photospicker.googleapis.com/v1/x',
        'https://photospicker.googleapis.com.evil.example/',
        'https://evil.example/',
        'https://u:p@photospicker.googleapis.com/',
        'https://photospicker.googleapis.com:8443/',
        'https://www.googleapis.com/x',
      ],
    )
    expect(new Set(refused)).toEqual(new Set(['TypeError']))
  })

  once('waits for a broker that is busy, and goes on (TMB-89)', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    await page.reload()
    await page.waitForFunction('window.broker')
    let times = 0
    const path = mode === 'cookie' ? '/session/token' : '/token'
    await page.route(stage.url + path, async (route) => {
      if (times++ > 0 || route.request().method() !== 'POST') return route.continue()
      const headers = {
        'Access-Control-Allow-Origin': new URL(page.url()).origin,
        'Access-Control-Allow-Credentials': 'true',
        'Access-Control-Expose-Headers': 'Retry-After',
        'Retry-After': '1',
      }
      await route.fulfill({ status: 503, headers, json: { error: 'temporarily_unavailable' } })
    })
    expect(await getToken(page)).toMatch(/^ya29\./)
    expect(times).toBeGreaterThan(1)
  })

  once('says when the broker is down, and goes on when it is back', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    await page.reload()
    await page.waitForFunction('window.broker')
    await context.setOffline(true)
    expect(await getToken(page)).toBe('error temporarily_unavailable')
    await context.setOffline(false)
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  once('works with a clock that is two hours off', async () => {
    const { context, page } = await stage.visit(mode)
    await context.addInitScript(() => {
      const real = Date.now
      Date.now = () => real() + 2 * 60 * 60 * 1000
    })
    await page.reload()
    await page.waitForFunction('window.broker')
    await connect(page)
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  it('holds no token of the old account once there is a new one, in any tab (TMB-88)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page, 'upload')
    const other = await context.newPage()
    await other.goto(stage.pageAt(mode))
    await other.waitForFunction('window.broker')
    const old = await getToken(other, 'upload')
    if (mode === 'cookie') await page.evaluate(() => broker.signOut())
    await page.evaluate(() => Object.assign(window, { options: { selectAccount: true } }))
    await connect(page, 'pick', 'Ben Okafor')
    expect(await getToken(other)).toMatch(/^ya29\./)
    expect(await getToken(other, 'upload')).not.toBe(old)
  })

  once(
    'is in every tab the account that connected last, whatever a tab knew before (TMB-88)',
    async () => {
      const { context, page } = await stage.visit(mode)
      await connect(page)
      const other = await openTab(context, mode)
      const old = await whoIs(other)
      if (mode === 'cookie') await page.evaluate(() => broker.signOut())
      await page.evaluate(() => Object.assign(window, { options: { selectAccount: true } }))
      await connect(page, 'pick', 'Ben Okafor')
      expect(await whoIs(page)).not.toBe(old)
      expect(await whoIs(other)).toBe(await whoIs(page))
    },
  )

  it('tells the broker of a sign-out as soon as there is a network again (TMB-64)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    await context.setOffline(true)
    await page.evaluate(() => broker.signOut())
    const ending = page.waitForResponse((response) => {
      const { pathname } = new URL(response.url())
      const isEnd = ['DELETE', 'POST'].includes(response.request().method())
      return isEnd && ['/session', '/revoke'].includes(pathname)
    })
    await context.setOffline(false)
    expect((await ending).ok()).toBe(true)
    expect(await getToken(page)).toBe('error login_required')
  })

  it('keeps no token that was on its way at a sign-out (TMB-88)', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    const path = mode === 'cookie' ? '/session/token' : '/token'
    const ending = mode === 'cookie' ? '/session' : '/revoke'
    const [tokens, sessions] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()]
    const hold = (until: Promise<void>) => async (route: Route) => {
      if (route.request().method() !== 'OPTIONS') await until
      await route.continue().catch(() => {}) // the request may have been aborted
    }
    await page.route(stage.url + path, hold(tokens.promise))
    await page.route(stage.url + ending, hold(sessions.promise))
    const [asked, ended] = [
      page.waitForRequest(stage.url + path),
      page.waitForRequest(stage.url + ending),
    ]
    const first = getToken(page)
    await asked
    const signOut = page.evaluate(() => broker.signOut())
    await ended
    tokens.resolve()
    expect(await first).toBe('error login_required')
    sessions.resolve()
    await signOut
    expect(await getToken(page)).toBe('error login_required')
  })

  it('asks nothing for a session whose end the broker has not heard of yet (TMB-88)', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    const ending = mode === 'cookie' ? '/session' : '/revoke'
    await page.route(stage.url + ending, async (route) => {
      const isEnd = ['DELETE', 'POST'].includes(route.request().method())
      await (isEnd ? route.abort() : route.continue())
    })
    await page.evaluate(() => broker.signOut())
    const answers = await page.evaluate(() =>
      Promise.all(
        [broker.session(), broker.media('pick', ['https://lh3.googleusercontent.com/x'])].map(
          (work) => work.then(String, ({ code }) => code),
        ),
      ),
    )
    expect(answers).toEqual(['login_required', 'login_required'])
  })

  once('is told no token by a tab that has not heard of the end yet (TMB-88)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    const slow = await openTab(context, mode, hearLate)
    expect(await getToken(slow)).toMatch(/^ya29\./)
    await page.reload()
    await page.waitForFunction('window.broker')
    const third = await openTab(context, mode)
    const isWaiting = third.waitForFunction(
      async () => ((await navigator.locks.query()).pending ?? []).length > 0,
    )
    await page.route(/\/token$/, async (route) => {
      await isWaiting
      await route.continue()
    })
    const first = getToken(page)
    await getToken(third) // waits for the first, and then asks all tabs
    await first
    await page.evaluate(() => broker.signOut())
    await slow.waitForFunction('changes.some(({ type }) => type === "signed-out")')
    for (const tab of [page, third, slow]) expect(await getToken(tab)).toBe('error login_required')
  })

  once(
    'tells of an end once, also to a page that asks again whenever something changes',
    async () => {
      const { page } = await stage.visit(mode)
      await connect(page)
      await getToken(page)
      await page.evaluate(() => {
        broker.on('change', () => void broker.token('pick').catch(() => {}))
      })
      await page.evaluate(() => broker.signOut())
      expect(await getToken(page)).toBe('error login_required')
      expect(await getToken(page)).toBe('error login_required')
      const ends = await page.evaluate('changes.filter(({ type }) => type === "signed-out").length')
      expect(ends).toBe(1)
    },
  )

  it('believes no outcome that it did not wait for (TMB-87)', async () => {
    const { page } = await stage.visit(mode)
    const popup = await openConsent(page)
    const forged = mode === 'cookie' ? 'connect=ok&bundle=pick&ptb=p.' : 'code=x&iss=x&state=p.'
    const other = await page.context().newPage()
    await other.goto(`${stage.pageAt(mode)}?${forged}${'x'.repeat(43)}`)
    await other.goto(`${stage.pageAt(mode)}?${forged.replace('p.', 'r.')}${'x'.repeat(43)}`)
    await other.waitForFunction('window.broker')
    expect(await getToken(other)).toBe('error login_required')
    await popup.getByRole('button', { name: 'Continue' }).click()
    await outcome(page, 'ok')
  })

  it('forgets a bundle, and disconnects', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    await connect(page, 'upload')
    await page.evaluate(() => broker.disconnect('pick'))
    expect(await getToken(page)).toBe('error consent_required')
    expect(await getToken(page, 'upload')).toMatch(/^ya29\./)
    await page.evaluate(() => broker.disconnect())
    expect(await getToken(page, 'upload')).toBe('error login_required')
  })
})

it('a late answer in a tab that is slow to hear does not bring the old account back (TMB-88)', async () => {
  const { context, page } = await stage.visit('oauth')
  await connect(page)
  const old = await whoIs(page)
  await page.reload()
  await page.waitForFunction('window.broker')
  const slow = await openTab(context, 'oauth', hearLate)
  let goOn = (): void => {}
  const isConnected = new Promise<void>((resolve) => {
    goOn = resolve
  })
  await slow.route(`${stage.url}/token`, async (route) => {
    const response = await route.fetch()
    await isConnected
    await route.fulfill({ response })
  })
  const asked = slow.waitForRequest(`${stage.url}/token`)
  const late = whoIs(slow)
  await asked
  await page.evaluate(() => Object.assign(window, { options: { selectAccount: true } }))
  await connect(page, 'pick', 'Ben Okafor')
  goOn()
  expect(await late).toBe(old)
  const young = await openTab(context, 'oauth')
  for (const tab of [page, young]) expect(await whoIs(tab)).not.toBe(old)
})

it.each([
  { what: 'another state', change: { state: `r.${'x'.repeat(43)}` }, told: [] },
  { what: 'another issuer', change: { iss: 'https://evil.example' }, told: ['invalid_request'] },
])('an answer with $what is not redeemed (RFC 9207 §2.4)', async ({ change, told }) => {
  const { page } = await stage.visit('oauth')
  await page.evaluate(() => Object.assign(window, { open: () => null }))
  await page.getByRole('button', { name: 'Connect' }).click()
  await page.waitForURL((url) => url.origin === stage.simulator)
  const requests: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST') requests.push(request.url())
  })
  await page.goto(stage.pageAt('oauth'))
  const state = await page.evaluate(() => {
    const kept = Object.values(sessionStorage).find((value) => value.startsWith('{'))
    return JSON.parse(kept).state as string
  })
  const answer = { code: 'x', state, iss: stage.url, ...change }
  await page.goto(`${stage.pageAt('oauth')}?${new URLSearchParams(answer)}`)
  await page.waitForFunction('window.broker')
  expect(await getToken(page)).toBe('error login_required')
  expect(await page.evaluate('changes.map(({ error }) => error?.code)')).toEqual(told)
  expect(requests).toEqual([])
})

it('the key of a session cannot leave its browser (RFC 9449 §11.4)', async () => {
  const { page } = await stage.visit('oauth')
  await connect(page)
  const exported = await page.evaluate(async () => {
    const [{ name = '' } = {}] = await indexedDB.databases()
    const database = await new Promise<IDBDatabase>((resolve) => {
      const opening = indexedDB.open(name)
      opening.onsuccess = () => resolve(opening.result)
    })
    const reading = database.transaction('kept').objectStore('kept').get('keys')
    const keys = await new Promise<CryptoKeyPair>((resolve) => {
      reading.onsuccess = () => resolve(reading.result)
    })
    return crypto.subtle.exportKey('jwk', keys.privateKey).then(String, (error) => error.name)
  })
  expect(exported).toBe('InvalidAccessError')
})

/** Runs in the page: every storage and every global, as text. */
async function dumpEverything(): Promise<string> {
  const parts: unknown[] = [
    { ...localStorage },
    { ...sessionStorage },
    location.href,
    document.cookie,
  ]
  parts.push(JSON.stringify(broker), history.state)
  for (const { name = '' } of await indexedDB.databases()) {
    const database = await new Promise<IDBDatabase>((resolve) => {
      const opening = indexedDB.open(name)
      opening.onsuccess = () => resolve(opening.result)
    })
    for (const table of database.objectStoreNames) {
      const reading = database.transaction(table).objectStore(table).getAll()
      parts.push(
        await new Promise((resolve) => (reading.onsuccess = () => resolve(reading.result))),
      )
    }
    database.close()
  }
  for (const name of await caches.keys()) parts.push(name)
  const globals = Object.entries(window).filter(([, value]) => typeof value === 'string')
  return JSON.stringify([parts, globals])
}
