/** The demo pages in Chromium, in both modes, and the ways to connect without the SDK. */

import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { BrowserContext, Page, Request } from 'playwright-core'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
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
} from './support/chromium.ts'
import { MODES, type Stage, startStage } from './support/stage.ts'

let stage: Stage
let context: BrowserContext
let page: Page

beforeAll(async () => {
  stage = await startStage()
})

afterEach(async () => {
  await disconnectDemo(page)
  await stage.clear()
})

afterAll(() => stage?.close())

describe.each(MODES)('in %s mode', (mode) => {
  beforeEach(async () => {
    ;({ context, page } = await stage.visitDemo(mode))
  })

  /** The page itself is the same in both modes; `sdk.test.ts` and `photos.test.ts` test the SDK in both. */
  const inOneMode = it.runIf(mode === 'cookie')

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
    it('asks for the account and for consent in a popup, and shows what is allowed and since when', async () => {
      await connectDemo(page, 'pick', ADA)
      expect(page.url()).toBe(stage.demoAt(mode))
      expect(await notice(page).textContent()).toContain('“pick” is ready')
      await shows(page, '#account', '110248495921238986420')
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
      await connectDemo(page, 'album', BEN)
    })

    inOneMode('works by keyboard alone', async () => {
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
      await upload('upload', 'slow.png')
      await page.getByRole('progressbar', { name: 'Upload' }).waitFor()
      await card(page, 'upload').getByText('of one file').or(page.getByText('Adding to')).waitFor()
      await press(page, 'upload', 'Stop')
      await card(page, 'upload').getByText('Stopped.').waitFor()
    })

    it('names each file that failed, and uploads those again', async () => {
      await connectDemo(page, 'album', ADA)
      const fault = { at: 'api:library.uploads', times: 1, do: { status: 500 } }
      await stage.control('__faults', fault)
      await upload('album', 'sea.png', 'hill.png')
      await card(page, 'album').getByText('sea.png: Google could not do that').waitFor()
      await press(page, 'album', 'Try those again')
      await card(page, 'album').getByText('Uploaded sea.png, hill.png.').waitFor()
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
        await press(page, 'upload', 'Upload a painted picture')
        await card(page, 'upload')
          .getByText('Access has ended: most likely you took it back')
          .first()
          .waitFor()
        await connectDemo(page, 'upload', BEN)
      },
    )

    inOneMode('says that nothing is lost while Google is down', async () => {
      await connectDemo(page, 'upload', ADA)
      await stage.control('__faults', { at: 'api:library.uploads', do: { status: 401 } })
      await stage.control('__faults', { at: 'token', do: { status: 503, retry_after: 60 } })
      await press(page, 'upload', 'Upload a painted picture')
      await card(page, 'upload').getByText('Nothing was lost').waitFor()
      expect(await card(page, 'upload').textContent()).toMatch(/The broker asks to wait \d+ s/)
      await shows(page, '#account', '110248495921238986420')
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

describe('a link to /connect', () => {
  beforeEach(async () => {
    ;({ context, page } = await stage.visitDemo('cookie'))
  })

  it('returns with the result in the query, and a session', async () => {
    await page.goto(`${stage.url}/connect?bundle=pick&client=demo&return_to=/`)
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Continue' }).click()
    await isReady(page, 'pick')
    expect(page.url()).toBe(`${stage.url}/?connect=ok&bundle=pick`)
  })

  it('in a popup, posts the result to the page that opened it and closes', async () => {
    const opened = context.waitForEvent('page')
    await page.evaluate(() => {
      const message = new Promise((resolve) => {
        addEventListener('message', ({ origin, data }) => resolve({ origin, data }), { once: true })
      })
      Object.assign(window, { message })
      window.open('/connect?bundle=pick&client=demo&return_to=/&display=popup', '', 'popup')
    })
    const popup = await opened
    await chooseAccount(popup, ADA)
    await answer(popup, 'Continue')
    expect(await page.evaluate('message')).toEqual({
      origin: stage.url,
      data: { type: 'photos-token-broker', connect: 'ok', bundle: 'pick' },
    })
  })
})

describe('a browser without third-party cookies', () => {
  let calls: Request[]

  beforeEach(async () => {
    ;({ context, page } = await stage.visitDemo('oauth'))
    calls = []
    page.on('request', (request) => {
      if (request.resourceType() === 'fetch' && new URL(request.url()).origin === stage.url)
        calls.push(request)
    })
  })

  it('sends none when one site calls another', async () => {
    const seen: string[] = []
    const server = createServer(({ headers, url }, response) => {
      seen.push(`${url} ${headers.cookie ?? ''}`.trim())
      response.setHeader('Set-Cookie', 'third=party; SameSite=None; Secure; Path=/').end('page')
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const visitor = await context.newPage()
    await visitor.goto(`http://localhost:${port}/first`)
    await visitor.goto(`http://localhost:${port}/again`)
    await visitor.goto(`http://127.0.0.1:${port}/other-site`)
    await visitor.evaluate(
      (address) => fetch(address, { mode: 'no-cors', credentials: 'include' }).then(() => {}),
      `http://localhost:${port}/called`,
    )
    server.closeAllConnections()
    server.close()
    expect(seen.filter((line) => !line.includes('favicon'))).toEqual([
      '/first',
      '/again third=party',
      '/other-site',
      '/called',
    ])
  })

  it('connects the demo on another site, which needs no cookie of the broker and leaves none', async () => {
    const brokersCookies = async () =>
      (await context.cookies()).filter(({ name }) => !name.startsWith('simulator_'))
    const popup = await openDemoConsent(page, 'pick', ADA)
    expect((await brokersCookies()).length).toBe(1) // until the callback
    await answer(popup, 'Continue')
    await isReady(page, 'pick')
    expect(await brokersCookies()).toEqual([])
    await page.reload()
    await press(page, 'pick', 'Get a token')
    await card(page, 'pick').getByText('A token of').waitFor()
    const paths = new Set(calls.map((call) => new URL(call.url()).pathname))
    expect(paths).toContain('/token')
    expect(paths).toContain('/session')
    for (const call of calls) expect(await call.headerValue('Cookie')).toBeNull()
  })

  it('connects the page with a plain OAuth library, which opens the picker with the token', async () => {
    await page.getByRole('link', { name: 'The same with a plain OAuth library' }).click()
    await page.getByRole('button', { name: 'Connect photos' }).click()
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Cancel' }).click()
    await page.getByText('Not connected: access_denied.').waitFor()
    await page.getByRole('button', { name: 'Connect photos' }).click()
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Continue' }).click()
    const choose = page.getByRole('link', { name: 'Choose photos' })
    await choose.waitFor()
    expect(page.url()).toBe(`${stage.demoAt('oauth')}library/`)
    const [picker] = await Promise.all([context.waitForEvent('page'), choose.click()])
    await picker.getByRole('checkbox').first().waitFor()
    for (const call of calls) expect(await call.headerValue('Cookie')).toBeNull()
  })
})

/** One grey pixel. */
const PNG =
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAAAAAA6fptVAAAACklEQVR4nGNgAAAAAgABSK+kcQAAAABJRU5ErkJggg=='
