/** The windows of the SDK in Chromium: reloaded, framed, cut off, restored, or left; each consent ends somewhere. */

import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import { ADA, chooseAccount } from './support/chromium.ts'
import { getToken, holdMessages, openTab } from './support/sdk-page.ts'
import { connect, MODES, openConsent, outcome, stage, useStage } from './support/stage.ts'

declare const broker: Broker

useStage()

const blockPopups = (page: Page): Promise<object> =>
  page.evaluate(() => Object.assign(window, { open: () => null }))

/** The page is restored from the back/forward cache, which Chromium does not use under a debugger. */
const restore = (page: Page): Promise<unknown> =>
  page.evaluate(() => dispatchEvent(new PageTransitionEvent('pageshow', { persisted: true })))

/** Types of the changes that the page has heard of. */
const changes = (page: Page): Promise<unknown> => page.evaluate('changes.map(({ type }) => type)')

/** A page whose listener comes as late as one of React's `useEffect`. */
const LATE_LISTENER = `<!doctype html><title>Late</title><button>Connect</button><output></output>
<script type="module">
  import { createBroker } from 'BROKER/client.js'
  const broker = createBroker({ url: 'BROKER', client: 'CLIENT' })
  document.querySelector('button').onclick = () => broker.connect('pick')
  setTimeout(() => broker.on('change', ({ type, error }) => {
    document.querySelector('output').append(type + ' ' + error?.code + ';')
  }))
</script>`

