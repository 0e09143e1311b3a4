/** This file is connecting as a person meets it: accounts, boxes, tabs, popups and the keyboard, in a real browser. */

import type { BrowserContext, Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  ADA,
  answer,
  askConsent,
  BEN,
  CHIARA,
  card,
  chooseAccount,
  connect,
  notice,
  press,
  says,
  tabTo,
} from './support/chromium.ts'
import { type Demo, startDemo } from './support/demo.ts'

let demo: Demo
let context: BrowserContext
let page: Page

beforeAll(async () => {
  demo = await startDemo()
})

afterAll(() => demo?.close())

beforeEach(async () => {
  ;({ context, page } = await demo.visit())
})

afterEach(() => demo.leave(page))

describe('connecting', () => {
  it('asks for the account and for consent, and comes back to a clean address', async () => {
    await says(page, '#account', 'Nobody is logged in')
    await connect(page, 'pick', ADA)
    expect(page.url()).toBe(`${demo.url}/`)
    expect(await notice(page).textContent()).toContain('“pick” is ready')
    await says(page, '#account', '110248495921238986420')
    await card(page, 'upload').getByText('Not connected yet').waitFor()
  })

  it('says so when the user denies', async () => {
    await askConsent(page, 'album', BEN)
    await answer(page, 'Cancel')
    await notice(page).getByText('You said no at Google').waitFor()
    expect(page.url()).toBe(`${demo.url}/`)
    await card(page, 'album').getByText('Not connected yet').waitFor()
  })

  it('says what is missing when a box is left unticked, and offers what was granted', async () => {
    await askConsent(page, 'album', BEN)
    await page.getByRole('checkbox', { name: 'See the photos' }).uncheck()
    await answer(page, 'Continue')
    await notice(page).getByText('left unticked').waitFor()
    await card(page, 'album')
      .getByText('Left unticked at Google: see the photos and albums this app added.')
      .waitFor()
    await card(page, 'upload').getByText('Ready since').waitFor()

    await connect(page, 'album', BEN)
    await press(page, 'album', 'Create an album')
    await card(page, 'album').getByText('Albums this app created: 1').waitFor()
  })

  it('refuses another account than the one that is logged in', async () => {
    await connect(page, 'pick', ADA)
    await page.goto(`${demo.url}/connect?bundle=upload&return_to=/&prompt=select_account`)
    await chooseAccount(page, BEN)
    await answer(page, 'Continue')
    await notice(page).getByText('another Google account').waitFor()
    await says(page, '#account', '110248495921238986420')
    await card(page, 'upload').getByText('Not connected yet').waitFor()
    await press(page, 'pick', 'Get token')
    await card(page, 'pick').getByText('Expires in').waitFor()
  })

  it('works in two tabs at once', async () => {
    await connect(page, 'pick', ADA)
    const other = await context.newPage()
    await other.goto(demo.url)
    await askConsent(page, 'upload', ADA)
    await askConsent(other, 'album', ADA)
    await answer(page, 'Continue')
    await answer(other, 'Continue')
    await notice(page).getByText('“upload” is ready').waitFor()
    await notice(other).getByText('“album” is ready').waitFor()
    for (const bundle of ['pick', 'upload', 'album']) {
      await press(other, bundle, 'Get token')
      await card(other, bundle).getByText('Expires in').waitFor()
    }
  })

  it('works in two tabs of which neither has a session yet', async () => {
    const other = await context.newPage()
    await other.goto(demo.url)
    await askConsent(page, 'pick', ADA)
    await askConsent(other, 'upload', ADA)
    await answer(page, 'Continue')
    await answer(other, 'Continue')
    await notice(page).getByText('“pick” is ready').waitFor()
    await notice(other).getByText('“upload” is ready').waitFor()
    await press(other, 'pick', 'Get token')
    await card(other, 'pick').getByText('Expires in').waitFor()
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

  it('works by keyboard alone', async () => {
    await tabTo(page, 'Connect album')
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Choose an account' }).waitFor()
    await tabTo(page, CHIARA)
    await page.keyboard.press('Enter')
    await page.getByRole('checkbox').first().waitFor()
    await tabTo(page, 'See the photos')
    await page.keyboard.press('Space')
    expect(await page.getByRole('checkbox', { name: 'See the photos' }).isChecked()).toBe(false)
    await page.keyboard.press('Space')
    await tabTo(page, 'Continue')
    await page.keyboard.press('Enter')
    await card(page, 'album').getByText('Ready since').waitFor()
    await tabTo(page, 'Get token')
    await page.keyboard.press('Enter')
    await page.getByText('Expires in').waitFor()
  })
})
