/** The Photos module of the SDK in both modes, and the pages that the documentation shows, in Chromium. */

import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import type {
  PickedItem,
  Progress,
  UploadOptions,
  UploadResult,
} from '../../src/client/photos/index.ts'
import { ADA, chooseAccount, pickPhotos } from './support/chromium.ts'
import {
  connectAndPick,
  onThisMachine,
  openMine,
  openOwn,
  readPage,
  replaceOnce,
} from './support/documented-pages.ts'
import { watchTokens } from './support/sdk-page.ts'
import { connect, MODES, openPopup, outcome, stage, useStage } from './support/stage.ts'

const PACKAGE = new URL('../../package.json', import.meta.url)

declare const broker: Broker
declare const value: PickedItem[]
declare const uploadPhotos: (broker: Broker, options: UploadOptions) => Promise<UploadResult[]>

useStage()

/** Presses Pick and picks the first items of the picker. */
async function pick(page: Page, count = 2): Promise<void> {
  await pickPhotos(await openPopup(page, 'Pick'), count)
  await outcome(page, 'ok')
}

/** Runs in the page: uploads small files. */
async function upload(names: string[]): Promise<{
  results: { name: string; done: boolean; error?: string | undefined }[]
  progress: Progress[]
}> {
  const files = names.map((name) => new File([name.repeat(1000)], name, { type: 'image/jpeg' }))
  const progress: Progress[] = []
  const results = await uploadPhotos(broker, {
    bundle: 'album',
    files,
    album: { title: 'From a test' },
    onProgress: (now) => progress.push(now),
  })
  Object.assign(window, { results })
  return { results: results.map(brief), progress }

  function brief({ file, mediaItem, error }: UploadResult) {
    return { name: file.name, done: mediaItem !== undefined, error: error?.message }
  }
}

describe.each(MODES)('in %s mode', (mode) => {
  /** For what does not depend on the mode. */
  const inOneMode = it.runIf(mode === 'cookie')

  it('picks photos, and asks the relay once to show them all', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    await pick(page)
    const asked: string[] = []
    page.on('request', (request) => {
      if (request.method() === 'POST' && request.url().endsWith('/media')) asked.push(request.url())
    })
    const sizes = await page.evaluate(async () => {
      const images = await Promise.all(
        value.map(async (item) => {
          const image = new Image()
          image.src = await item.src({ width: 64, height: 64 })
          await image.decode()
          return [item.type, item.filename !== '', image.naturalWidth > 0]
        }),
      )
      return images
    })
    expect(sizes).toEqual([
      ['PHOTO', true, true],
      ['PHOTO', true, true],
    ])
    expect(asked).toHaveLength(1)
    const blob = await page.evaluate(async () => {
      const { type, size } = (await value[0]?.blob()) ?? new Blob()
      return { type, isEmpty: size === 0 }
    })
    expect(blob).toEqual({ type: expect.stringMatching(/^image\//), isEmpty: false })
  })

  inOneMode('plays a film, which Google sends whole', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    await pick(page, 11) // the last one is a video
    const film = page.waitForResponse(
      (answer) =>
        answer.url().includes('/media?ticket=') && answer.request().resourceType() === 'media',
    )
    const seconds = await page.evaluate(async () => {
      const item = value.find(({ type }) => type === 'VIDEO')
      const video = Object.assign(document.createElement('video'), { preload: 'auto' })
      const loaded = new Promise((resolve, reject) => {
        Object.assign(video, { oncanplaythrough: resolve, onerror: reject })
      })
      video.src = (await item?.src({ original: true })) ?? ''
      document.body.append(video)
      await loaded
      return video.duration
    })
    expect(seconds).toBeCloseTo(1.5, 0)
    const answer = await film
    expect(await answer.request().headerValue('Range')).toMatch(/^bytes=0-/)
    expect(answer.status()).toBe(200)
    expect(answer.headers()['content-type']).toMatch(/^video\//)
  })

  inOneMode('rejects with popup_closed when nothing was picked', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    const picker = await openPopup(page, 'Pick')
    await picker.getByRole('checkbox').first().waitFor()
    await picker.close()
    await outcome(page, 'popup_closed')
  })

  it('uploads into an album, with progress', async () => {
    const { page } = await stage.visit(mode)
    await connect(page, 'album')
    const { results, progress } = await page.evaluate(upload, ['a.jpg', 'b.jpg', 'c.jpg'])
    expect(results).toEqual(
      ['a.jpg', 'b.jpg', 'c.jpg'].map((name) => ({ name, done: true, error: undefined })),
    )
    expect(progress[0]).toEqual({ sent: 0, total: 15_000, done: 0, files: 3 })
    expect(progress.at(-1)).toEqual({ sent: 15_000, total: 15_000, done: 3, files: 3 })
    const sent = progress.map((one) => one.sent)
    expect(sent).toEqual(sent.toSorted((a, b) => a - b))
  })

  inOneMode('reports each file that failed, and uploads those again', async () => {
    const { page } = await stage.visit(mode)
    await connect(page, 'album')
    const at = 'api:library.uploads'
    await stage.control('__faults', { at, times: 1, do: { status: 400 } })
    const { results } = await page.evaluate(upload, ['a.jpg', 'b.jpg'])
    expect(results.map(({ done }) => done)).toEqual([false, true])
    expect(results[0]?.error).toBeTruthy()
    const again = await page.evaluate(async () => {
      const { results } = window as unknown as { results: UploadResult[] }
      const results_again = await uploadPhotos(broker, { bundle: 'album', files: results })
      return results_again.map(({ mediaItem, error }) => mediaItem !== undefined && !error)
    })
    expect(again).toEqual([true, true])
  })

  inOneMode('says which scope a bundle lacks for uploads, and forces no refresh', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    const tokens = watchTokens(page)
    const error = await page.evaluate(async () => {
      const files = [new File(['x'], 'a.jpg', { type: 'image/jpeg' })]
      return (await uploadPhotos(broker, { bundle: 'pick', files })).map(({ error }) =>
        error && 'description' in error ? [error.message, error.description] : [],
      )
    })
    expect(error).toEqual([
      [
        'This app may not do that in Google Photos.',
        'The bundle pick cannot upload: it lacks photoslibrary.appendonly',
      ],
    ])
    expect(tokens.filter((request) => request.postData()?.includes('rejected'))).toEqual([])
  })

  inOneMode('sends no bytes twice when a whole batch failed', async () => {
    const { page } = await stage.visit(mode)
    await connect(page, 'album')
    const at = 'api:library.mediaItems.batchCreate'
    await stage.control('__faults', { at, times: 1, do: { status: 400 } })
    const { results } = await page.evaluate(upload, ['a.jpg', 'b.jpg'])
    expect(results.map(({ done }) => done)).toEqual([false, false])
    const uploads: string[] = []
    page.on('request', (request) => {
      if (request.url().endsWith('/v1/uploads')) uploads.push(request.method())
    })
    const again = await page.evaluate(async () => {
      const { results } = window as unknown as { results: UploadResult[] }
      return (await uploadPhotos(broker, { bundle: 'album', files: results })).length
    })
    expect([again, uploads]).toEqual([2, []])
  })
})

