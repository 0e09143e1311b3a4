/** Uploading: the bytes of each file with progress, then media items of them, fifty at a time. */

import { type Broker, BrokerError } from '../index.ts'
import { openPopup } from '../popup.ts'
import { errorOf, isNotConnected, isPassing, PhotosError } from './photos-error.ts'
import { type Api, patiently, request } from './request.ts'
import { checkFile, sendBytes } from './send-bytes.ts'

/** Options of `uploadPhotos`. */
export interface UploadOptions {
  /** A bundle with `photoslibrary.appendonly`. Default: `upload`. */
  bundle?: string
  /** Files, or results of an earlier call: of those, only what is not done yet is tried again. */
  files: Iterable<File | UploadResult>
  /**
   * The id of an album of this app, or the title of an album to create. It is created when there is something for it, and
   * only once: the results name it, and the next call with them uses it again. Default: no album.
   */
  album?: { id: string } | { title: string }
  /** Is called at the start, after each part of the bytes and after each batch of items. */
  onProgress?: (progress: Progress) => void
  signal?: AbortSignal | undefined
}

/** The progress of an upload. */
export interface Progress {
  /** Bytes that were sent. */
  sent: number
  /** Bytes of all files. */
  total: number
  /** Files that are in the library. */
  done: number
  files: number
}

/** An album of this app. */
export interface Album {
  id: string
  title?: string
  productUrl?: string
}

/** The result for one file: with `mediaItem` it is in the library, with `error` it is not. */
export interface UploadResult {
  file: File
  /** Google's token for the uploaded bytes, valid for a day. */
  uploadToken?: string
  /** Whether Google may have made an item of that token already: an answer was lost. */
  mayBeThere?: boolean
  /** The item in the library. */
  mediaItem?: { id: string; productUrl?: string; filename?: string }
  /** The album that the file is in, or will be. */
  album?: Album
  /** Why the file is not in the library. Pass the result to `uploadPhotos` to try again. */
  error?: BrokerError | PhotosError
}

interface NewItems {
  newMediaItemResults?: NewItemResult[]
}

interface NewItemResult {
  uploadToken: string
  status?: { code?: number; message?: string }
  mediaItem?: NonNullable<UploadResult['mediaItem']>
}

/** The most items that Google creates in one request. */
const BATCH = 50
/** How long failures are waited out, in milliseconds: for all files together, since the last success, or since a file got further. */
const LIMIT_MS = 3 * 60_000

/**
 * Uploads files to the user's library. A user who is not connected is asked for consent first: then call it in a click.
 *
 * Failures that pass (429, 5xx, a lost network) are waited out for three minutes. Whatever happens, every file gets a
 * result, and nothing is uploaded twice.
 *
 * @example
 * const results = await uploadPhotos(broker, { files: input.files, album: { title: 'From my app' } })
 * const failed = results.filter(({ error }) => error)
 * @returns one result for each file, in their order
 * @throws the reason of `signal`, and nothing else
 */
export async function uploadPhotos(
  broker: Broker,
  options: UploadOptions,
): Promise<UploadResult[]> {
  const { bundle = 'upload', album, onProgress, signal } = options
  const results = [...options.files].map(toResult)
  const open = results.filter(({ mediaItem }) => !mediaItem)
  const sent = new Map<UploadResult, number>()
  const sentOf = (result: UploadResult): number =>
    result.uploadToken || result.mediaItem ? result.file.size : (sent.get(result) ?? 0)
  const report = (): void => {
    try {
      onProgress?.({
        sent: results.reduce((sum, result) => sum + sentOf(result), 0),
        total: results.reduce((sum, { file }) => sum + file.size, 0),
        done: results.filter(({ mediaItem }) => mediaItem).length,
        files: results.length,
      })
    } catch (error) {
      reportError(error) // it is of the page, and ends no upload
    }
  }
  /** Does work for some files; a failure becomes their result. */
  const attempt = async (
    some: readonly UploadResult[],
    work: () => Promise<void>,
  ): Promise<void> => {
    try {
      await work()
    } catch (error) {
      signal?.throwIfAborted()
      for (const result of some) if (!result.mediaItem) result.error ??= toError(error)
    }
  }
  report()
  let deadline = Date.now() + LIMIT_MS
  const wait = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      const value = await patiently(work, { signal, limit_ms: Math.max(0, deadline - Date.now()) })
      deadline = Date.now() + LIMIT_MS
      return value
    } catch (error) {
      if (isPassing(error) && Date.now() < deadline) return wait(work) // a file got further meanwhile
      throw error
    }
  }
  await attempt(open, async () => {
    await wait(() => connectIfNeeded(broker, bundle, signal))
    const api: Api = { broker, bundle, base: `${(await wait(broker.apis)).library}/v1`, signal }
    for (const result of open) {
      if (result.uploadToken) continue
      await attempt([result], async () => {
        checkFile(result.file)
        let most = 0
        const onSent = (bytes: number): void => {
          sent.set(result, bytes)
          if (bytes > most) deadline = Date.now() + LIMIT_MS
          most = Math.max(most, bytes)
          report()
        }
        result.uploadToken = await wait(() => sendBytes(api, result.file, onSent))
      })
      report()
    }
    const ready = open.filter(({ uploadToken }) => uploadToken)
    if (ready.length === 0) return
    await attempt(ready, async () => {
      const at = await albumOf(api, results, album, wait)
      if (at) for (const result of ready) result.album = at
      for (let from = 0; from < ready.length; from += BATCH) {
        const batch = ready.slice(from, from + BATCH)
        await attempt(batch, () => createItems(api, batch, at, wait))
        report()
      }
    })
  })
  return results
}

