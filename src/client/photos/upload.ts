/** Uploading: the bytes of each file with progress, then media items of them, fifty at a time. */

import { type Broker, BrokerError } from '../index.ts'
import { openPopup } from '../popup.ts'
import { albumOf, createItems, type UploadResult } from './create-items.ts'
import { isNotConnected, isPassing, PhotosError } from './photos-error.ts'
import { type Api, patiently } from './request.ts'
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

/** The most items that Google creates in one request. */
const BATCH = 50
/**
 * How long failures are waited out, in milliseconds: for all files together, since the last success, or since a file got
 * further.
 */
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
