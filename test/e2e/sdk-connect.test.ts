/** The SDK in Chromium: connecting in a popup or without one, and disconnecting (TMB-85, TMB-87). */

import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import { ADA, chooseAccount } from './support/chromium.ts'
import {
  createPickerSession,
  dumpEverything,
  getToken,
  holdMessages,
  openTab,
  reload,
} from './support/sdk-page.ts'
import { connect, MODES, openConsent, outcome, stage, useStage } from './support/stage.ts'

declare const broker: Broker

useStage()

/** Gives the next consent a signal, which `controller` can abort. */
const prepareAbort = (page: Page): Promise<void> =>
  page.evaluate(() => {
    const controller = new AbortController()
    Object.assign(window, { controller, options: { signal: controller.signal } })
  })

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

  it('navigates to Google where popups are blocked, and returns to the same URL', async () => {
    const { page } = await stage.visit(mode, '?tab=2#photos')
    await page.evaluate(() => Object.assign(window, { open: () => null }))
    await page.getByRole('button', { name: 'Connect' }).click()
    await chooseAccount(page, ADA)
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
    const { context, page } = await stage.visit(mode)
    const busy = await openTab(page, holdMessages)
    const popup = await openConsent(busy)
    await context.clock.install()
    await context.clock.pauseAt(Date.now() + 60_000) // so the popup stays, however slow this machine is
    await popup.getByRole('button', { name: 'Continue' }).click()
    await popup.waitForURL(stage.pageAt(mode))
    for (let second = 0; second < 3; second++) await context.clock.runFor(1000)
    expect(popup.isClosed()).toBe(false) // or the page would take it for closed by the user
    await busy.evaluate('deliver()')
    await outcome(busy, 'ok')
    expect(await getToken(busy)).toMatch(/^ya29\./)
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

it.each([
  { what: 'another state', change: { state: `r.${'x'.repeat(43)}` }, errors: [] },
  { what: 'another issuer', change: { iss: 'https://evil.example' }, errors: ['invalid_request'] },
])('an answer with $what is not redeemed (RFC 9207 §2.4)', async ({ change, errors }) => {
  const { page } = await stage.visit('oauth')
  await page.evaluate(() => Object.assign(window, { open: () => null }))
  await page.getByRole('button', { name: 'Connect' }).click()
  await page.getByRole('link', { name: 'Continue' }).click()
  await page.waitForURL((url) => url.origin === stage.simulator)
  const requests: string[] = []
  page.on('request', (request) => {
    if (request.method() === 'POST') requests.push(request.url())
  })
  await page.goto(stage.pageAt('oauth'))
  const state = await page.evaluate(() => {
    const kept = Object.values(localStorage).find((value) => value.startsWith('[{'))
    return JSON.parse(kept)[0].state as string
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

it('a token that this tab did not ask for is not taken from another page of the origin', async () => {
  const { page } = await stage.visit('oauth')
  await connect(page)
  const held = await getToken(page)
  const forged = await page.evaluate(async () => {
    const [{ name = '' } = {}] = await indexedDB.databases()
    const held = {
      access_token: 'forged',
      ends_at: Date.now() + 3_600_000,
      asked_at: Date.now() + 1000,
    }
    const arrived = new Promise((resolve) => {
      new BroadcastChannel(name).onmessage = resolve // made after that of the SDK, so it is told after it
    })
    new BroadcastChannel(name).postMessage({ kind: 'token', bundle: 'pick', held })
    await arrived
    return broker.token('pick')
  })
  expect(forged).toBe(held)
})