describe.each(MODES)('in %s mode', (mode) => {
  /** For what does not depend on the mode. */
  const inOneMode = it.runIf(mode === 'oauth')

  it('a listener that comes late hears once what came of a redirect', async () => {
    const client = mode === 'cookie' ? 'demo' : 'elsewhere'
    stage.serve(
      '/own',
      'text/html',
      LATE_LISTENER.replaceAll('BROKER', stage.url).replace('CLIENT', client),
    )
    const { page } = await stage.visit(mode)
    await page.goto(`${stage.pageAt(mode)}own`)
    await blockPopups(page)
    await page.getByRole('button').click()
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.locator('output', { hasText: 'failed' }).waitFor()
    expect(await page.locator('output').textContent()).toBe('failed access_denied;')
  })

  it('the popup finishes a consent whose page was reloaded, and the page hears of it', async () => {
    const { context, page } = await stage.visit(mode)
    const popup = await openConsent(page)
    await page.reload()
    await page.waitForFunction('window.broker')
    expect(await getToken(page)).toBe('error login_required')
    await context.clock.install()
    const closed = popup.waitForEvent('close')
    await popup.getByRole('button', { name: 'Continue' }).click()
    await popup.waitForURL(stage.pageAt(mode))
    await context.clock.runFor(5000) // nobody has confirmed the outcome
    await closed
    await page.waitForFunction('changes.some(({ type }) => type === "connected")')
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  it('a page restored from the back/forward cache has no token of a session that has ended', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    const frozen = await openTab(page, holdMessages) // it hears nothing of the sign-out
    expect(await getToken(frozen)).toMatch(/^ya29\./)
    await page.evaluate(() => broker.signOut())
    expect(await getToken(frozen)).toMatch(/^ya29\./)
    await restore(frozen)
    expect(await getToken(frozen)).toBe('error login_required')
    await expect.poll(() => changes(frozen)).toContain('signed-out')
  })

  inOneMode('connect() settles when its page comes back from Google by Back', async () => {
    const { page } = await stage.visit(mode)
    await blockPopups(page)
    const answer = { status: 204 } // the page stays, as one that is restored has
    await page.route(/\/authorize/, (route) => route.fulfill(answer))
    const asked = page.waitForRequest(/\/authorize/)
    await page.getByRole('button', { name: 'Connect' }).click()
    await asked
    await restore(page)
    await outcome(page, 'popup_closed')
  })

  inOneMode('connect() settles after half a minute when the page does not leave', async () => {
    const { context, page } = await stage.visit(mode)
    await context.clock.install()
    await blockPopups(page)
    await page.route(/\/authorize/, (route) => route.fulfill({ status: 204 }))
    const asked = page.waitForRequest(/\/authorize/)
    await page.getByRole('button', { name: 'Connect' }).click()
    await asked
    await context.clock.runFor(30_000)
    await outcome(page, 'popup_closed')
  })

  inOneMode('goes to Google itself when a blocker hands back a closed window', async () => {
    const { page } = await stage.visit(mode)
    await page.evaluate(() => Object.assign(window, { open: () => ({ closed: true }) }))
    await page.getByRole('button', { name: 'Connect' }).click()
    await page.getByRole('link', { name: 'Continue' }).waitFor()
    expect(new URL(page.url()).origin).toBe(stage.url)
  })

  inOneMode('a page in a frame on another site hears of its popup', async () => {
    const { context } = await stage.visit(mode)
    stage.serve(
      '/own/frame',
      'text/html',
      `<!doctype html><iframe src="${stage.pageAt('oauth')}"></iframe>`,
    )
    const page = await context.newPage()
    await page.goto(`${stage.pageAt('cookie')}own/frame`)
    const frame = page.frameLocator('iframe')
    const [popup] = await Promise.all([
      page.waitForEvent('popup'),
      frame.getByRole('button', { name: 'Connect' }).click(),
    ])
    await chooseAccount(popup, ADA)
    await popup.getByRole('button', { name: 'Continue' }).click()
    await frame.locator('#outcome', { hasText: /^ok$/ }).waitFor()
    expect(popup.isClosed()).toBe(true)
  })

  inOneMode.each(['same-origin', 'unsafe-none'])(
    'a popup goes on to its next address, with the opener policy %s',
    async (opener_policy) => {
      const { page } = await stage.visit(mode)
      await stage.control('__settings', { opener_policy })
      const next = `${stage.simulator}/__state`
      await page.evaluate(
        (url) => Object.assign(window, { options: { next: async () => url } }),
        next,
      )
      const popup = await openConsent(page)
      await popup.getByRole('button', { name: 'Continue' }).click()
      await outcome(page, 'ok')
      await popup.waitForURL(next)
      expect(await getToken(page)).toMatch(/^ya29\./)
    },
  )

  inOneMode('redeems the code again when the network was lost', async () => {
    const { context, page } = await stage.visit(mode)
    const popup = await openConsent(page)
    let lost = 0
    await page.route(`${stage.url}/token`, (route) =>
      lost++ < 3 ? route.abort() : route.continue(),
    )
    await context.clock.install()
    await popup.getByRole('button', { name: 'Continue' }).click()
    for (let tries = 1; tries <= 3; tries++) {
      await expect.poll(() => lost).toBe(tries)
      await context.clock.runFor(2000)
    }
    await outcome(page, 'ok')
    expect(await getToken(page)).toMatch(/^ya29\./)
  })

  inOneMode(
    'remembers five abandoned consents at most, and none for over ten minutes',
    async () => {
      const { context, page } = await stage.visit(mode)
      const remembered = (): Promise<unknown> =>
        page.evaluate(() =>
          Object.entries(localStorage).flatMap(([name, value]) =>
            name.endsWith(' pending') ? JSON.parse(value) : [],
          ),
        )
      const abandon = async (): Promise<void> => {
        await page.evaluate(() => {
          const controller = new AbortController()
          Object.assign(window, { controller, options: { signal: controller.signal } })
        })
        const [popup] = await Promise.all([
          page.waitForEvent('popup'),
          page.getByRole('button', { name: 'Connect' }).click(),
        ])
        await popup.waitForURL(/authorize/)
        const closed = popup.waitForEvent('close')
        await page.evaluate('controller.abort()')
        await closed
      }
      for (let times = 0; times < 6; times++) await abandon()
      expect(await remembered()).toHaveLength(5)
      await context.clock.install()
      await context.clock.fastForward(601_000)
      await abandon()
      expect(await remembered()).toHaveLength(1)
    },
  )
})