/** A popup is opened only if it is needed; the page itself never leaves, or the files would be lost. */
async function connectIfNeeded(
  broker: Broker,
  bundle: string,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    await broker.token(bundle, { signal })
  } catch (error) {
    if (!isNotConnected(error)) throw error
    const popup = openPopup()
    if (!popup) throw error
    await broker.connect(bundle, { popup, signal })
  }
}

type Wait = <T>(work: () => Promise<T>) => Promise<T>

/**
 * The album of an earlier call, the one with that id, or a new one. After a lost answer it is not created again: there
 * would be two.
 */
async function albumOf(
  api: Api,
  results: readonly UploadResult[],
  album: UploadOptions['album'],
  wait: Wait,
): Promise<Album | undefined> {
  const known = results.find((result) => result.album)?.album
  if (known || !album) return known
  if ('id' in album) return { id: album.id }
  return wait(() =>
    request<Album>(api, 'POST', '/albums', { album }).catch((error) => {
      throw isLost(error)
        ? new PhotosError(0, 'ALBUM_UNKNOWN', { description: String(error) })
        : error
    }),
  )
}

/**
 * Creates the media items of one batch; Google answers for each. What fails for a while is sent again with the same upload
 * tokens, of which Google makes one item each.
 */
async function createItems(
  api: Api,
  batch: readonly UploadResult[],
  album: Album | undefined,
  wait: Wait,
): Promise<void> {
  await wait(async () => {
    const open = batch.filter(({ mediaItem, uploadToken }) => uploadToken && !mediaItem)
    const newMediaItems = open.map(({ file, uploadToken }) => ({
      simpleMediaItem: { uploadToken, fileName: file.name },
    }))
    const json = { ...(album ? { albumId: album.id } : {}), newMediaItems }
    const { newMediaItemResults = [] } = await request<NewItems>(
      api,
      'POST',
      '/mediaItems:batchCreate',
      json,
    ).catch((error) => {
      const isUnknown = isLost(error) || (error instanceof PhotosError && error.http >= 500)
      if (isUnknown) for (const result of open) result.mayBeThere = true
      throw error
    })
    for (const result of open) {
      const answer = newMediaItemResults.find(
        ({ uploadToken }) => uploadToken === result.uploadToken,
      )
      if (answer?.mediaItem) {
        result.mediaItem = answer.mediaItem
        delete result.error
        continue
      }
      const { code = 13, message } = answer?.status ?? {}
      const isUsedUp = result.mayBeThere && code === 3
      result.error = isUsedUp
        ? new PhotosError(200, 'UNKNOWN_OUTCOME', { description: message })
        : errorOf(200, { error: { code, message } })
      if (!result.error.isPassing && !isUsedUp) delete result.uploadToken // it is of no use any more
    }
    const errors = open.map(({ error }) => error)
    const passing = errors.find((error) => error instanceof PhotosError && error.isPassing)
    if (passing) throw passing
  })
}

/** Whether Google may have done what was asked: its answer did not come. */
function isLost(error: unknown): boolean {
  if (error instanceof PhotosError) return error.http === 0
  return !(error instanceof BrokerError) || error.code === 'temporarily_unavailable'
}

function toError(error: unknown): BrokerError | PhotosError {
  if (error instanceof BrokerError || error instanceof PhotosError) return error
  return new PhotosError(0, 'UNAVAILABLE', { description: String(error) })
}

/** A file may come from another window, where it is of another class. */
function toResult(given: File | UploadResult): UploadResult {
  if (!('file' in given)) return { file: given }
  const { error: _, ...result } = given
  return result
}
