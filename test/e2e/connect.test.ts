/** This file is cookie mode without the SDK, as a link and a fetch: what comes back, in a real browser. */

import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { ADA, BEN, chooseAccount, connect, isReady, says } from './support/chromium.ts'
import { type Demo, startDemo } from './support/demo.ts'

let demo: Demo
let context: BrowserContext
let page: Page

beforeAll(async () => {
  demo = await startDemo()
})

afterAll(() => demo?.close())

beforeEach(async () => {
  ;({ context, page } = await demo.visit('cookie'))
})

afterEach(() => demo.leave(page))

/** Goes to Google by a link of its own, up to the consent page. */
async function follow(tab: Page, bundle: string, name: string, more = ''): Promise<void> {
  await tab.goto(`${demo.url}/connect?bundle=${bundle}&return_to=/${more}`)
  await chooseAccount(tab, name)
}

describe('a link to /connect', () => {
  it('comes back with what came of it in the query, and a session', async () => {
    await follow(page, 'pick', ADA)
    await page.getByRole('button', { name: 'Continue' }).click()
    await isReady(page, 'pick')
    expect(page.url()).toBe(`${demo.url}/?connect=ok&bundle=pick`)
  })

  it('refuses another account than the one that is connected', async () => {
    await connect(page, 'pick', ADA)
    await follow(page, 'upload', BEN, '&prompt=select_account')
    await page.getByRole('button', { name: 'Continue' }).click()
    await page.waitForURL(`${demo.url}/?connect=error&bundle=upload&error=account_mismatch`)
    await says(page, '#account', '110248495921238986420')
  })

  it('works in two tabs of which neither has a session yet', async () => {
    const other = await context.newPage()
    await follow(page, 'pick', ADA)
    await follow(other, 'upload', ADA)
    for (const tab of [page, other]) {
      await tab.getByRole('button', { name: 'Continue' }).click()
      await tab.waitForURL(/connect=ok/)
    }
    await isReady(other, 'pick')
    await isReady(other, 'upload')
  })

  it('does not lose the new session to an answer for the one it replaced', async () => {
    await connect(page, 'pick', ADA)
    const [session] = (await context.cookies()).filter(({ name }) => name.includes('session'))
    await connect(page, 'upload', ADA)
    const late = await fetch(`${demo.url}/session`, {
      headers: {
        Cookie: `${session?.name}=${session?.value}`,
        Origin: demo.url,
        'X-Requested-With': 'photos-token-broker',
      },
    })
    expect([late.status, late.headers.getSetCookie()]).toEqual([401, []])
  })

  it('in a popup, tells the page that opened it and closes', async () => {
    const opened = context.waitForEvent('page')
    await page.evaluate(() => {
      const told = new Promise((resolve) => {
        addEventListener('message', ({ origin, data }) => resolve({ origin, data }), { once: true })
      })
      Object.assign(window, { told })
      window.open('/connect?bundle=pick&return_to=/&display=popup', 'connect', 'popup')
    })
    const popup = await opened
    await chooseAccount(popup, ADA)
    const closed = popup.waitForEvent('close')
    await popup.getByRole('button', { name: 'Continue' }).click()
    await closed
    expect(await page.evaluate(() => (window as never as { told: unknown }).told)).toEqual({
      origin: demo.url,
      data: { type: 'photos-token-broker', connect: 'ok', bundle: 'pick' },
    })
  })
})
