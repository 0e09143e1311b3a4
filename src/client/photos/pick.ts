/** Picking: a session of Google's Picker API is created, opened, waited for, read and deleted. */

import { type Broker, BrokerError } from '../index.ts'
import { pause } from '../pause.ts'
import { openPopup } from '../popup.ts'
import { type ApiItem, createSources, type PickedItem, toItem } from './items.ts'
import { keepSession, keptSession } from './kept-session.ts'
import { isNotConnected, PhotosError } from './photos-error.ts'
import { type Api, patiently, request } from './request.ts'

/** What happens during a pick. `items` counts those that were read so far. */
export interface PickState {
  /**
   * `connecting`: the user is asked for consent. `waiting`: for the choice of the user. `reading`: the list of what was
   * chosen. `retrying`: a request failed, and is sent again soon.
   */
  state: 'connecting' | 'waiting' | 'reading' | 'retrying'
  items: number
}

/** Options of `pickPhotos`. */
export interface PickOptions {
  /** A bundle with the Picker scope. Default: `pick`. */
  bundle?: string
  /** The largest number of items, at least 1. Default: Google's own limit. */
  maxItems?: number
  /** Is called with the address of the picker if popups are blocked. Show it as a link. */
  onBlocked?: (pickerUri: string) => void
  /** Is called when something else happens. */
  onState?: (state: PickState) => void
  /** Remembers the pick in this browser, so that `resume` finds it after a reload. Default: `false`. */
  keep?: boolean
  /** Opens no window, and goes on with the pick that was kept; without one, nothing was picked. Default: `false`. */
  resume?: boolean
  /** Ends the wait for the user, and the session. */
  signal?: AbortSignal | undefined
}

/** A session; https://developers.google.com/photos/picker/reference/rest/v1/sessions. */
interface Session {
  id: string
  pickerUri: string
  mediaItemsSet?: boolean
  pollingConfig?: { pollInterval?: string; timeoutIn?: string }
}

interface ApiPage {
  mediaItems?: ApiItem[]
  nextPageToken?: string
}

/** How often the session is read, and for how long, if Google does not say, in seconds. */
const DEFAULTS = { poll: 5, timeout: 30 * 60 }
/** How often the window is checked for being closed, in milliseconds. */
const WINDOW_MS = 200
/** How long after the window closed Google may say that nothing was picked yet, in milliseconds. */
const GRACE_MS = 1000
/** How long failures are waited out before and after the user's choice, in milliseconds. */
const LIMIT_MS = 5 * 60_000
/** The most items that Google lists on a page. */
const PAGE_SIZE = 100

/**
 * Lets the user pick photos and videos in a window of Google's picker. Call it in a click. A user who is not connected is
 * asked for consent first, in the same window.
 *
 * Failures that pass (429, 5xx, a lost network) are waited out for as long as Google keeps the session open. If what was
 * picked cannot be read in the end, `resume` gets it later.
 *
 * @example
 * const photos = await pickPhotos(broker, { maxItems: 20 })
 * image.src = await photos[0].src({ width: 800, height: 600 })
 * @returns the picked items; with `resume`, an empty list if there is no pick to go on with
 * @throws {BrokerError} `popup_closed`: nothing was picked; `popup_blocked`: popups are blocked, and there is no
 *   `onBlocked`; what `broker.connect` throws
 * @throws {PhotosError} the error that Google answered
 * @throws the reason of `signal`
 */
export async function pickPhotos(broker: Broker, options: PickOptions = {}): Promise<PickedItem[]> {
  const { bundle = 'pick', signal, keep = false, resume = false } = options
  const popup = resume ? null : openPopup() // in the click
  let last = ''
  const report = (state: PickState['state'], items = 0): void => {
    const now = `${state} ${items}`
    if (now !== last) options.onState?.({ state, items })
    last = now
  }
  const retrying = (): void => report('retrying')
  try {
    const api: Api = { broker, bundle, base: `${(await broker.apis()).picker}/v1`, signal }
    const session = resume
      ? await findKept(api, retrying)
      : await openSession(api, popup, options, { report, retrying })
    if (!session) return []
    if (keep) keepSession(bundle, session.id)
    try {
      report('waiting')
      await untilPicked(api, session, popup, report)
      const items = await listItems(api, session, report)
      await endSession(api, session)
      return items
    } catch (error) {
      const isOver = error instanceof BrokerError && error.code === 'popup_closed'
      if (isOver || signal?.aborted) void endSession(api, session)
      else keepSession(bundle, session.id) // the user may have picked
      throw error
    }
  } finally {
    popup?.close()
  }
}

type Reports = { report(state: PickState['state'], items?: number): void; retrying(): void }

