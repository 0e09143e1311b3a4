/** This file is a Picker session from one end to the other: made, opened, waited for, read, deleted. */

import { type Broker, BrokerError } from '../index.ts'
import { pause } from '../pause.ts'
import { openPopup } from '../popup.ts'
import { type Api, request } from './request.ts'

/** What to pick. */
export interface PickOptions {
  /** Bundle with the Picker scope; `pick` if left out. */
  bundle?: string
  /** At most so many; Google's own limit if left out. */
  maxItems?: number
  /** Is told the address of the picker where popups are blocked, to show it as a link. */
  onBlocked?: (pickerUri: string) => void
  signal?: AbortSignal
}

/** How to see a picked item. */
export interface SourceOptions {
  /** Pixels, at most; its proportions stay. */
  width?: number
  height?: number
  /** The bytes as they were taken; of a video its film instead of a still. */
  original?: boolean
}

/** An item that was picked. */
export interface PickedItem {
  readonly id: string
  readonly type: 'PHOTO' | 'VIDEO'
  readonly mimeType: string
  readonly filename: string
  readonly createTime: string
  /** Pixels. */
  readonly width: number
  readonly height: number
  /** An address for `<img>` or `<video>`, good for 15 minutes. Google's own lives for an hour. */
  src(options?: SourceOptions): Promise<string>
  /** The original bytes. */
  blob(): Promise<Blob>
}

interface Session {
  id: string
  pickerUri: string
  mediaItemsSet?: boolean
  pollingConfig?: { pollInterval?: string; timeoutIn?: string }
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

const DEFAULT_POLL_SECONDS = 5
const DEFAULT_SIZE = 512
const PAGE_SIZE = 100
const MAX_URLS = 100

/**
 * Has the user pick photos and videos. Call it in a click: it opens Google's picker in a window.
 *
 * @returns what was picked
 * @throws {BrokerError} `popup_closed` when nothing was, or what `broker.token` throws
 * @throws {PhotosError} Google's refusal
 */
export async function pickPhotos(broker: Broker, options: PickOptions = {}): Promise<PickedItem[]> {
  const { bundle = 'pick', maxItems, onBlocked, signal } = options
  const window = openPopup() // in the click
  const api: Api = { broker, bundle, base: `${broker.apis.picker}/v1`, signal }
  const config = maxItems ? { pickingConfig: { maxItemCount: String(maxItems) } } : {}
  try {
    const session = await request<Session>(api, 'POST', '/sessions', config)
    try {
      if (window) window.location.replace(`${session.pickerUri}/autoclose`)
      else onBlocked?.(session.pickerUri)
      await untilPicked(api, session, window)
      return await listItems(api, session)
    } finally {
      await request({ ...api, signal: undefined }, 'DELETE', `/sessions/${session.id}`).catch(
        () => {}, // it ends by itself
      )
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
    // A window that a policy has cut off looks closed as well, but keeps the focus.
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
    const page = await request<{ mediaItems?: ApiItem[]; nextPageToken?: string }>(
      api,
      'GET',
      `/mediaItems?${query}`,
    )
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
    src({ width = DEFAULT_SIZE, height = DEFAULT_SIZE, original = false } = {}) {
      const whole = type === 'VIDEO' ? 'dv' : 'd'
      return source(`${baseUrl}=${original ? whole : `w${width}-h${height}`}`)
    },
    async blob() {
      const response = await fetch(await item.src({ original: true }))
      if (!response.ok) throw new BrokerError('temporarily_unavailable')
      return response.blob()
    },
  }
  return item
}

/** Gets relay addresses; those that are asked for in one go go out together. */
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

/** Reads a duration of Google's, such as `5s`. */
function seconds(duration: string | undefined): number {
  return Number.parseFloat(duration ?? '0')
}