describe('the pages of the documentation, run as they stand', () => {
  it.each(['localhost', '127.0.0.1'])(
    'README.md, at any port of %s: connects, and shows the photos that were picked',
    async (host) => {
      await connectAndPick(await openMine(stage, host), 'Pick photos')
    },
  )

  it('README.md with its client misspelt: the window of the broker says so', async () => {
    const page = await openMine(stage, '127.0.0.1', (html) =>
      replaceOnce(html, "'local'", "'lokal'"),
    )
    const popup = await openPopup(page, 'Connect')
    await popup.getByText('There is no client with this id.').waitFor()
  })

  it('src/client/README.md: fifteen lines on another site', async () => {
    const block = await readPage('src/client/README.md', '### Plain HTML, without a build step')
    expect(block.trimEnd().split('\n').length).toBeLessThanOrEqual(15)
    const html = block
      .replaceAll('https://broker.example.com', stage.url)
      .replace("client: 'gallery'", "client: 'elsewhere'")
    await connectAndPick(await openOwn(stage, html), 'Choose')
  })

  it('src/routes/oauth/README.md: a static page without the SDK', async () => {
    const block = await readPage('src/routes/oauth/README.md', '## A static page on another site')
    const lines = block.trimEnd().split('\n')
    const { oauth4webapi } = JSON.parse(await readFile(PACKAGE, 'utf8')).dependencies
    expect(lines.length).toBeLessThan(25)
    expect(Math.max(...lines.map((line) => line.length))).toBeLessThanOrEqual(100)
    expect(block).toContain(`oauth4webapi@${oauth4webapi}/`)

    const page = await openOwn(stage, await onThisMachine(stage, block))
    await page.getByRole('button', { name: 'Connect photos' }).click()
    await chooseAccount(page, ADA)
    await page.getByRole('button', { name: 'Continue' }).click()
    const choose = page.getByRole('link', { name: 'Choose photos' })
    await choose.waitFor()
    const stored = await page.evaluate(async () => [
      ...(await indexedDB.databases()),
      document.cookie,
    ])
    expect(stored).toEqual([''])
    await choose.click()
    await page.getByRole('checkbox').first().waitFor()
    expect(page.url()).toContain(`${stage.simulator}/picker/`)
  })
})
