/** The Photos module in Chromium, in both modes: picking, showing and uploading. */

import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import type {
  PickedItem,
  Progress,
  UploadOptions,
  UploadResult,
} from '../../src/client/photos/index.ts'
import { chooseAccount } from './support/chromium.ts'
import { connect, MODES, outcome, type Stage, startStage } from './support/sdk.ts'

declare const broker: Broker
declare const value: PickedItem[]
declare const uploadPhotos: (broker: Broker, options: UploadOptions) => Promise<UploadResult[]>

let stage: Stage

beforeAll(async () => {
  stage = await startStage()
})

afterEach(() => stage.clear())

afterAll(async () => stage?.close())

/** Presses Pick and takes the first pictures of the picker. */
async function pick(page: Page, count = 2): Promise<void> {
  const [picker] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('button', { name: 'Pick' }).click(),
  ])
  await choose(picker, count)
  await outcome(page, 'ok')
}

async function choose(picker: Page, count: number): Promise<void> {
  const boxes = picker.getByRole('checkbox')
  await boxes.first().waitFor()
  for (let index = 0; index < count; index++) await boxes.nth(index).check()
  await picker.getByRole('button', { name: 'Done' }).click()
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
  /** What hangs on no way in is tried in one. */
  const once = it.runIf(mode === 'cookie')

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

  once('lets a <video> read a part at a time', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    await pick(page, 11) // the last of them is a film
    const part = page.waitForResponse(
      (answer) => answer.url().includes('/media/') && answer.request().resourceType() === 'media',
    )
    await page.evaluate(async () => {
      const item = value.find(({ type }) => type === 'VIDEO')
      const video = Object.assign(document.createElement('video'), { preload: 'auto' })
      video.src = (await item?.src({ original: true })) ?? ''
      document.body.append(video)
    })
    const answer = await part
    expect(await answer.request().headerValue('Range')).toMatch(/^bytes=0-/)
    expect(answer.status()).toBe(206)
    expect(answer.headers()['content-type']).toMatch(/^video\//)
  })

  once('says so when nothing was picked', async () => {
    const { page } = await stage.visit(mode)
    await connect(page)
    const [picker] = await Promise.all([
      page.waitForEvent('popup'),
      page.getByRole('button', { name: 'Pick' }).click(),
    ])
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

  once('tells of each file that failed, and goes on with those when asked again', async () => {
    const { page } = await stage.visit(mode)
    await connect(page, 'album')
    await stage.tellSimulator('__faults', {
      at: 'api:library.uploads',
      times: 1,
      do: { status: 500 },
    })
    const { results } = await page.evaluate(upload, ['a.jpg', 'b.jpg'])
    expect(results.map(({ done }) => done)).toEqual([false, true])
    expect(results[0]?.error).toBeTruthy()
    const again = await page.evaluate(async () => {
      const { results } = window as unknown as { results: UploadResult[] }
      const mended = await uploadPhotos(broker, { bundle: 'album', files: results })
      return mended.map(({ mediaItem, error }) => [mediaItem !== undefined, error === undefined])
    })
    expect(again).toEqual([
      [true, true],
      [true, true],
    ])
  })

  once('loses no bytes when a whole batch fails', async () => {
    const { page } = await stage.visit(mode)
    await connect(page, 'album')
    const at = 'api:library.mediaItems.batchCreate'
    await stage.tellSimulator('__faults', { at, times: 1, do: { status: 503 } })
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

it('a page of fifteen lines on another site picks photos and shows them', async () => {
  const block = await readBlock()
  expect(block.trimEnd().split('\n').length).toBeLessThanOrEqual(15)
  const html = block
    .replaceAll('https://broker.example.com', stage.url)
    .replace("client: 'gallery'", `client: 'elsewhere', simulator: '${stage.simulator}'`)
  stage.serve('/own', 'text/html', html)
  const page = await stage.chromium.newPage()
  await page.goto(`${stage.pageAt('oauth')}own`)
  const [popup] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('button', { name: 'Connect' }).click(),
  ])
  await chooseAccount(popup, 'Ada Brook')
  await popup.getByRole('button', { name: 'Continue' }).click()
  await page.getByRole('button', { name: 'Choose' }).waitFor()
  const [picker] = await Promise.all([
    page.waitForEvent('popup'),
    page.getByRole('button', { name: 'Choose' }).click(),
  ])
  await choose(picker, 3)
  await page.waitForFunction(
    () => [...document.images].filter(({ naturalWidth }) => naturalWidth > 0).length === 3,
  )
})

/** The page of the recipe in src/client/README.md. */
async function readBlock(): Promise<string> {
  const readme = await readFile(new URL('../../src/client/README.md', import.meta.url), 'utf8')
  const section = readme.split('### Plain HTML, without a build step\n')[1]
  const block = /^```html\n(.*?)^```$/ms.exec(section ?? '')?.[1]
  if (block === undefined) throw new Error('src/client/README.md has no such page')
  return block
}
