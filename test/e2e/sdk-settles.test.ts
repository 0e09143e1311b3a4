/** The SDK in Chromium where something fails or hangs: each promise settles, and each error is a BrokerError with words. */

import type { Page, Route } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import { openOwn } from './support/documented-pages.ts'
import { createPickerSession, getToken, openTab, reload } from './support/sdk-page.ts'
import { connect, MODES, openConsent, outcome, stage, useStage } from './support/stage.ts'

declare const broker: Broker

useStage()

/** Calls each method; @returns `code: message` of each error, or what it resolved with if that is no BrokerError */
const callAll = (page: Page): Promise<string[]> =>
  page.evaluate(() => {
    const { BrokerError } = window as unknown as { BrokerError: new () => Error }
    const works = [
      broker.token('pick'),
      broker.session(),
      broker.media('pick', ['https://lh3.googleusercontent.com/x=w1']),
      broker.disconnect('pick'),
      broker.apis().then(({ picker }) => broker.fetch('pick', `${picker}/v1/sessions/x`)),
    ]
    return Promise.all(
      works.map((work) =>
        work.then(String, (error) =>
          error instanceof BrokerError
            ? `${(error as { code?: string }).code}: ${error.message}`
            : `not a BrokerError: ${String(error)}`,
        ),
      ),
    )
  })

const TRY_AGAIN =
  'temporarily_unavailable: That did not work just now. Nothing was lost. Please try again in a moment.'
const NO_STORAGE =
  'storage_unavailable: Your browser does not let this page store anything. Allow site data for it, and try again.'

const cors = (page: Page): Record<string, string> => ({
  'Access-Control-Allow-Origin': new URL(page.url()).origin,
  'Access-Control-Allow-Credentials': 'true',
  'Access-Control-Allow-Headers': 'authorization, content-type, dpop, x-requested-with',
  'Access-Control-Allow-Methods': 'GET, POST, DELETE',
})

describe.each(MODES)('in %s mode', (mode) => {
  it.each([
    { what: 'the page of a captive portal', body: '<html>Welcome to the hotel</html>' },
    { what: 'an empty object', body: '{}' },
    { what: 'JSON that is no object', body: 'null' },
  ])('$what in place of an answer is told as an outage', async ({ body }) => {
    const { page } = await stage.visit(mode)
    await connect(page)
    await reload(page)
    await page.route(/\/(token|session|media|grants)(\/pick)?(\?.*)?$/, (route) =>
      route.fulfill({ status: 200, headers: cors(page), body }),
    )
    expect(new Set(await callAll(page))).toEqual(new Set([TRY_AGAIN]))
  })

  it('no network is told as an outage, by every method', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    await reload(page)
    await context.setOffline(true)
    expect(new Set(await callAll(page))).toEqual(new Set([TRY_AGAIN]))
  })

  it('a request to Google that is lost or hangs is told as an outage', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    const sessions = (url: URL): boolean => url.pathname.endsWith('/v1/sessions')
    await page.route(sessions, (route) => route.abort())
    const create = (): Promise<string> =>
      createPickerSession(page).then(String, (error: Error) => error.message)
    expect(await create()).toContain('BrokerError: That did not work just now')
    await page.unroute(sessions)
    await page.route(sessions, () => {})
    await context.clock.install()
    const asked = page.waitForRequest((request) => sessions(new URL(request.url())))
    const hanging = create()
    await asked
    await context.clock.runFor(30_000)
    expect(await hanging).toContain('BrokerError: That did not work just now')
  })

  it('a request that hangs holds up no other tab, and ends after half a minute', async () => {
    const { context, page } = await stage.visit(mode)
    await connect(page)
    await reload(page)
    const other = await openTab(page)
    await context.clock.install()
    const hang = async (route: Route): Promise<void> => {
      if (route.request().method() === 'OPTIONS') await route.continue()
    }
    await page.route(/\/token$/, hang)
    const asked = page.waitForRequest((request) => /\/token$/.test(request.url()))
    const hanging = getToken(page)
    await asked
    const free = getToken(other)
    await other.waitForFunction(async () => (await navigator.locks.query()).pending?.length === 1)
    await other.clock.runFor(5000)
    expect(await free).toMatch(/^ya29\./)
    await page.clock.runFor(30_000)
    expect(await hanging).toBe('error temporarily_unavailable')
  })

  it('works without localStorage and BroadcastChannel', async () => {
    const { context, page } = await stage.visit(mode)
    await context.addInitScript(() => {
      const blocked = (): never => {
        throw new DOMException('Access is denied for this document.', 'SecurityError')
      }
      for (const name of ['localStorage', 'sessionStorage'])
        Object.defineProperty(window, name, { get: blocked })
      Object.assign(window, { BroadcastChannel: blocked })
    })
    await reload(page)
    await connect(page)
    expect(await getToken(page)).toMatch(/^ya29\./)
    await page.evaluate(() => broker.signOut())
    expect(await getToken(page)).toBe('error login_required')
  })
})