/** Creates a session and shows its picker, after a consent if that is needed. */
async function openSession(
  api: Api,
  popup: Window | null,
  { maxItems, onBlocked }: PickOptions,
  { report, retrying }: Reports,
): Promise<Session> {
  const { broker, bundle, signal } = api
  const config = maxItems ? { pickingConfig: { maxItemCount: String(maxItems) } } : {}
  let session: Session | undefined
  const create = async (): Promise<string> => {
    const patience = { signal, limit_ms: LIMIT_MS, onRetry: retrying }
    session = await patiently(() => request<Session>(api, 'POST', '/sessions', config), patience)
    return `${session.pickerUri}/autoclose`
  }
  try {
    const address = await create()
    popup?.location.replace(address)
  } catch (error) {
    if (!isNotConnected(error)) throw error
    report('connecting')
    if (popup) await broker.connect(bundle, { signal, popup, next: create })
    else await broker.connect(bundle, { signal }) // the page goes to Google, and comes back
  }
  if (!session) throw new BrokerError('popup_closed')
  if (popup) return session
  if (onBlocked) onBlocked(session.pickerUri)
  else {
    await endSession(api, session)
    throw new BrokerError('popup_blocked')
  }
  return session
}

/** Finds the pick that was kept; `undefined` if there is none, or Google has deleted it. */
async function findKept(api: Api, onRetry: () => void): Promise<Session | undefined> {
  const id = keptSession(api.bundle)
  if (id === undefined) return undefined
  const patience = { signal: api.signal, limit_ms: LIMIT_MS, onRetry }
  try {
    return await patiently(() => request<Session>(api, 'GET', `/sessions/${id}`), patience)
  } catch (error) {
    if (!(error instanceof PhotosError && error.http === 404)) throw error
    keepSession(api.bundle, undefined)
    return undefined
  }
}

/** Waits until the user has picked. @throws {BrokerError} `popup_closed`: the window is closed, or the time is over */
async function untilPicked(
  api: Api,
  session: Session,
  popup: Window | null,
  report: Reports['report'],
): Promise<void> {
  let current = session
  let ends_at = Date.now() + DEFAULTS.timeout * 1000
  for (let isLast = false; !current.mediaItemsSet; ) {
    const { pollInterval, timeoutIn } = current.pollingConfig ?? {}
    if (timeoutIn) ends_at = Date.now() + seconds(timeoutIn) * 1000 // what is left
    const limit_ms = ends_at - Date.now()
    if (isLast || limit_ms <= 0) throw new BrokerError('popup_closed')
    const poll_ms = (seconds(pollInterval ?? '') || DEFAULTS.poll) * 1000
    isLast = await untilClosed(popup, poll_ms, api.signal)
    const read = (): Promise<Session> => request(api, 'GET', `/sessions/${session.id}`)
    const patience = { signal: api.signal, limit_ms, onRetry: () => report('retrying') }
    current = await patiently(read, patience)
    if (isLast && !current.mediaItemsSet) {
      await pause(GRACE_MS, api.signal)
      current = await patiently(read, patience)
    }
    report(current.mediaItemsSet ? 'reading' : 'waiting')
  }
}

/**
 * Waits for a time, or until the window is closed. A window that an opener policy has cut off looks closed too; but then
 * it has the focus, and not this page.
 *
 * @returns whether it is closed
 */
async function untilClosed(
  popup: Window | null,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  for (let left = ms; left > 0; left -= WINDOW_MS) {
    await pause(Math.min(left, WINDOW_MS), signal)
    if (popup?.closed && document.hasFocus()) return true
  }
  return false
}

async function listItems(
  api: Api,
  { id }: Session,
  report: Reports['report'],
): Promise<PickedItem[]> {
  const items: PickedItem[] = []
  const sources = createSources(api)
  let pageToken: string | undefined
  do {
    const query = new URLSearchParams({ sessionId: id, pageSize: String(PAGE_SIZE) })
    if (pageToken) query.set('pageToken', pageToken)
    const read = (): Promise<ApiPage> => request(api, 'GET', `/mediaItems?${query}`)
    const onRetry = (): void => report('retrying', items.length)
    const page = await patiently(read, { signal: api.signal, limit_ms: LIMIT_MS, onRetry })
    for (const item of page.mediaItems ?? []) items.push(toItem(item, sources))
    pageToken = page.nextPageToken
    report('reading', items.length)
  } while (pageToken)
  return items
}

/** Google ends the session later by itself, if this fails. */
async function endSession(api: Api, { id }: Session): Promise<void> {
  if (keptSession(api.bundle) === id) keepSession(api.bundle, undefined) // another pick may have been kept
  await request({ ...api, signal: undefined }, 'DELETE', `/sessions/${id}`).catch(() => {})
}

/** Reads a duration in Google's format, such as `5s`. */
function seconds(duration: string): number {
  return Number.parseFloat(duration)
}
