/** Random schedules of failures against picking and uploading: each promise settles, and nothing is lost or doubled. */

import fc from 'fast-check'
import type { Cookie, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Broker } from '../../src/client/index.ts'
import type { PickOptions, UploadOptions, UploadResult } from '../../src/client/photos/index.ts'
import { connect, stage, useStage } from './support/stage.ts'
import { passing, watchRequests } from './support/time.ts'

declare const broker: Broker
declare const pickPhotos: (broker: Broker, options: PickOptions) => Promise<unknown[]>
declare const uploadPhotos: (broker: Broker, options: UploadOptions) => Promise<UploadResult[]>

useStage()

/** What happens to one request to Google: nothing, or a failure. `lost after`: Google gets it, its answer is lost. */
type Fate = 'ok' | '429' | '500' | '503' | '401' | 'lost' | 'lost after' | 'hangs'

/** A schedule: what a user does, and what happens to each request, in turn. */
interface Schedule {
  does: 'picks' | 'closes the window' | 'reloads the page' | 'uploads'
  /** Photos to pick, or files to upload. */
  count: number
  /** How long the user takes, in seconds. */
  seconds: number
  fates: Fate[]
}

const SCHEDULES = 200
const fate = fc.oneof(
  { weight: 6, arbitrary: fc.constant<Fate>('ok') },
  { weight: 5, arbitrary: fc.constantFrom<Fate>('429', '500', '503', 'lost', 'lost after') },
  { weight: 1, arbitrary: fc.constantFrom<Fate>('hangs', '401') },
)
const does = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Schedule['does']>('picks') },
  { weight: 10, arbitrary: fc.constant<Schedule['does']>('uploads') },
  {
    weight: 1,
    arbitrary: fc.constantFrom<Schedule['does']>('closes the window', 'reloads the page'),
  },
)
const schedule: fc.Arbitrary<Schedule> = fc.record({
  does,
  count: fc.integer({ min: 1, max: 4 }),
  seconds: fc.constantFrom(0, 1, 10),
  fates: fc.oneof(
    { weight: 24, arbitrary: fc.array(fate, { maxLength: 12 }) },
    {
      weight: 1,
      arbitrary: fc.constantFrom<Fate>('503', 'lost').map((one) => Array<Fate>(400).fill(one)),
    }, // an outage
  ),
})

/** Runs in the page before its scripts: lets requests to Google fail, and plays the window of the picker. */
function install(): void {
  const state = { fates: [] as Fate[], seconds: 0, count: 0 }
  const take = (): Fate => state.fates.shift() ?? 'ok'
  const lost = (): never => {
    throw new TypeError('Failed to fetch')
  }
  const isOfGoogle = (url: string): boolean => /\/photos(picker|library)\//.test(url)
  const realFetch = window.fetch.bind(window)
  window.fetch = async (input, init) => {
    const fate = isOfGoogle(String(input)) ? take() : 'ok'
    const headers = { 'Retry-After': '2', 'Content-Type': 'application/json' }
    if (/^\d/.test(fate)) return new Response('{}', { status: Number(fate), headers })
    if (fate === 'lost') lost()
    if (fate === 'hangs')
      return new Promise((_, reject) => {
        init?.signal?.addEventListener('abort', () =>
          reject(new DOMException('aborted', 'AbortError')),
        )
      })
    const response = await realFetch(input, init)
    return fate === 'lost after' ? lost() : response
  }
  const { send } = XMLHttpRequest.prototype
  XMLHttpRequest.prototype.send = function (this: XMLHttpRequest, body) {
    const fate = take()
    if (fate === 'ok' || fate === 'lost after') send.call(this, body)
    else if (fate === 'lost') queueMicrotask(() => this.onerror?.(new ProgressEvent('error')))
    else if (fate !== 'hangs') {
      const answer = { status: Number(fate), responseText: '{}' }
      for (const [name, value] of Object.entries(answer))
        Object.defineProperty(this, name, { value })
      queueMicrotask(() => this.onload?.(new ProgressEvent('load')))
    }
    if (fate === 'hangs') this.abort = () => this.onabort?.(new ProgressEvent('abort'))
    if (fate === 'lost after')
      this.addEventListener('load', () => this.onerror?.(new ProgressEvent('error')), {
        capture: true,
      })
  }
  window.open = () => {
    const popup = {
      closed: false,
      close: () => {
        popup.closed = true
      },
      location: {
        replace(url: string) {
          const { pickAt, requests } = window as unknown as {
            pickAt(url: string, count: number): Promise<void>
            requests: { begin(): void; end(): void }
          }
          const choose = async (): Promise<void> => {
            requests.begin()
            if (state.count > 0) await pickAt(url, state.count)
            requests.end()
            popup.closed = true
          }
          setTimeout(() => void choose(), state.seconds * 1000)
        },
      },
    }
    return popup as unknown as Window
  }
  Object.assign(window, { state })
}

