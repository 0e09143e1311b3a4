/** The demo pages in Chromium, in both modes, and links to /connect. */

import type { BrowserContext, Page } from 'playwright-core'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import {
  ADA,
  answer,
  BEN,
  CHIARA,
  card,
  chooseAccount,
  connectDemo,
  disconnectDemo,
  isReady,
  notice,
  openDemoConsent,
  pickPhotos,
  press,
  shows,
  tabTo,
  upload,
} from './support/chromium.ts'
import { MODES, openPopup, stage, useStage } from './support/stage.ts'
import { controlTime, passing } from './support/time.ts'

let context: BrowserContext
let page: Page

useStage()

afterEach(() => disconnectDemo(page))

/** The user looks at the page again; it then reads the session. */
const comeBack = (page: Page): Promise<unknown> =>
  page.evaluate(() => document.dispatchEvent(new Event('visibilitychange')))

describe.each(MODES)('in %s mode', (mode) => {
  beforeEach(async () => {
    ;({ context, page } = await stage.visitDemo(mode))
  })

  /** The page itself is the same in both modes; `sdk-*.test.ts` and `photos.test.ts` test the SDK in both. */
  const inOneMode = it.runIf(mode === 'cookie')

  describe('connecting', () => {
    it('asks for the account and for consent in a popup, and shows what is allowed and since when', async () => {
      await connectDemo(page, 'pick', ADA)
      expect(page.url()).toBe(stage.demoAt(mode))
      expect(await notice(page).textContent()).toContain('“pick” is ready')
      await shows(page, '#account', await stage.subOf(ADA))
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

    inOneMode('explains each way in which a consent can fail, and then connects', async () => {
      await answer(await openDemoConsent(page, 'album', BEN), 'Cancel')
      await card(page, 'album').getByText('You said no at Google').waitFor()
      const closed = await openDemoConsent(page, 'album', BEN)
      await closed.close()
      await card(page, 'album').getByText('closed before anything was decided').waitFor()
      await openDemoConsent(page, 'album', BEN)
      await press(page, 'album', 'Stop waiting')
      await card(page, 'album').getByText('Stopped.').waitFor()
      await card(page, 'album').getByText('You have not allowed this yet').waitFor()
      const popup = await openDemoConsent(page, 'album', BEN)
      await popup.getByRole('checkbox', { name: 'See the photos' }).uncheck()
      await answer(popup, 'Continue')
      await card(page, 'album').getByText('eft unticked at Google').first().waitFor()
      const nothing = await openDemoConsent(page, 'pick', BEN)
      await nothing.getByRole('checkbox', { name: 'See the photos' }).uncheck()
      await answer(nothing, 'Continue')
      await card(page, 'pick').getByText('eft unticked at Google').first().waitFor()
      await connectDemo(page, 'album', BEN)
    })

    inOneMode('works by keyboard alone', async () => {
      await tabTo(page, 'Connect album')
      const [popup] = await Promise.all([page.waitForEvent('popup'), page.keyboard.press('Enter')])
      await popup.getByRole('heading', { name: 'Choose an account' }).waitFor()
      await tabTo(popup, CHIARA)
      await popup.keyboard.press('Enter')
      await popup.getByRole('checkbox').first().waitFor()
      for (const box of ['Add photos', 'See the photos']) {
        await tabTo(popup, box)
        await popup.keyboard.press('Space')
      }
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
    it('shows the picked photos in a grid, one of them large, and plays a video', async () => {
      await connectDemo(page, 'pick', ADA)
      const [picker] = await Promise.all([
        page.waitForEvent('popup'),
        press(page, 'pick', 'Choose photos'),
      ])
      await pickPhotos(picker, 11) // the last one is a video
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

    it('uploads from disk into one album, shows it, and fits a phone', async () => {
      await connectDemo(page, 'album', ADA)
      await upload(page, 'album', 'sea.png', 'hill.png')
      await card(page, 'album').getByText('Uploaded sea.png, hill.png.').waitFor()
      const album = page.getByRole('figure', { name: 'Photos token broker demo' })
      const before = await album.locator('.thumbnail').count()
      await upload(page, 'album', 'dune.png')
      await card(page, 'album').getByText('Uploaded dune.png.').waitFor()
      expect(await album.locator('.thumbnail').count()).toBe(before + 1) // one album, not one each time
      await page.reload()
      await press(page, 'album', 'Show the album')
      await album.waitFor()
      expect(await album.locator('.thumbnail').count()).toBe(before + 1)
      await page.setViewportSize({ width: 360, height: 740 })
      const overflow = await page.evaluate(
        () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
      )
      expect(overflow, 'on a phone').toBe(0)
    })

    it('shows the progress of an upload, and stops it', async () => {
      await connectDemo(page, 'upload', ADA)
      await stage.control('__faults', {
        at: 'api:library.uploads',
        do: { delay_ms: 60_000 },
      })
      await upload(page, 'upload', 'slow.png')
      await page.getByRole('progressbar', { name: 'Upload' }).waitFor()
      await card(page, 'upload').getByText('of one file').or(page.getByText('Adding to')).waitFor()
      await press(page, 'upload', 'Stop')
      await card(page, 'upload').getByText('Stopped.').waitFor()
    })

    it('names each file that failed, and uploads those again', async () => {
      await connectDemo(page, 'album', ADA)
      const fault = { at: 'api:library.uploads', times: 'always', do: { status: 503 } }
      await stage.control('__faults', fault)
      await controlTime(page)
      await upload(page, 'album', 'sea.png', 'hill.png')
      const failed = card(page, 'album').getByText('sea.png: Google Photos does not answer')
      await passing(page, failed.waitFor()) // it is waited out for three minutes
      await stage.control('__faults')
      await press(page, 'album', 'Try those again')
      await card(page, 'album').getByText('Uploaded sea.png, hill.png.').waitFor()
    })

    inOneMode('says why a file is not taken, and offers no second try', async () => {
      await connectDemo(page, 'upload', ADA)
      const files = [
        { name: 'notes.txt', mimeType: 'text/plain', buffer: Buffer.from('hello') },
        { name: 'nothing.png', mimeType: 'image/png', buffer: Buffer.from('') },
      ]
      await card(page, 'upload').getByLabel('Photos or videos').setInputFiles(files)
      await card(page, 'upload').getByRole('button', { name: 'Upload', exact: true }).click()
      await card(page, 'upload').getByText('nothing.png: The file is empty.').waitFor()
      await card(page, 'upload').getByText('notes.txt: Google Photos does not take').waitFor()
      const again = card(page, 'upload').getByRole('button', { name: 'Try those again' })
      expect(await again.count()).toBe(0)
    })
  })

  describe('failures', () => {
    inOneMode(
      'explains that access has ended after the user removed the app at Google',
      async () => {
        await connectDemo(page, 'upload', BEN)
        await stage.control('__accounts/revoke', { account: 'ben.okafor@example.com' })
        const events = await (await fetch(`${stage.simulator}/__events`)).json()
        expect(events).toContainEqual(
          expect.objectContaining({ type: 'tokens-revoked', status: 202 }),
        )
        const popup = await openPopup(page, 'Upload a painted picture') // it asks for consent first
        await chooseAccount(popup, BEN)
        await comeBack(page)
        await card(page, 'upload')
          .getByText('Access has ended: most likely you took it back')
          .first()
          .waitFor()
        await answer(popup, 'Continue')
        await card(page, 'upload').getByText('Uploaded').waitFor()
      },
    )

    inOneMode('meets the faults and the ended tokens of the simulator’s buttons', async () => {
      await connectDemo(page, 'pick', ADA)
      await press(page, 'pick', 'Get a token')
      await card(page, 'pick').getByText('A token of').waitFor()
      const google = await context.newPage()
      await google.goto(stage.simulator)
      await google.getByRole('button', { name: 'The next refresh fails: the grant' }).click()
      await google.getByText('These faults wait').waitFor()
      await google.getByRole('button', { name: 'End all access tokens now' }).click()
      await google.getByText('0 access tokens are live').waitFor()
      const asked = await openPopup(page, 'Choose photos') // it asks for consent first
      await chooseAccount(asked, ADA)
      await asked.close()
      await card(page, 'pick').getByText('Nothing was chosen.').waitFor()
      await comeBack(page)
      await card(page, 'pick').getByText('Access has ended').first().waitFor()
      await google.reload()
      await google.getByText('No fault is waiting').waitFor()

      await google.getByRole('button', { name: 'Ticked', exact: true }).click()
      await google.getByRole('button', { name: 'Ticked', exact: true, pressed: true }).waitFor()
      const popup = await openPopup(page, 'Connect pick')
      expect(await popup.getByRole('checkbox').isChecked()).toBe(true)
      await answer(popup, 'Continue')
      await isReady(page, 'pick')
      await google.getByRole('button', { name: 'End all access tokens now' }).click()
      await pickPhotos(await openPopup(page, 'Choose photos'), 1) // after a refresh that nobody notices
      await page.getByRole('figure', { name: '1 chosen' }).waitFor()
    })

    inOneMode('says that nothing is lost while Google is down', async () => {
      await connectDemo(page, 'upload', ADA)
      const always = { times: 'always' }
      const down = { status: 503, retry_after: 60 }
      await stage.control('__faults', { at: 'api:library.uploads', do: { status: 401 }, ...always })
      await stage.control('__faults', { at: 'token', do: down, ...always })
      await controlTime(page)
      await press(page, 'upload', 'Upload a painted picture')
      await passing(page, card(page, 'upload').getByText('Nothing was lost').waitFor())
      await shows(page, '#account', await stage.subOf(ADA))
    })
  })

  describe('ending', () => {
    inOneMode('disconnects, and Google no longer lists the app', async () => {
      await connectDemo(page, 'pick', ADA)
      const connections = await context.newPage()
      await connections.goto(`${stage.simulator}/connections`)
      await connections.getByText('Photos token broker demo').first().waitFor()
      await page.getByRole('button', { name: 'Disconnect Google Photos' }).click()
      await notice(page).getByText('Disconnected.').waitFor()
      await shows(page, '#account', 'Nobody is connected')
      await connections.reload()
      expect(await connections.getByText('Photos token broker demo').count()).toBe(0)
    })
  })
})
