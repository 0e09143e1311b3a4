/** The demo page in Chromium, on the broker's own site and on another. */

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
  isReady,
  notice,
  pickPhotos,
  press,
  says,
  tabTo,
} from './support/chromium.ts'
import { type Demo, startDemo } from './support/demo.ts'
import { MODES } from './support/sdk.ts'

let demo: Demo
let context: BrowserContext
let page: Page

beforeAll(async () => {
  demo = await startDemo()
})

afterAll(() => demo?.close())

describe.each(MODES)('in %s mode', (mode) => {
  beforeEach(async () => {
    ;({ context, page } = await demo.visit(mode))
  })

  afterEach(() => demo.leave(page))

  /** What is the page's own is the same on both sites; what the SDK does there, `sdk.test.ts` and `photos.test.ts` try in both. */
  const once = it.runIf(mode === 'cookie')

  /** Uploads files from disk. */
  async function upload(bundle: string, ...names: string[]): Promise<void> {
    const files = names.map((name) => ({
      name,
      mimeType: 'image/png',
      buffer: Buffer.from(PNG, 'base64'),
    }))
    await card(page, bundle).getByLabel('Photos or videos').setInputFiles(files)
    await card(page, bundle).getByRole('button', { name: 'Upload', exact: true }).click()
  }

  describe('connecting', () => {
    it('asks for the account and for consent in a window, and says what is allowed since when', async () => {
      await connect(page, 'pick', ADA)
      expect(page.url()).toBe(demo.pageAt(mode))
      expect(await notice(page).textContent()).toContain('“pick” is ready')
      await says(page, '#account', '110248495921238986420')
      const year = String(new Date().getFullYear())
      expect(await card(page, 'pick').textContent()).toMatch(
        new RegExp(`You allowed this on .*${year}`),
      )
      await card(page, 'pick').getByText('Choose photos to show in this app').waitFor()
      await card(page, 'pick').getByText('see the photos and videos you pick').waitFor()
      await card(page, 'upload').getByText('You have not allowed this yet').waitFor()
      await page.reload()
      await isReady(page, 'pick')
    })

    once('goes there itself where windows are blocked, and comes back to say so', async () => {
      await page.evaluate(() => Object.assign(window, { open: () => null }))
      await card(page, 'pick').getByRole('button', { name: 'Connect pick' }).click()
      await chooseAccount(page, ADA)
      await page.getByRole('button', { name: 'Continue' }).click()
      await isReady(page, 'pick')
      await notice(page).getByText('“pick” is ready').waitFor()
      expect(page.url()).toBe(demo.pageAt(mode))
    })

    once('says so when the user denies, closes the window, or stops waiting', async () => {
      await answer(await askConsent(page, 'album', BEN), 'Cancel')
      await card(page, 'album').getByText('You said no at Google').waitFor()
      const closed = await askConsent(page, 'album', BEN)
      await closed.close()
      await card(page, 'album').getByText('closed before anything was decided').waitFor()
      await askConsent(page, 'album', BEN)
      await press(page, 'album', 'Stop waiting')
      await card(page, 'album').getByText('Stopped.').waitFor()
      await card(page, 'album').getByText('You have not allowed this yet').waitFor()
    })

    once(
      'says what is missing when a box is left unticked, and connects when it is ticked',
      async () => {
        const popup = await askConsent(page, 'album', BEN)
        await popup.getByRole('checkbox', { name: 'See the photos' }).uncheck()
        await answer(popup, 'Continue')
        const missing = 'eft unticked at Google'
        await card(page, 'album').getByText(missing).first().waitFor()
        await card(page, 'album').getByRole('button', { name: 'Connect album' }).waitFor()
        await connect(page, 'album', BEN)
      },
    )

    once('works by keyboard alone', async () => {
      await tabTo(page, 'Connect album')
      const [popup] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('Enter')])
      await popup.getByRole('heading', { name: 'Choose an account' }).waitFor()
      await tabTo(popup, CHIARA)
      await popup.keyboard.press('Enter')
      await popup.getByRole('checkbox').first().waitFor()
      await tabTo(popup, 'Continue')
      await popup.keyboard.press('Enter')
      await isReady(page, 'album')
      await tabTo(page, 'Upload a painted picture')
      await page.keyboard.press('Enter')
      await card(page, 'album').getByText('Uploaded demo-').waitFor()
      await tabTo(page, 'demo-')
      await page.keyboard.press('Enter')
      await page.getByRole('dialog').getByRole('img').waitFor()
      await page.keyboard.press('Escape')
      expect(await page.evaluate(() => document.activeElement?.className)).toBe('thumbnail')
    })
  })

  describe.runIf(mode === 'cookie')('photos', () => {
    it('shows in a grid what was picked, one of them large, and plays a film', async () => {
      await connect(page, 'pick', ADA)
      const [picker] = await Promise.all([
        page.waitForEvent('popup'),
        press(page, 'pick', 'Choose photos'),
      ])
      await pickPhotos(picker, 11) // the last of them is a film
      await page.getByRole('figure', { name: '11 chosen' }).waitFor()
      const thumbnails = page.locator('.thumbnail')
      await thumbnails.last().scrollIntoViewIfNeeded()
      await page.waitForFunction(
        () => [...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length === 11,
      )
      await thumbnails.first().click()
      await page.waitForFunction(
        () => (document.querySelector<HTMLImageElement>('dialog img')?.naturalWidth ?? 0) > 400,
      )
      await page.getByRole('button', { name: 'Close' }).click()
      await thumbnails.last().click()
      await page.locator('dialog video').waitFor()
      await page.keyboard.press('Escape')
    })

    it('uploads from disk into an album of its own, and shows it', async () => {
      await connect(page, 'album', ADA)
      await upload('album', 'sea.png', 'hill.png')
      await card(page, 'album').getByText('Uploaded sea.png, hill.png.').waitFor()
      const album = page.getByRole('figure', { name: 'Photos token broker demo' })
      const before = await album.locator('.thumbnail').count()
      await upload('album', 'dune.png')
      await card(page, 'album').getByText('Uploaded dune.png.').waitFor()
      expect(await album.locator('.thumbnail').count()).toBe(before + 1) // one album, not one each time
      await page.reload()
      await press(page, 'album', 'Show the album')
      await album.waitFor()
      expect(await album.locator('.thumbnail').count()).toBe(before + 1)
    })

    it('shows how far an upload is, and stops it', async () => {
      await connect(page, 'upload', ADA)
      await demo.tellSimulator('__faults', {
        at: 'api:library.uploads',
        do: { delay_ms: 60_000 },
      })
      await upload('upload', 'slow.png')
      await page.getByRole('progressbar', { name: 'Upload' }).waitFor()
      await card(page, 'upload').getByText('of one file').or(page.getByText('Adding to')).waitFor()
      await press(page, 'upload', 'Stop')
      await card(page, 'upload').getByText('Stopped.').waitFor()
    })

    it('names each file that failed, and goes on with those', async () => {
      await connect(page, 'album', ADA)
      const fault = { at: 'api:library.uploads', times: 1, do: { status: 500 } }
      await demo.tellSimulator('__faults', fault)
      await upload('album', 'sea.png', 'hill.png')
      await card(page, 'album').getByText('sea.png: Google could not do that').waitFor()
      await press(page, 'album', 'Try those again')
      await card(page, 'album').getByText('Uploaded sea.png, hill.png.').waitFor()
    })
  })

  describe('what may go wrong', () => {
    once('explains that access has ended when the user removed the app at Google', async () => {
      await connect(page, 'upload', BEN)
      await demo.tellSimulator('__accounts/revoke', { account: 'ben.okafor@example.com' })
      const told = await (await fetch(`${demo.run.simulator}/__events`)).json()
      expect(told).toContainEqual(expect.objectContaining({ type: 'tokens-revoked', status: 202 }))
      await press(page, 'upload', 'Upload a painted picture')
      await card(page, 'upload')
        .getByText('Access has ended: most likely you took it back')
        .first()
        .waitFor()
      await connect(page, 'upload', BEN)
    })

    once('says that nothing is lost while Google is out', async () => {
      await connect(page, 'upload', ADA)
      await demo.tellSimulator('__faults', { at: 'api:library.uploads', do: { status: 401 } })
      await demo.tellSimulator('__faults', { at: 'token', do: { status: 503, retry_after: 60 } })
      await press(page, 'upload', 'Upload a painted picture')
      await card(page, 'upload').getByText('Nothing was lost').waitFor()
      expect(await card(page, 'upload').textContent()).toMatch(/The broker asks to wait \d+ s/)
      await says(page, '#account', '110248495921238986420')
    })

    once('fits a phone', async () => {
      await page.setViewportSize({ width: 360, height: 740 })
      await connect(page, 'album', ADA)
      await press(page, 'album', 'Upload a painted picture')
      await card(page, 'album').getByText('Uploaded demo-').waitFor()
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(overflow).toBe(0)
    })
  })

  describe('ending', () => {
    once('disconnects, and Google no longer lists the app', async () => {
      await connect(page, 'pick', ADA)
      const connections = await context.newPage()
      await connections.goto(`${demo.run.simulator}/connections`)
      await connections.getByText('Photos token broker demo').first().waitFor()
      await page.getByRole('button', { name: 'Disconnect Google Photos' }).click()
      await notice(page).getByText('Disconnected.').waitFor()
      await says(page, '#account', 'Nobody is connected')
      await connections.reload()
      expect(await connections.getByText('Photos token broker demo').count()).toBe(0)
    })
  })
})

/** One grey pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='