/** Runs in the page: what the user does; @returns what came of it */
async function play({ does, count, seconds, fates }: Schedule, name: string): Promise<string> {
  const { state } = window as unknown as { state: object }
  Object.assign(state, {
    fates: [...fates],
    seconds,
    count: does === 'closes the window' ? 0 : count,
  })
  const codeOf = (error: { code?: string; status?: string; message: string }): string =>
    error.code ?? error.status ?? error.message
  if (does !== 'uploads') {
    const picked = pickPhotos(broker, { keep: true })
    return picked.then((items) => `picked ${items.length}`, codeOf)
  }
  const files = Array.from(
    { length: count },
    (_, index) => new File([`${name} ${index}`], `${name}-${index}.jpg`, { type: 'image/jpeg' }),
  )
  const results = await uploadPhotos(broker, { bundle: 'album', files })
  Object.assign(window, { results })
  const isWhole = results.every(
    ({ mediaItem, error }) => (mediaItem === undefined) !== (error === undefined),
  )
  return isWhole && results.length === count ? 'a result for each file' : 'results are missing'
}

/** Runs in the page, when nothing fails any more: what is still to be had. */
async function rescue({ does }: Schedule, name: string): Promise<string[]> {
  const { state, results } = window as unknown as {
    state: { fates: Fate[] }
    results: UploadResult[]
  }
  state.fates = []
  if (does !== 'uploads') return [`picked ${(await pickPhotos(broker, { resume: true })).length}`]
  await uploadPhotos(broker, { bundle: 'album', files: results })
  const { library } = await broker.apis()
  const answer = await broker.fetch('album', `${library}/v1/mediaItems?pageSize=100`)
  const { mediaItems = [] }: { mediaItems?: { filename: string }[] } = await answer.json()
  return mediaItems.map(({ filename }) => filename).filter((file) => file.startsWith(`${name}-`))
}

/** What is wrong with a schedule; empty if nothing is. */
async function run(page: Page, one: Schedule, name: string): Promise<string> {
  if (one.does === 'reloads the page') {
    void page.evaluate(play as never, { ...one, fates: [], seconds: 0 }).catch(() => {})
    await page.waitForFunction("localStorage.getItem('photos-token-broker picking pick')")
    await page.reload()
    await page.waitForFunction('window.broker')
    const [picked] = await passing(page, page.evaluate(rescue as never, one) as Promise<string[]>)
    return picked === `picked ${one.count}` ? '' : `after the reload: ${picked}`
  }
  const outcome = await passing(
    page,
    page.evaluate(`(${play})(${JSON.stringify(one)}, '${name}')`) as Promise<string>,
  )
  const left = await passing(
    page,
    page.evaluate(`(${rescue})(${JSON.stringify(one)}, '${name}')`) as Promise<string[]>,
  )
  if (one.does === 'uploads') {
    const expected = Array.from({ length: one.count }, (_, index) => `${name}-${index}.jpg`)
    const isExact = left.sort().join() === expected.join()
    return outcome === 'a result for each file' && isExact ? '' : `${outcome}; there is ${left}`
  }
  if (one.does === 'closes the window') return /^picked/.test(outcome) ? outcome : ''
  const isGot = outcome === `picked ${one.count}` || left[0] === `picked ${one.count}`
  const isNotPicked =
    /^(temporarily_unavailable|UN\w+|INTERNAL)$/.test(outcome) && one.fates.length > 20
  return isGot || isNotPicked ? '' : `${outcome}; later ${left}`
}

/** Opens a page that has a session by its cookies, where requests can fail. */
async function openPlayer(cookies: Cookie[]): Promise<Page> {
  const { context, page } = await stage.visit('cookie')
  await context.addCookies(cookies)
  await page.exposeFunction('pickAt', async (url: string, count: number) => {
    const html = await (await fetch(url)).text()
    const ids = [...html.matchAll(/name="photo" value="([^"]+)"/g)].map(([, id = '']) => id)
    const body = new URLSearchParams(ids.slice(0, count).map((id) => ['photo', id]))
    await fetch(url, { method: 'POST', body, redirect: 'manual' })
  })
  await context.addInitScript(watchRequests)
  await context.addInitScript(install)
  await context.clock.install()
  await page.reload()
  await page.waitForFunction('window.broker')
  return page
}

/** How many schedules are played side by side, in a browser each: mostly they wait. */
const PLAYERS = 5

/** `PHOTOS_SEED` plays other schedules. */
const SEED = Number(process.env['PHOTOS_SEED'] ?? 1)

const polls = (seconds: number) => stage.control('__settings', { poll_interval_seconds: seconds })
beforeAll(() => polls(2)) // a user takes up to ten seconds
afterAll(() => polls(0.1))

it(`${SCHEDULES} random schedules of failures lose nothing, and upload nothing twice`, async () => {
  const schedules = [...fc.sample(schedule, { seed: SEED, numRuns: SCHEDULES }).entries()]
  const { context, page } = await stage.visit('cookie')
  await connect(page, 'pick')
  await connect(page, 'album')
  const cookies = await context.cookies()
  const play = async (): Promise<void> => {
    const page = await openPlayer(cookies)
    for (let next = schedules.shift(); next; next = schedules.shift()) {
      const [index, one] = next
      const wrong = await run(page, one, `s${SEED}n${index}`)
      const again = `schedule ${index} of PHOTOS_SEED=${SEED}: ${JSON.stringify(one)}`
      expect(wrong, again).toBe('')
    }
  }
  await Promise.all(Array.from({ length: PLAYERS }, play))
})
