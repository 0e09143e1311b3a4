/** Uploading: the bytes of each file with progress, then media items of them, fifty at a time. */

import type { Broker } from '../index.ts'
import { type Api, errorOf, PhotosError, request } from './request.ts'

/** Options of `uploadPhotos`. */
export interface UploadOptions {
  /** A bundle with `photoslibrary.appendonly`. Default: `upload`. */
  bundle?: string
  /** Files, or results of an earlier call: of those, only what is not done yet is tried again. */
  files: Iterable<File | UploadResult>
  /** The id of an album of this app, or the title of an album to create. Default: no album. */
  album?: { id: string } | { title: string }
  /** Is called at the start, after each part of the bytes and after each batch of items. */
  onProgress?: (progress: Progress) => void
  signal?: AbortSignal
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

/** The result for one file: with `mediaItem` it is in the library, with `error` it is not. */
export interface UploadResult {
  file: File
  /** Google's token for the uploaded bytes, valid for a day. */
  uploadToken?: string
  /** The item in the library. */
  mediaItem?: { id: string; productUrl?: string; filename?: string }
  /** Why the file is not in the library. Pass the result to `uploadPhotos` to try again. */
  error?: Error
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

/**
 * Uploads files to the user's library. A file that Google refuses does not stop the others.
 *
 * @example
 * const results = await uploadPhotos(broker, { files: input.files, album: { title: 'From my app' } })
 * const failed = results.filter(({ error }) => error)
 * @returns one result for each file, in their order
 * @throws {BrokerError} what `broker.token` throws
 * @throws {PhotosError} if the album cannot be created
 * @throws {TypeError} if the network fails while the album or the items are created
 * @throws the reason of `signal`
 */
export async function uploadPhotos(
  broker: Broker,
  options: UploadOptions,
): Promise<UploadResult[]> {
  const { bundle = 'upload', album, onProgress, signal } = options
  const api: Api = { broker, bundle, base: `${(await broker.apis()).library}/v1`, signal }
  const results = [...options.files].map((file) =>
    file instanceof File ? { file } : withoutError(file),
  )
  const open = results.filter(({ mediaItem }) => !mediaItem)
  const sent = new Map<UploadResult, number>()
  const sentOf = (result: UploadResult): number =>
    result.uploadToken ? result.file.size : (sent.get(result) ?? 0)
  const report = (): void =>
    onProgress?.({
      sent: results.reduce((sum, result) => sum + sentOf(result), 0),
      total: results.reduce((sum, { file }) => sum + file.size, 0),
      done: results.filter(({ mediaItem }) => mediaItem).length,
      files: results.length,
    })
  report()
  for (const result of open) {
    if (result.uploadToken) continue
    try {
      result.uploadToken = await sendBytes(api, result.file, (bytes) => {
        sent.set(result, bytes)
        report()
      })
    } catch (error) {
      if (!(error instanceof PhotosError)) throw error
      result.error = error
    }
  }
  const albumId = album && (await albumOf(api, album))
  const ready = open.filter(({ uploadToken }) => uploadToken)
  for (let from = 0; from < ready.length; from += BATCH) {
    await createItems(api, ready.slice(from, from + BATCH), albumId)
    report()
  }
  return results
}

/** Sends the bytes of a file, by XMLHttpRequest since `fetch` reports no progress. @returns the upload token */
async function sendBytes(
  { broker, bundle, base, signal }: Api,
  file: File,
  onSent: (bytes: number) => void,
): Promise<string> {
  const send = (token: string): Promise<XMLHttpRequest> =>
    new Promise((resolve, reject) => {
      const xhr = new XMLHttpRequest()
      xhr.open('POST', `${base}/uploads`)
      xhr.setRequestHeader('Authorization', `Bearer ${token}`)
      xhr.setRequestHeader('Content-Type', 'application/octet-stream')
      xhr.setRequestHeader('X-Goog-Upload-Content-Type', file.type)
      xhr.setRequestHeader('X-Goog-Upload-Protocol', 'raw')
      xhr.upload.onprogress = ({ loaded }) => onSent(loaded)
      xhr.onload = () => resolve(xhr)
      xhr.onerror = () => reject(errorOf(0, undefined))
      signal?.addEventListener('abort', () => {
        xhr.abort()
        reject(signal.reason)
      })
      xhr.send(file)
    })
  signal?.throwIfAborted()
  const options = signal ? { signal } : {}
  const token = await broker.token(bundle, options)
  let xhr = await send(token)
  if (xhr.status === 401 && !lacksScope(xhr))
    xhr = await send(await broker.token(bundle, { ...options, rejected: token }))
  if (xhr.status === 200) return xhr.responseText
  if (lacksScope(xhr))
    throw new PhotosError(
      xhr.status,
      'PERMISSION_DENIED',
      `The bundle ${bundle} cannot upload: it lacks photoslibrary.appendonly`,
    )
  throw errorOf(xhr.status, answerOf(xhr))
}

/** Where any other method answers 403, uploads answer 401 with this code to a token without the scope. */
function lacksScope(xhr: XMLHttpRequest): boolean {
  return xhr.status === 401 && (answerOf(xhr) as UploadRefusal)?.error?.code === 16
}

interface UploadRefusal {
  error?: { code?: unknown }
}

function answerOf({ responseText }: XMLHttpRequest): unknown {
  try {
    return JSON.parse(responseText)
  } catch {
    return undefined
  }
}

async function albumOf(api: Api, album: { id: string } | { title: string }): Promise<string> {
  if ('id' in album) return album.id
  return (await request<{ id: string }>(api, 'POST', '/albums', { album })).id
}

/** Creates the media items of one batch; Google answers for each. */
async function createItems(
  api: Api,
  batch: UploadResult[],
  albumId: string | undefined,
): Promise<void> {
  const newMediaItems = batch.map(({ file, uploadToken }) => ({
    simpleMediaItem: { uploadToken, fileName: file.name },
  }))
  const json = { ...(albumId ? { albumId } : {}), newMediaItems }
  let answers: NewItemResult[] = []
  try {
    const answer = await request<NewItems>(api, 'POST', '/mediaItems:batchCreate', json)
    answers = answer.newMediaItemResults ?? []
  } catch (error) {
    if (!(error instanceof PhotosError)) throw error
    for (const result of batch) result.error = error
    return
  }
  for (const result of batch) {
    const answer = answers.find(({ uploadToken }) => uploadToken === result.uploadToken)
    if (answer?.mediaItem) result.mediaItem = answer.mediaItem
    else result.error = errorOf(200, { error: { status: 'FAILED', ...answer?.status } })
  }
}

function withoutError({ error: _, ...result }: UploadResult): UploadResult {
  return result
}
