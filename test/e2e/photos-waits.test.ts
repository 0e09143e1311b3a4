/** The Photos module in Chromium where Google fails for a while, windows are blocked or closed, or files are odd. */

import type { APIResponse, BrowserContext, Page, Route } from 'playwright-core'
import { describe, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import type {
  PickedItem,
  PickOptions,
  UploadOptions,
  UploadResult,
} from '../../src/client/photos/index.ts'
import { ADA, chooseAccount, pickPhotos as pickInWindow } from './support/chromium.ts'
import { connect, openPopup, outcome, stage, useStage } from './support/stage.ts'
import { controlTime, passing } from './support/time.ts'

declare const broker: Broker
declare const value: PickedItem[]
declare const pickPhotos: (broker: Broker, options: PickOptions) => Promise<PickedItem[]>
declare const uploadPhotos: (broker: Broker, options: UploadOptions) => Promise<UploadResult[]>

useStage()

type Fault = { at: string; do: object; times?: number | 'always' }
const plan = (fault: Fault): Promise<void> => stage.control('__faults', { times: 1, ...fault })

/** Opens a page, with `upload` as `run`, and connects a bundle. */
async function visit(bundle?: string): Promise<{ context: BrowserContext; page: Page }> {
  const { context, page } = await stage.visit('cookie')
  await page.evaluate(`Object.assign(window, { run: ${upload} })`)
  if (bundle) await connect(page, bundle)
  return { context, page }
}

/** Gives the next pick options; its states are collected. */
const prepare = (page: Page, options: object = {}): Promise<void> =>
  page.evaluate((more) => {
    const states: string[] = []
    const onState = ({ state }: { state: string }): void => void states.push(state)
    Object.assign(window, { states, options: { ...more, onState } })
  }, options)

describe('pickPhotos', () => {
  it.each([
    { what: '429 once', fault: { do: { status: 429, retry_after: 1 } } },
    { what: '500 three times', fault: { do: { status: 500 }, times: 3 } },
    { what: 'a cut connection', fault: { do: { cut: true } } },
  ])('waits out $what while the user chooses', async ({ fault }) => {
    const { page } = await visit('pick')
    await prepare(page)
    await controlTime(page)
    if ('cut' in fault.do) {
      let cuts = 0
      const sessions = /\/v1\/sessions\/[^/]+$/
      await page.route(sessions, (route) =>
        route.request().method() === 'GET' && cuts++ < 2 ? route.abort() : route.continue(),
      )
    } else await plan({ at: 'api:picker.sessions.get', ...fault })
    const picker = await openPopup(page, 'Pick')
    await picker.getByRole('checkbox').first().waitFor()
    await page.waitForFunction('states.includes("retrying")')
    expect(picker.isClosed()).toBe(false)
    await pickInWindow(picker, 2)
    await passing(page, outcome(page, 'ok'))
    expect(await page.evaluate('value.length')).toBe(2)
  })

  it('waits out failures while it reads what was picked, and loses no page of the list', async () => {
    const { page } = await visit('pick')
    await prepare(page)
    await controlTime(page)
    let pages = 0
    await page.route(/\/v1\/mediaItems\?/, async (route) => {
      if (pages++ === 1) return route.fulfill({ status: 503, headers: { 'Retry-After': '7' } })
      const url = new URL(route.request().url())
      url.searchParams.set('pageSize', '2')
      await route.continue({ url: url.href })
    })
    await pickInWindow(await openPopup(page, 'Pick'), 5)
    await passing(page, outcome(page, 'ok'))
    expect(await page.evaluate('value.length')).toBe(5)
    expect(pages).toBe(4)
  })

  it('keeps what was picked if it cannot be read, and gets it later with resume', async () => {
    const { page } = await visit('pick')
    await prepare(page)
    await controlTime(page)
    await plan({ at: 'api:picker.mediaItems.list', do: { status: 503 }, times: 'always' })
    await pickInWindow(await openPopup(page, 'Pick'), 3)
    const words =
      'PhotosError: Google Photos does not answer just now. Please try again in a moment.'
    await passing(page, outcome(page, words))
    await stage.control('__faults')
    await page.reload()
    await page.waitForFunction('window.broker')
    const again = (): Promise<number> =>
      page.evaluate(async () => (await pickPhotos(broker, { resume: true })).length)
    expect(await again()).toBe(3)
    expect(await again()).toBe(0)
  })

  it('is found again after a reload, if it was kept', async () => {
    const { page } = await visit('pick')
    await prepare(page, { keep: true })
    const picker = await openPopup(page, 'Pick')
    await picker.getByRole('checkbox').first().waitFor()
    await page.waitForFunction('states.includes("waiting")')
    await page.reload()
    await page.waitForFunction('window.broker')
    const resumed = page.evaluate(async () => (await pickPhotos(broker, { resume: true })).length)
    await pickInWindow(picker, 2)
    expect(await resumed).toBe(2)
  })

  it('asks at once when the window closes, and not after the rest of the interval', async () => {
    const { page } = await visit('pick')
    await stage.control('__settings', { poll_interval_seconds: 30 })
    try {
      const picker = await openPopup(page, 'Pick')
      await picker.getByRole('checkbox').first().waitFor()
      const asked = page.waitForRequest((request) => /\/v1\/sessions\/[^/]+$/.test(request.url()))
      await pickInWindow(picker, 1)
      await asked
      await outcome(page, 'ok') // within a second; a poll comes every thirty
    } finally {
      await stage.control('__settings', { poll_interval_seconds: 0.1 })
    }
  })

  it('takes timeoutIn for what is left', async () => {
    const { page } = await visit('pick')
    let asked = 0
    await page.route(/\/v1\/sessions\/[^/]+$/, async (route) => {
      if (route.request().method() !== 'GET') return route.continue()
      const json = await (await route.fetch()).json()
      json.pollingConfig = { pollInterval: '1s', timeoutIn: `${10 - ++asked}s` }
      await route.fulfill({ json })
    })
    await controlTime(page)
    await openPopup(page, 'Pick')
    await passing(page, outcome(page, 'popup_closed'))
    expect(asked).toBeGreaterThan(8) // measured from the beginning, the time is over at half of it
  })

  it('that is closed leaves another pick that was kept', async () => {
    const { page } = await visit('pick')
    await prepare(page, { keep: true })
    const picker = await openPopup(page, 'Pick')
    await page.waitForFunction('states.includes("waiting")')
    await page.reload()
    await page.waitForFunction('window.broker')
    const second = await openPopup(page, 'Pick')
    await second.getByRole('checkbox').first().waitFor()
    await second.close()
    await outcome(page, 'popup_closed')
    const resumed = page.evaluate(async () => (await pickPhotos(broker, { resume: true })).length)
    await pickInWindow(picker, 2)
    expect(await resumed).toBe(2)
  })

  it('settles at once when its signal is aborted, whatever Google does', async () => {
    const { page } = await visit('pick')
    await page.evaluate(() => {
      const stop = new AbortController()
      Object.assign(window, { stop, options: { signal: stop.signal } })
    })
    await page.route(/\/v1\/sessions\/[^/]+$/, async (route) => {
      if (route.request().method() !== 'DELETE') await route.continue()
    })
    const picker = await openPopup(page, 'Pick')
    await picker.getByRole('checkbox').first().waitFor()
    await page.evaluate('stop.abort("stopped")')
    await outcome(page, 'stopped')
    expect(picker.isClosed()).toBe(true)
  })

  it('stops when Google says so with timeoutIn 0s', async () => {
    const { page } = await visit('pick')
    let asked = 0
    await page.route(/\/v1\/sessions\/[^/]+$/, async (route) => {
      if (route.request().method() !== 'GET') return route.continue()
      asked++
      const response = await route.fetch()
      const session = await response.json()
      await route.fulfill({
        response,
        json: { ...session, pollingConfig: { pollInterval: '0.1s', timeoutIn: '0s' } },
      })
    })
    await openPopup(page, 'Pick')
    await outcome(page, 'popup_closed')
    expect(asked).toBe(1)
  })

  it('connects first, in the same window', async () => {
    const { context, page } = await visit()
    await prepare(page)
    const windows: Page[] = []
    context.on('page', (opened) => void windows.push(opened))
    const popup = await openPopup(page, 'Pick')
    await chooseAccount(popup, ADA)
    await popup.getByRole('button', { name: 'Continue' }).click()
    await pickInWindow(popup, 2)
    await outcome(page, 'ok')
    expect(windows).toEqual([popup])
    expect(await page.evaluate('states')).toEqual(['connecting', 'waiting', 'reading', 'reading'])
  })

  it('where popups are blocked, gives a link, or an error if there is nobody to show it', async () => {
    const { context, page } = await visit('pick')
    await page.evaluate(() => Object.assign(window, { open: () => null }))
    const deleted = page.waitForRequest((request) => request.method() === 'DELETE')
    await page.getByRole('button', { name: 'Pick' }).click()
    await outcome(page, 'popup_blocked')
    await deleted
    await page.evaluate(() => {
      const onBlocked = (uri: string): object => Object.assign(window, { uri })
      Object.assign(window, { options: { onBlocked } })
    })
    await page.getByRole('button', { name: 'Pick' }).click()
    await page.waitForFunction('window.uri')
    const picker = await context.newPage()
    await picker.goto(await page.evaluate('uri'))
    await picker.getByRole('checkbox').first().check()
    await picker.getByRole('button', { name: 'Done' }).click()
    await outcome(page, 'ok')
  })

  it('gives the bytes with progress, a file, camera data, and says when there is no film yet', async () => {
    const { page } = await visit('pick')
    await pickInWindow(await openPopup(page, 'Pick'), 12) // a film, and one that is still processed
    await outcome(page, 'ok')
    const got = await page.evaluate(async () => {
      const loads: number[] = []
      const photo = value.find(({ type }) => type === 'PHOTO')
      const file = await photo?.file({ onProgress: ({ loaded }) => void loads.push(loaded) })
      const unready = value.find(({ processingStatus }) => processingStatus === 'PROCESSING')
      const refused = await unready?.blob().catch(({ status, message }) => [status, message])
      const aborted = new AbortController()
      aborted.abort()
      const stopped = await photo?.blob({ signal: aborted.signal }).catch(({ name }: Error) => name)
      return {
        file: [file?.name === photo?.filename, file?.type, file?.size === loads.at(-1)],
        camera: photo?.camera,
        statuses: value.flatMap(({ processingStatus }) => processingStatus ?? []),
        ...{ refused, stopped },
      }
    })
    expect(got.file).toEqual([true, expect.stringMatching(/^image\//), true])
    expect(Object.keys(got.camera ?? {}).length).toBeGreaterThan(2)
    expect(got.statuses.sort()).toEqual(['PROCESSING', 'READY'])
    expect(got.refused).toEqual(['FILM_PROCESSING', expect.stringContaining('still processing')])
    expect(got.stopped).toBe('AbortError')
  })
})

/** Runs in the page: uploads files; the results stay in `results`. */
async function upload(
  contents: Record<string, string>,
  options: Partial<UploadOptions> = {},
): Promise<string[]> {
  const files = Object.entries(contents).map(
    ([name, text]) => new File([text], name, { type: 'image/jpeg' }),
  )
  const results = await uploadPhotos(broker, { bundle: 'album', files, ...options })
  Object.assign(window, { results })
  return results.map(({ file, mediaItem, error }) =>
    [file.name, mediaItem ? 'done' : error && 'status' in error ? error.status : error?.code].join(
      ' ',
    ),
  )
}

/** Uploads files into a new album. */
const run = (page: Page, files: Record<string, string>, title: string): Promise<string[]> =>
  page.evaluate(
    ([some, name]) =>
      (window as unknown as { run: typeof upload }).run(some, { album: { title: name } }),
    [files, title] as const,
  )

/** The albums of the user, and how many items each has, as the API tells. */
const albums = (page: Page): Promise<{ title: string; mediaItemsCount?: string }[]> =>
  page.evaluate(async () => {
    const { library } = await broker.apis()
    const answer = await broker.fetch('album', `${library}/v1/albums`)
    return (await answer.json()).albums ?? []
  })

/** Answers that no item was made, as Google does for a file that is no photo, and for an upload token that was used. */
function refuseItems(route: Route, response: APIResponse): Promise<void> {
  const { newMediaItems } = route.request().postDataJSON()
  const status = {
    code: 3,
    message: 'Failed: There was an error while trying to create this media item.',
  }
  const newMediaItemResults = newMediaItems.map(
    ({ simpleMediaItem: { uploadToken } }: { simpleMediaItem: { uploadToken: string } }) => ({
      ...{ uploadToken, status },
    }),
  )
  return route.fulfill({ response, json: { newMediaItemResults } })
}

const TWO = { 'a.jpg': 'aaa', 'b.jpg': 'bbb' }

describe('uploadPhotos', () => {
  it.each([
    { at: 'api:library.uploads', do: { status: 429, retry_after: 5 } },
    { at: 'api:library.albums.create', do: { status: 503 } },
    { at: 'api:library.mediaItems.batchCreate', do: { status: 503 } },
    { at: 'api:library.mediaItems.batchCreate', do: { status: 429, retry_after: 1 } },
  ])('waits out $do at $at; the files are in one album', async (fault) => {
    const { page } = await visit('album')
    await controlTime(page)
    const title = `Waited ${Math.random()}`
    await plan(fault)
    const done = await passing(page, run(page, TWO, title))
    expect(done).toEqual(['a.jpg done', 'b.jpg done'])
    const made = (await albums(page)).filter((album) => album.title === title)
    expect(made.map(({ mediaItemsCount }) => mediaItemsCount)).toEqual(['2'])
  })

  it('sends a batch again whose answer was lost, and makes one item of each file', async () => {
    const { page } = await visit('album')
    await controlTime(page)
    let lost = 0
    await page.route(/batchCreate$/, async (route) => {
      if (route.request().method() !== 'POST' || lost > 0) return route.continue()
      lost++
      await route.fetch() // Google gets it
      await route.abort()
    })
    const title = `Lost ${Math.random()}`
    const results = await passing(page, run(page, TWO, title))
    expect(results).toEqual(['a.jpg done', 'b.jpg done'])
    const [made] = (await albums(page)).filter((album) => album.title === title)
    expect(made?.mediaItemsCount).toBe('2')
  })

  it('gives every file a result when the token ends on the way, and throws nothing', async () => {
    const { page } = await visit('album')
    let tokens = 0
    await page.route(/\/v1\/uploads$/, async (route) => {
      if (route.request().method() === 'POST' && ++tokens === 2)
        await stage.control('__accounts/revoke', { account: 'ada@example.com' })
      await route.continue()
    })
    await page.evaluate(() => Object.assign(window, { open: () => null }))
    const files = { ...TWO, 'c.jpg': 'ccc' }
    expect(await page.evaluate(upload, files)).toEqual([
      'a.jpg consent_required',
      'b.jpg consent_required',
      'c.jpg consent_required',
    ])
  })

  it('makes the album only if there is something for it, once, and names it', async () => {
    const { page } = await visit('album')
    await controlTime(page)
    const title = `Once ${Math.random()}`
    const count = async (): Promise<number> =>
      (await albums(page)).filter((album) => album.title === title).length
    expect(await run(page, { 'empty.jpg': '' }, title)).toEqual(['empty.jpg EMPTY_FILE'])
    expect(await count()).toBe(0)
    const at = 'api:library.mediaItems.batchCreate'
    await plan({ at, do: { status: 400 } })
    expect(await run(page, TWO, title)).toEqual(['a.jpg UNKNOWN', 'b.jpg UNKNOWN'])
    expect(await count()).toBe(1)
    const again = await page.evaluate(async (name) => {
      const { results } = window as unknown as { results: UploadResult[] }
      const files = await uploadPhotos(broker, {
        bundle: 'album',
        files: results,
        album: { title: name },
      })
      return files.map(({ mediaItem, album }) => [mediaItem !== undefined, album?.title])
    }, title)
    expect(again).toEqual([
      [true, title],
      [true, title],
    ])
    expect(await count()).toBe(1)
  })

  it('uploads nothing twice after a lost answer, however often it is called', async () => {
    const { page } = await visit('album')
    let uploads = 0
    page.on('request', (request) => {
      if (request.method() === 'POST' && /\/v1\/uploads$/.test(request.url())) uploads++
    })
    let batches = 0
    await page.route(/batchCreate$/, async (route) => {
      if (route.request().method() !== 'POST') return route.continue()
      if (batches++ > 0) return refuseItems(route, await route.fetch())
      await page.evaluate(() => broker.signOut())
      await route.abort() // Google has made the items
    })
    await controlTime(page)
    const again = (): Promise<(string | undefined)[]> =>
      page.evaluate(async () => {
        const { results } = window as unknown as { results: UploadResult[] }
        const next = await uploadPhotos(broker, { bundle: 'album', files: results })
        Object.assign(window, { results: next })
        return next.map(({ error }) => (error && 'status' in error ? error.status : error?.code))
      })
    const lost = await passing(page, page.evaluate(upload, TWO))
    expect(lost).toEqual(['a.jpg login_required', 'b.jpg login_required'])
    await page.getByRole('button', { name: 'Connect' }).click() // nobody is asked: it was allowed before
    await outcome(page, 'ok')
    const unknown = ['UNKNOWN_OUTCOME', 'UNKNOWN_OUTCOME']
    expect(await passing(page, again())).toEqual(unknown)
    expect(await passing(page, again())).toEqual(unknown)
    expect(uploads).toBe(2)
  })

  it('says that a file is no photo also after 429', async () => {
    const { page } = await visit('album')
    await controlTime(page)
    await plan({ at: 'api:library.mediaItems.batchCreate', do: { status: 429, retry_after: 1 } })
    await page.route(/batchCreate$/, async (route) => {
      if (route.request().method() !== 'POST') return route.continue()
      const answer = await route.fetch()
      if (!answer.ok()) return route.fulfill({ response: answer })
      await refuseItems(route, answer)
    })
    const results = await passing(page, page.evaluate(upload, { 'a.jpg': 'aaa' }))
    expect(results).toEqual(['a.jpg INVALID_ARGUMENT'])
  })

  it('survives an onProgress that throws', async () => {
    const { page } = await visit('album')
    const done = await page.evaluate(async () => {
      const onProgress = (): never => {
        throw new Error('of the page')
      }
      const files = [new File(['aaa'], 'a.jpg', { type: 'image/jpeg' })]
      const [one] = await uploadPhotos(broker, { bundle: 'album', files, onProgress })
      return one?.mediaItem !== undefined
    })
    expect(done).toBe(true)
  })

  it('waits out a broker that is busy when it makes the album', async () => {
    const { page } = await visit('album')
    await controlTime(page)
    let refused = 0
    await page.route(/\/v1\/albums$/, (route) => {
      if (route.request().method() !== 'POST' || refused > 0) return route.continue()
      refused++
      return route.fulfill({
        status: 401,
        json: {},
        headers: { 'Access-Control-Allow-Origin': '*' },
      })
    })
    const busy = { error: 'slow_down', error_description: 'x', request_id: 'x' }
    await page.route(/\/session\/token$/, async (route) => {
      if (!route.request().postDataJSON()?.rejected || refused > 1) return route.continue()
      refused++
      await route.fulfill({
        status: 429,
        json: busy,
        headers: {
          'Access-Control-Allow-Origin': new URL(page.url()).origin,
          'Access-Control-Allow-Credentials': 'true',
        },
      })
    })
    const title = `Busy ${Math.random()}`
    expect(await passing(page, run(page, TWO, title))).toEqual(['a.jpg done', 'b.jpg done'])
    expect(refused).toBe(2)
  })

  it('takes a file of another window', async () => {
    const { page } = await visit('album')
    const result = await page.evaluate(async () => {
      const frame = document.body.appendChild(document.createElement('iframe'))
      const { File: Other } = frame.contentWindow as unknown as { File: typeof File }
      const files = [new Other(['x'], 'other.jpg', { type: 'image/jpeg' })]
      const [one] = await uploadPhotos(broker, { bundle: 'album', files })
      return [files[0] instanceof File, one?.mediaItem !== undefined]
    })
    expect(result).toEqual([false, true])
  })

  it('connects first, in a window that opens only then', async () => {
    const { page } = await visit()
    await page.evaluate(() => {
      const button = Object.assign(document.createElement('button'), { textContent: 'Send' })
      button.onclick = async () => {
        const files = [new File(['x'], 'a.jpg', { type: 'image/jpeg' })]
        const [result] = await uploadPhotos(broker, { bundle: 'album', files })
        Object.assign(window, { result })
      }
      document.body.append(button)
    })
    const popup = await openPopup(page, 'Send')
    await chooseAccount(popup, ADA)
    await popup.getByRole('button', { name: 'Continue' }).click()
    await page.waitForFunction('window.result?.mediaItem')
    expect(popup.isClosed()).toBe(true)
  })
})
