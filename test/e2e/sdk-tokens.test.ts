/** The tokens of the SDK in Chromium: asked for once, sent to Google only, gone with the session (TMB-64, TMB-86 to 89). */

import type { Page, Route } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import { BEN } from './support/chromium.ts'
import {
  createPickerSession,
  dumpEverything,
  getToken,
  holdMessages,
  openTab,
  prepareAccountChoice,
  reload,
  watchTokens,
  whoIs,
} from './support/sdk-page.ts'
import { connect, MODES, stage, useStage } from './support/stage.ts'

declare const broker: Broker

useStage()

describe.each(MODES)('in %s mode', (mode) => {
  /** For what does not depend on the mode. */
  const inOneMode = it.runIf(mode === 'cookie')

  inOneMode('asks once for two tabs and fifty calls (TMB-89)', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    const other = await openTab(page)
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
    const other = await openTab(page)
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

  inOneMode('fetches one other token when Google refuses one, and no more (TMB-89)', async () => {
    const { page } = await stage.visit(mode)
    await connect(page, 'pick', BEN) // other tests force Ada's refreshes, of which a minute has six
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
          targets.map((target) => broker.fetch('pick', target).then(String, ({ code }) => code)),
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
    expect(new Set(refused)).toEqual(new Set(['invalid_request']))
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

  it('uses the account that connected last, in every tab (TMB-88)', async () => {
    const { page } = await stage.visit(mode)
    await connect(page, 'upload')
    const other = await openTab(page)
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
    const { page } = await stage.visit(mode)
    await connect(page)
    const slow = await openTab(page, holdMessages)
    expect(await getToken(slow)).toMatch(/^ya29\./)
    await reload(page)
    const third = await openTab(page)
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
    await slow.evaluate('deliver()')
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
})

it('a late answer in a slow tab does not bring the old account back (TMB-88)', async () => {
  const { page } = await stage.visit('oauth')
  await connect(page)
  const old = await whoIs(page)
  await reload(page)
  const slow = await openTab(page, holdMessages)
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
  expect(await late).not.toBe(old) // the session of the other account is over
  await slow.evaluate('deliver()')
  const young = await openTab(page)
  for (const tab of [page, young]) expect(await whoIs(tab)).not.toBe(old)
})