it('a caller that stops waiting frees nobody else, and the others get the token', async () => {
  const { page } = await stage.visit('cookie')
  await connect(page)
  await reload(page)
  const answered = Promise.withResolvers<void>()
  await page.route(/\/token$/, async (route) => {
    if (route.request().method() === 'POST') await answered.promise
    await route.continue()
  })
  const outcomes = page.evaluate(async () => {
    const controller = new AbortController()
    const works = [broker.token('pick', { signal: controller.signal }), broker.token('pick')]
    controller.abort()
    return Promise.all(works.map((work) => work.catch(({ name }) => name)))
  })
  answered.resolve()
  expect(await outcomes).toEqual(['AbortError', expect.stringMatching(/^ya29\./)])
})

describe('storage of OAuth mode that', () => {
  it.each([
    {
      what: 'is missing',
      script: () => Object.defineProperty(window, 'indexedDB', { value: undefined }),
    },
    {
      what: 'is blocked',
      script: () =>
        Object.defineProperty(window, 'indexedDB', {
          get() {
            throw new DOMException('denied', 'SecurityError')
          },
        }),
    },
    {
      what: 'fails',
      script: () => {
        IDBFactory.prototype.open = () => {
          const request = new EventTarget() as IDBOpenDBRequest
          queueMicrotask(() => request.onerror?.(new Event('error')))
          return request
        }
      },
    },
  ])('$what is told to the user', async ({ script }) => {
    const { context, page } = await stage.visit('oauth')
    await context.addInitScript(script)
    await reload(page)
    const [token, session] = await callAll(page)
    expect([token, session]).toEqual([NO_STORAGE, NO_STORAGE])
    const [popup] = await Promise.all([
      page.waitForEvent('popup'),
      page.getByRole('button', { name: 'Connect' }).click(),
    ])
    await outcome(page, 'storage_unavailable')
    expect(popup.isClosed()).toBe(true)
  })

  it('hangs is given up after five seconds', async () => {
    const { context, page } = await stage.visit('oauth')
    await context.addInitScript(() => {
      IDBFactory.prototype.open = () => {
        Object.assign(window, { opened: true })
        return new EventTarget() as IDBOpenDBRequest
      }
    })
    await reload(page)
    await context.clock.install()
    const token = getToken(page)
    await page.waitForFunction('window.opened')
    await context.clock.runFor(5000)
    expect(await token).toBe('error storage_unavailable')
  })

  it('refuses the key is told to the user', async () => {
    const { context, page } = await stage.visit('oauth')
    await context.addInitScript(() => {
      const put = IDBObjectStore.prototype.put
      IDBObjectStore.prototype.put = function (this: IDBObjectStore, value, key) {
        if (key === 'keys') throw new DOMException('could not be cloned', 'DataCloneError')
        return put.call(this, value, key)
      }
    })
    await reload(page)
    await page.getByRole('button', { name: 'Connect' }).click()
    await outcome(page, 'storage_unavailable')
  })
})

