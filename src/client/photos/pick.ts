/** Picking: a session of Google's Picker API is created, opened, waited for, read and deleted. */

import { type Broker, BrokerError } from '../index.ts'
import { pause } from '../pause.ts'
import { openPopup } from '../popup.ts'
import { type Api, request } from './request.ts'

/** Options of `pickPhotos`. */
export interface PickOptions {
  /** A bundle with the Picker scope. Default: `pick`. */
  bundle?: string
  /** The largest number of items, at least 1. Default: Google's own limit. */
  maxItems?: number
  /** Is called with the address of the picker if popups are blocked. Show it as a link. */
  onBlocked?: (pickerUri: string) => void
  /** Ends the wait for the user, and the session. */
  signal?: AbortSignal
}

/** Options of `src`. */
export interface SourceOptions {
  /** The largest width and height in pixels; the proportions stay. Default: 512 each. */
  width?: number
  height?: number
  /**
   * Google's download of the item instead of a picture of that size: `=d`, a photo in full size with its Exif data except
   * the place, or `=dv`, a transcoded film of a video. Neither is the file as it was taken. Default: `false`.
   */
  original?: boolean
}

/** A photo or video that the user picked. */
export interface PickedItem {
  /** Google's id of the item. */
  readonly id: string
  readonly type: 'PHOTO' | 'VIDEO'
  readonly mimeType: string
  readonly filename: string
  /** When it was taken; RFC 3339. */
  readonly createTime: string
  /** In pixels; 0 if Google does not say. */
  readonly width: number
  readonly height: number
  /**
   * Gets an address for `<img>` or `<video>`, valid for 15 minutes. Call it within an hour after the pick.
   * @throws {BrokerError} what `broker.media` throws
   */
  src(options?: SourceOptions): Promise<string>
  /** Gets the bytes of Google's download. @throws {BrokerError} what `src` throws; `temporarily_unavailable` */
  blob(): Promise<Blob>
}

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

interface ApiItem {
  id: string
  type: PickedItem['type']
  createTime: string
  mediaFile: {
    baseUrl: string
    mimeType: string
    filename: string
    mediaFileMetadata?: { width?: number; height?: number }
  }
}

/** How often the session is read if Google names no interval. */
const DEFAULT_POLL_SECONDS = 5
const DEFAULT_SIZE_PX = 512
/** The most items that Google lists on a page. */
const PAGE_SIZE = 100
/** The most addresses that the broker makes in one request. */
const MAX_URLS = 100

/**
 * Lets the user pick photos and videos in a window of Google's picker. Call it in a click.
 *
 * @example
 * const photos = await pickPhotos(broker, { maxItems: 20 })
 * image.src = await photos[0].src({ width: 800, height: 600 })
 * @returns the picked items
 * @throws {BrokerError} `popup_closed`: nothing was picked; what `broker.token` throws
 * @throws {PhotosError} the error that Google answered
 * @throws the reason of `signal`
 */
export async function pickPhotos(broker: Broker, options: PickOptions = {}): Promise<PickedItem[]> {
  const { bundle = 'pick', maxItems, onBlocked, signal } = options
  const window = openPopup() // in the click
  const api: Api = { broker, bundle, base: `${(await broker.apis()).picker}/v1`, signal }
  const config = maxItems ? { pickingConfig: { maxItemCount: String(maxItems) } } : {}
  try {
    const session = await request<Session>(api, 'POST', '/sessions', config)
    try {
      if (window) window.location.replace(`${session.pickerUri}/autoclose`)
      else onBlocked?.(session.pickerUri)
      await untilPicked(api, session, window)
      return await listItems(api, session)
    } finally {
      const deletion = request({ ...api, signal: undefined }, 'DELETE', `/sessions/${session.id}`)
      await deletion.catch(() => {}) // Google ends the session later
    }
  } finally {
    window?.close()
  }
}

async function untilPicked(api: Api, session: Session, window: Window | null): Promise<void> {
  const { pollInterval, timeoutIn } = session.pollingConfig ?? {}
  const interval = seconds(pollInterval) || DEFAULT_POLL_SECONDS
  const ends_at = Date.now() + (seconds(timeoutIn) || Number.POSITIVE_INFINITY) * 1000
  while (Date.now() < ends_at) {
    // A window that an opener policy cut off looks closed too; but then the focus is there, not on this page.
    const isClosed = window?.closed && document.hasFocus()
    const { mediaItemsSet } = await request<Session>(api, 'GET', `/sessions/${session.id}`)
    if (mediaItemsSet) return
    if (isClosed) break
    await pause(interval * 1000, api.signal)
  }
  throw new BrokerError('popup_closed')
}

async function listItems(api: Api, { id }: Session): Promise<PickedItem[]> {
  const items: PickedItem[] = []
  const sources = createSources(api)
  let pageToken: string | undefined
  do {
    const query = new URLSearchParams({ sessionId: id, pageSize: String(PAGE_SIZE) })
    if (pageToken) query.set('pageToken', pageToken)
    const page = await request<ApiPage>(api, 'GET', `/mediaItems?${query}`)
    for (const item of page.mediaItems ?? []) items.push(toItem(item, sources))
    pageToken = page.nextPageToken
  } while (pageToken)
  return items
}

function toItem(
  { id, type, createTime, mediaFile }: ApiItem,
  source: (url: string) => Promise<string>,
): PickedItem {
  const { baseUrl, mimeType, filename, mediaFileMetadata } = mediaFile
  const item: PickedItem = {
    ...{ id, type, createTime, mimeType, filename },
    width: mediaFileMetadata?.width ?? 0,
    height: mediaFileMetadata?.height ?? 0,
    src({ width = DEFAULT_SIZE_PX, height = DEFAULT_SIZE_PX, original = false } = {}) {
      const download = type === 'VIDEO' ? 'dv' : 'd'
      return source(`${baseUrl}=${original ? download : `w${width}-h${height}`}`)
    },
    async blob() {
      const response = await fetch(await item.src({ original: true }))
      if (!response.ok) throw new BrokerError('temporarily_unavailable')
      return response.blob()
    },
  }
  return item
}

/** Gets addresses of the media relay; those asked for in the same task go out in one request. */
function createSources({ broker, bundle }: Api): (url: string) => Promise<string> {
  const waiting: { url: string; resolve(src: string): void; reject(error: unknown): void }[] = []
  const flush = async (): Promise<void> => {
    const batch = waiting.splice(0, MAX_URLS)
    if (waiting.length > 0) queueMicrotask(() => void flush())
    try {
      const urls = batch.map(({ url }) => url)
      const sources = await broker.media(bundle, urls)
      for (const [index, { resolve }] of batch.entries()) resolve(sources[index] ?? '')
    } catch (error) {
      for (const { reject } of batch) reject(error)
    }
  }
  return (url) =>
    new Promise((resolve, reject) => {
      if (waiting.push({ url, resolve, reject }) === 1) queueMicrotask(() => void flush())
    })
}

/** Reads a duration in Google's format, such as `5s`. */
function seconds(duration: string | undefined): number {
  return Number.parseFloat(duration ?? '0')
}
