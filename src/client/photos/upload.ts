/** This file is an upload: bytes of each file with progress, then media items made of them, fifty at a time. */

import type { Broker } from '../index.ts'
import { type Api, errorOf, PhotosError, request } from './request.ts'

/** What to upload. */
export interface UploadOptions {
  /** Bundle with `photoslibrary.appendonly`; `upload` if left out. */
  bundle?: string
  /** Files; or results of an earlier call, of which only what is not done yet is tried again. */
  files: Iterable<File | UploadResult>
  /** An album of this app: its id, or the title of one to be made. */
  album?: { id: string } | { title: string }
  onProgress?: (progress: Progress) => void
  signal?: AbortSignal
}

/** How far an upload is. */
export interface Progress {
  /** Bytes. */
  sent: number
  total: number
  /** Files that are media items now. */
  done: number
  files: number
}

/** What became of one file. */
export interface UploadResult {
  file: File
  /** Google has the bytes; good for a day. */
  uploadToken?: string
  /** It is in the library. */
  mediaItem?: { id: string; productUrl?: string; filename?: string }
  /** It is not, for this reason; pass the result in again to try once more. */
  error?: Error
}

interface NewItemResult {
  uploadToken: string
  status?: { code?: number; message?: string }
  mediaItem?: NonNullable<UploadResult['mediaItem']>
}

/** Google takes no more in one request. */
const BATCH = 50

/**
 * Uploads files, one result for each in their order; a file that fails does not stop the others.
 *
 * @throws {BrokerError} what `broker.token` throws, and the reason of `signal`
 * @throws {PhotosError} when the album cannot be made
 */
export async function uploadPhotos(
  broker: Broker,
  options: UploadOptions,
): Promise<UploadResult[]> {
  const { bundle = 'upload', album, onProgress, signal } = options
  const api: Api = { broker, bundle, base: `${broker.apis.library}/v1`, signal }
  const results = [...options.files].map((file) =>
    file instanceof File ? { file } : withoutError(file),
  )
  const open = results.filter(({ mediaItem }) => !mediaItem)
  const sent = new Map<UploadResult, number>()
  const tell = (): void =>
    onProgress?.({
      sent: results.reduce((sum, result) => sum + (sentOf(result) ?? sent.get(result) ?? 0), 0),
      total: results.reduce((sum, { file }) => sum + file.size, 0),
      done: results.filter(({ mediaItem }) => mediaItem).length,
      files: results.length,
    })
  tell()
  for (const result of open) {
    if (result.uploadToken) continue
    await attempt(result, async () => {
      result.uploadToken = await sendBytes(api, result.file, (bytes) => {
        sent.set(result, bytes)
        tell()
      })
    })
  }
  const albumId = album && (await albumOf(api, album))
  const ready = open.filter(({ uploadToken }) => uploadToken)
  for (let from = 0; from < ready.length; from += BATCH) {
    await createItems(api, ready.slice(from, from + BATCH), albumId)
    tell()
  }
  return results
}

/** Keeps an error with its file; what calls the whole off goes on. */
async function attempt(result: UploadResult, work: () => Promise<void>): Promise<void> {
  try {
    await work()
  } catch (error) {
    if (!(error instanceof PhotosError)) throw error
    result.error = error
  }
}

/** Sends the bytes of a file; `fetch` would not tell how far it is. @returns the upload token */
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
  const wish = signal ? { signal } : {}
  const token = await broker.token(bundle, wish)
  let xhr = await send(token)
  if (xhr.status === 401) xhr = await send(await broker.token(bundle, { ...wish, rejected: token }))
  if (xhr.status !== 200) throw errorOf(xhr.status, parse(xhr.responseText))
  return xhr.responseText
}

async function albumOf(api: Api, album: { id: string } | { title: string }): Promise<string> {
  if ('id' in album) return album.id
  const made = await request<{ id: string }>(api, 'POST', '/albums', { album })
  return made.id
}

/** Makes media items of one batch; Google answers for each. */
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
    const answer = await request<{ newMediaItemResults?: NewItemResult[] }>(
      api,
      'POST',
      '/mediaItems:batchCreate',
      json,
    )
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

function sentOf({ file, uploadToken }: UploadResult): number | undefined {
  return uploadToken ? file.size : undefined
}

function withoutError({ error: _, ...result }: UploadResult): UploadResult {
  return result
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