it('a captive portal at the end of a consent is told as an outage', async () => {
  const { page } = await stage.visit('oauth')
  const popup = await openConsent(page)
  await page.route(`${stage.url}/token`, (route) =>
    route.fulfill({ status: 200, headers: cors(page), body: '{}' }),
  )
  await popup.getByRole('button', { name: 'Continue' }).click()
  await outcome(page, 'temporarily_unavailable')
})

it('a page that asks who is connected shows no error in the console', async () => {
  const { page } = await stage.visit('cookie')
  const complaints: string[] = []
  page.on('console', (message) => complaints.push(message.text()))
  expect(await page.evaluate(() => broker.session().catch(({ code }) => code))).toBe(
    'login_required',
  )
  expect(complaints).toEqual([])
})

describe('in a page of its own', () => {
  it('a caller that is gone already leaves no rejection behind', async () => {
    const { page } = await stage.visit('cookie')
    const found = await page.evaluate(async () => {
      const unhandled: string[] = []
      addEventListener('unhandledrejection', ({ reason }) => unhandled.push(String(reason)))
      const gone = AbortSignal.abort('gone')
      const reason = await broker.token('pick', { signal: gone }).catch(String)
      await broker.session().catch(() => {}) // by then the other has settled too
      return { reason, unhandled }
    })
    expect(found).toEqual({ reason: 'gone', unhandled: [] })
  })

  it('a caller stops waiting for a sign-out that hangs', async () => {
    const { page } = await stage.visit('cookie')
    await connect(page)
    let tries = 0
    await page.route(/\/session$/, (route) => (tries++ === 0 ? route.abort() : undefined))
    await page.evaluate(() => broker.signOut())
    const asked = page.waitForRequest(/\/session$/)
    await reload(page)
    await asked
    const reason = await page.evaluate(() => {
      const stop = new AbortController()
      const token = broker.token('pick', { signal: stop.signal }).catch(String)
      stop.abort('stopped')
      return token
    })
    expect(reason).toBe('stopped')
  })

  it('a sign-out that the broker did not take is not sent again after the next consent', async () => {
    const { page } = await stage.visit('cookie')
    await connect(page)
    let sent = 0
    const expose = { 'Access-Control-Expose-Headers': 'Retry-After', 'Retry-After': '1' }
    const busy = { status: 503, headers: { ...cors(page), ...expose } }
    await page.route(/\/session$/, async (route) => {
      if (route.request().method() !== 'DELETE') return route.continue()
      sent++
      await route.fulfill({ ...busy, body: '{"error":"temporarily_unavailable"}' })
    })
    await page.clock.install()
    await page.clock.pauseAt(Date.now() + 60_000)
    const first = page.waitForResponse((answer) => answer.status() === 503)
    await page.evaluate(() => void broker.signOut())
    await first
    await page.getByRole('button', { name: 'Connect' }).click() // nobody is asked: it was allowed before
    await outcome(page, 'ok')
    const before = sent
    await page.clock.runFor(10_000)
    expect(await getToken(page)).toMatch(/^ya29\./)
    expect(sent).toBe(before)
  })

  it('a page does not leave for a consent whose caller is gone', async () => {
    const { page } = await stage.visit('oauth')
    const reason = await page.evaluate(() => {
      window.open = () => null
      const stop = new AbortController()
      const connecting = broker.connect('pick', { signal: stop.signal }).catch(String)
      stop.abort('gone')
      return connecting
    })
    expect(reason).toBe('gone')
    expect(await page.evaluate('localStorage.length')).toBe(0) // nothing is under way
  })

  it('a caller stops waiting while the code is redeemed', async () => {
    const { page } = await stage.visit('oauth')
    await page.evaluate(() => {
      const stop = new AbortController()
      Object.assign(window, { stop, options: { signal: stop.signal } })
    })
    await page.route(/\/token$/, (route) =>
      route.request().method() === 'OPTIONS' ? route.continue() : undefined,
    )
    const popup = await openConsent(page)
    const asked = page.waitForRequest(/\/token$/)
    await popup.getByRole('button', { name: 'Continue' }).click()
    await asked
    await page.evaluate('stop.abort("stopped")')
    await outcome(page, 'stopped')
  })

  it('a caller that joins another gets a token that lives as long as it asked', async () => {
    const { page } = await stage.visit('cookie')
    await connect(page)
    await reload(page)
    const asked: unknown[] = []
    await page.route(/\/session\/token$/, (route) => {
      const { min_ttl } = route.request().postDataJSON()
      asked.push(min_ttl)
      const body = { access_token: `token-${min_ttl}`, expires_in: (min_ttl ?? 0) + 310 }
      return route.fulfill({ json: body, headers: cors(page) })
    })
    const tokens = await page.evaluate(() =>
      Promise.all([
        broker.token('pick', { minTtl: 0 }),
        broker.token('pick', { minTtl: 1800 }),
        broker.token('pick', { minTtl: 0 }),
      ]),
    )
    expect(tokens).toEqual(['token-0', 'token-1800', 'token-0'])
    expect(asked).toEqual([0, 1800])
  })

  it('a listener that throws silences no other', async () => {
    const { page } = await stage.visit('cookie')
    await connect(page)
    const heard = await page.evaluate(async () => {
      const types: string[] = []
      addEventListener('error', ({ error }) => types.push(String(error.message)))
      broker.on('change', () => {
        throw new Error('of the page')
      })
      broker.on('change', ({ type }) => types.push(type))
      await broker.signOut()
      return types
    })
    expect(heard).toEqual(['of the page', 'signed-out'])
  })

  it('works where locks are denied', async () => {
    const { context, page } = await stage.visit('cookie')
    await connect(page)
    await context.addInitScript(() => {
      LockManager.prototype.request = () =>
        Promise.reject(new DOMException('Access is denied.', 'SecurityError'))
    })
    await reload(page)
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  it.each([
    {
      what: 'an address that is none',
      call: "broker.fetch('pick', 'https://')",
      code: 'invalid_request',
    },
    { what: 'a bundle without a name', call: "broker.disconnect('')", code: 'invalid_request' },
    { what: 'a name that is a path', call: "broker.disconnect('a/b')", code: 'invalid_scope' },
  ])('$what is $code, and ends nothing', async ({ call, code }) => {
    const { page } = await stage.visit('cookie')
    await connect(page)
    const error = await page.evaluate(`${call}.catch(({ name, code }) => name + ' ' + code)`)
    expect(error).toBe(`BrokerError ${code}`)
    expect(await page.evaluate(() => broker.session())).toMatchObject({ sub: expect.any(String) })
  })

  it('an error says whether it passes', async () => {
    const { page } = await stage.visit('cookie')
    const passes = (): Promise<unknown> =>
      page.evaluate("broker.token('pick').catch(({ code, isPassing }) => [code, isPassing])")
    expect(await passes()).toEqual(['login_required', false])
    await page.context().setOffline(true)
    expect(await passes()).toEqual(['temporarily_unavailable', true])
  })
})

it('a refusal at redirectUri is told to the page where the consent began', async () => {
  const home = stage.pageAt('oauth')
  const page = await openOwn(
    stage,
    `<!doctype html><title>Mine</title><button onclick="broker.connect('pick')">Go</button>
    <output></output><script type="module">
      import { createBroker } from '${stage.url}/client.js'
      window.open = () => null
      window.broker = createBroker({ url: '${stage.url}', client: 'elsewhere', redirectUri: '${home}' })
      broker.on('change', ({ type, error }) => {
        document.querySelector('output').append(type + ' ' + error?.code)
      })
    </script>`,
  )
  await page.getByRole('button', { name: 'Go' }).click()
  await page.getByRole('link', { name: 'Not now' }).press('Enter')
  await page.getByText('failed access_denied').waitFor()
  expect(page.url()).toBe(`${home}own`)
  await page.reload()
  await page.waitForFunction('window.broker')
  expect(await page.locator('output').textContent()).toBe('') // once
})
