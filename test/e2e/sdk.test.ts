/** The SDK in Chromium, in both modes (TMB-85 to TMB-89). */

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
} from './support/stage.ts'

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

/** Creates a picker session with `broker.fetch`; @returns the status of the answer */
const createPickerSession = (page: Page): Promise<number> =>
  page.evaluate(async () => {
    const url = `${broker.apis.picker}/v1/sessions`
    return (await broker.fetch('pick', url, { method: 'POST' })).status
  })

/** The connected account, as the broker reports it. */
const whoIs = (page: Page): Promise<string> =>
  page.evaluate(async () => (await broker.session()).sub)

/** Opens another tab in the same browser; `script` runs in it before anything else. */
async function openTab(context: BrowserContext, mode: Mode, script?: () => void): Promise<Page> {
  const tab = await context.newPage()
  if (script) await tab.addInitScript(script)
  await tab.goto(stage.pageAt(mode))
  await tab.waitForFunction('window.broker')
  return tab
}

async function reload(page: Page): Promise<void> {
  await page.reload()
  await page.waitForFunction('window.broker')
}

/** Gives the next consent a signal, which `controller` can abort. */
const prepareAbort = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const controller = new AbortController()
    Object.assign(window, { controller, options: { signal: controller.signal } })
  })

/** Lets the next consent ask for the account. */
const prepareAccountChoice = (page: Page): Promise<object> =>
  page.evaluate(() => Object.assign(window, { options: { selectAccount: true } }))

/** Runs in the page: delays messages of other tabs by 400 ms, as in a busy or frozen page. */
function delayMessages(): void {
  const listen = BroadcastChannel.prototype.addEventListener
  BroadcastChannel.prototype.addEventListener = function (
    this: BroadcastChannel,
    type: string,
    listener: (event: Event) => void,
  ) {
    listen.call(this, type, (event: Event) => setTimeout(listener, 400, event))
  } as typeof listen
}

/** Runs in the page: keeps messages of other tabs back until `deliver` is called. */
function holdMessages(): void {
  const delivered = Promise.withResolvers<void>()
  Object.assign(window, { deliver: delivered.resolve })
  const listen = BroadcastChannel.prototype.addEventListener
  BroadcastChannel.prototype.addEventListener = function (
    this: BroadcastChannel,
    type: string,
    listener: (event: Event) => void,
  ) {
    listen.call(this, type, (event: Event) => void delivered.promise.then(() => listener(event)))
  } as typeof listen
}

describe.each(MODES)('in %s mode', (mode) => {
  /** For what does not depend on the mode. */
  const inOneMode = it.runIf(mode === 'cookie')

  it('connects in a popup, and keeps the token in memory only (TMB-85)', async () => {
    const { context, page } = await stage.visit(mode)
    expect(await getToken(page)).toBe('error login_required')
    await connect(page)
    const token = await getToken(page)
    expect(token).toMatch(/^ya29\./)
    expect(await createPickerSession(page)).toBe(200)
    const session = await page.evaluate(() => broker.session())
    expect(session.bundles['pick']?.status).toBe('ready')
    expect(page.url()).toBe(stage.pageAt(mode))

    const stored = await page.evaluate(dumpEverything)
    expect(stored.length).toBeGreaterThan(10)
    expect(stored + JSON.stringify(await context.cookies())).not.toContain(token)
    await reload(page)
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  inOneMode('asks once for two tabs and fifty calls (TMB-89)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    const other = await openTab(context, mode)
    const requests = [watchTokens(page), watchTokens(other)]
    const askFiftyTimes = (tab: Page): Promise<string[]> =>
      tab.evaluate(() => Promise.all(Array.from({ length: 50 }, () => broker.token('pick'))))
    const tokens = await Promise.all([askFiftyTimes(page), askFiftyTimes(other)])
    expect(new Set(tokens.flat()).size).toBe(1)
    const answered = await Promise.all(requests.flat().map(async (one) => one.response()))
    expect(answered.filter((answer) => answer?.status() === 200)).toHaveLength(1)
  })

  it('signs out in every tab at once, also offline, and ends the session later (TMB-64, TMB-88)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    const other = await openTab(context, mode)
    expect(await getToken(other)).toMatch(/^ya29\./)
    const stored = await page.evaluate(dumpEverything)
    expect(stored.includes('refresh_token')).toBe(mode === 'oauth')
    await context.setOffline(true)
    await page.evaluate(() => broker.signOut())
    for (const tab of [page, other]) expect(await getToken(tab)).toBe('error login_required')
    const ending = page.waitForResponse((response) => {
      const { pathname } = new URL(response.url())
      const isEnd = ['DELETE', 'POST'].includes(response.request().method())
      return isEnd && ['/session', '/revoke'].includes(pathname)
    })
    await context.setOffline(false)
    expect((await ending).ok()).toBe(true)
    await expect.poll(() => page.evaluate(dumpEverything)).not.toContain('refresh_token')
    await reload(other)
    expect(await getToken(other)).toBe('error login_required')
  })

  it('navigates to Google where popups are blocked, and returns to the same URL', async () => {
    const { page } = await stage.visit(mode, '?tab=2#photos')
    await page.evaluate(() => Object.assign(window, { open: () => null }))
    await page.getByRole('button', { name: 'Connect' }).click()
    await page.getByRole('button', { name: 'Ada Brook' }).click()
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.waitForURL(`${stage.pageAt(mode)}?tab=2#photos`)
    await page.waitForFunction('window.broker')
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  inOneMode(
    'rejects on a closed popup, a denial, an unticked box, and an aborted signal',
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
      await prepareAbort(page)
      const aborted = await openConsent(page)
      const closed = aborted.waitForEvent('close')
      await page.evaluate('controller.abort()')
      await closed
      await outcome(page, 'AbortError.*|20')
    },
  )

  inOneMode('receives the outcome of a popup that an opener policy has cut off', async () => {
    const { context, page } = await stage.visit(mode)
    await stage.control('__settings', { opener_policy: 'same-origin' })
    await page.evaluate(() => {
      // The popup has the focus.
      const focus = { checks: 0 }
      Object.assign(document, { hasFocus: () => focus.checks++ < 0 })
      Object.assign(window, { focus })
    })
    const popup = await openConsent(page)
    await page.waitForFunction('focus.checks > 2') // to the page, the popup looks closed
    await context.clock.install()
    await context.clock.pauseAt(Date.now() + 60_000) // so no timer closes the popup
    const closed = popup.waitForEvent('close')
    await popup.getByRole('button', { name: 'Continue' }).click()
    await outcome(page, 'ok')
    await closed
    await context.clock.resume()
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  inOneMode('closes a popup after five seconds when its page is gone', async () => {
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

  inOneMode('connects when the user continues in a popup that was cut off', async () => {
    const { page } = await stage.visit(mode)
    await stage.control('__settings', { opener_policy: 'same-origin' })
    await page.evaluate(() => Object.assign(document, { hasFocus: () => true }))
    const popup = await openConsent(page)
    await outcome(page, 'popup_closed')
    await popup.getByRole('button', { name: 'Continue' }).click()
    await page.waitForFunction('changes.some(({ type }) => type === "connected")')
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  inOneMode('receives the outcome in a busy page', async () => {
    const { context } = await stage.visit(mode)
    const busy = await openTab(context, mode, delayMessages)
    await connect(busy)
    expect(await getToken(busy)).toMatch(/^ya29\./)
  })

  inOneMode('fetches one other token when Google refuses one, and no more (TMB-89)', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    for (const [times, status] of [
      [1, 200],
      [100, 401],
    ] as const) {
      const before = await getToken(page)
      await stage.control('__faults', { at: 'api', times, do: { status: 401 } })
      const requests = watchTokens(page)
      expect(await createPickerSession(page)).toBe(status)
      const answered = await Promise.all(requests.map(async (one) => one.response()))
      expect(answered.filter((answer) => answer?.status() === 200)).toHaveLength(1)
      expect(await getToken(page)).not.toBe(before)
    }
  })

  inOneMode('sends no token to any other address (TMB-86)', async () => {
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

  inOneMode('reports a broker that is down, and waits for one that is busy (TMB-89)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    await reload(page)
    await context.setOffline(true)
    expect(await getToken(page)).toBe('error temporarily_unavailable')
    await context.setOffline(false)
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

  inOneMode('works with a clock that is two hours off', async () => {
    const { context, page } = await stage.visit(mode)
    await context.addInitScript(() => {
      const real = Date.now
      Date.now = () => real() + 2 * 60 * 60 * 1000
    })
    await reload(page)
    await connect(page)
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  it('uses the account that connected last, in every tab (TMB-88)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page, 'upload')
    const other = await openTab(context, mode)
    const [old, oldToken] = [await whoIs(other), await getToken(other, 'upload')]
    if (mode === 'cookie') await page.evaluate(() => broker.signOut())
    await prepareAccountChoice(page)
    await connect(page, 'pick', 'Ben Okafor')
    expect(await getToken(other)).toMatch(/^ya29\./)
    expect(await getToken(other, 'upload')).not.toBe(oldToken)
    expect(await whoIs(page)).not.toBe(old)
    expect(await whoIs(other)).toBe(await whoIs(page))
  })

  inOneMode('drops a token that arrives after a sign-out (TMB-88)', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    const [path, ending] = ['/session/token', '/session']
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

  inOneMode('asks nothing after a sign-out that has not reached the broker (TMB-88)', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    await page.route(`${stage.url}/session`, async (route) => {
      await (route.request().method() === 'DELETE' ? route.abort() : route.continue())
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

  inOneMode('takes no token from a tab that has not received the sign-out (TMB-88)', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    const slow = await openTab(context, mode, delayMessages)
    expect(await getToken(slow)).toMatch(/^ya29\./)
    await reload(page)
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

  inOneMode('reports a sign-out once, also to a page that asks at each change', async () => {
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
  })

  it('ignores an outcome that it did not wait for (TMB-87)', async () => {
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

  inOneMode('forgets a bundle, and disconnects', async () => {
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

it('a late answer in a slow tab does not bring the old account back (TMB-88)', async () => {
  const { context, page } = await stage.visit('oauth')
  await connect(page)
  const old = await whoIs(page)
  await reload(page)
  const slow = await openTab(context, 'oauth', holdMessages)
  const connected = Promise.withResolvers<void>()
  await slow.route(`${stage.url}/token`, async (route) => {
    const response = await route.fetch()
    await connected.promise
    await route.fulfill({ response })
  })
  const asked = slow.waitForRequest(`${stage.url}/token`)
  const late = whoIs(slow)
  await asked
  await prepareAccountChoice(page)
  await connect(page, 'pick', 'Ben Okafor')
  connected.resolve()
  expect(await late).toBe(old)
  await slow.evaluate('deliver()')
  const young = await openTab(context, 'oauth')
  for (const tab of [page, young]) expect(await whoIs(tab)).not.toBe(old)
})

it.each([
  { what: 'another state', change: { state: `r.${'x'.repeat(43)}` }, errors: [] },
  { what: 'another issuer', change: { iss: 'https://evil.example' }, errors: ['invalid_request'] },
])('an answer with $what is not redeemed (RFC 9207 §2.4)', async ({ change, errors }) => {
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
  expect(await page.evaluate('changes.map(({ error }) => error?.code)')).toEqual(errors)
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

/** Runs in the page: every storage, with its keys, and every global, as text. */
async function dumpEverything(): Promise<string> {
  const done = <T>(request: IDBRequest<T>): Promise<T> =>
    new Promise((resolve) => {
      request.onsuccess = () => resolve(request.result)
    })
  const parts: unknown[] = [{ ...localStorage }, { ...sessionStorage }, location.href]
  parts.push(document.cookie, JSON.stringify(broker), history.state, ...(await caches.keys()))
  for (const { name = '' } of await indexedDB.databases()) {
    const database = await done(indexedDB.open(name))
    for (const table of database.objectStoreNames) {
      const store = database.transaction(table).objectStore(table)
      parts.push(await done(store.getAllKeys()), await done(store.getAll()))
    }
    database.close()
  }
  const globals = Object.entries(window).filter(([, value]) => typeof value === 'string')
  return JSON.stringify([parts, globals])
}
