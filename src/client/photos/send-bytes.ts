/** Sending the bytes of a file, by XMLHttpRequest since `fetch` reports no progress. */

import { errorOf, PhotosError } from './photos-error.ts'
import { type Api, parse } from './request.ts'

/** How long an upload may stand still, in milliseconds. */
const STILL_MS = 60_000
/** The largest files that Google takes, in bytes; https://developers.google.com/photos/library/guides/upload-media. */
const MAX_BYTES = { photo: 200 * 1000 ** 2, film: 20 * 1000 ** 3 }

/** Checks what can be known before a file is sent. @throws {PhotosError} `EMPTY_FILE`, `FILE_TOO_LARGE` */
export function checkFile({ size, type }: File): void {
  if (size === 0) throw new PhotosError(0, 'EMPTY_FILE')
  const isPhoto = type.startsWith('image/')
  if (size > (isPhoto ? MAX_BYTES.photo : MAX_BYTES.film))
    throw new PhotosError(0, 'FILE_TOO_LARGE')
}

/**
 * Sends the bytes of a file once.
 *
 * @param onSent is called with the bytes that were sent so far
 * @returns the upload token
 * @throws {PhotosError} Google's error; `UNAVAILABLE` if the network is lost, or stands still for a minute
 * @throws {BrokerError} what `broker.token` throws; the reason of `signal`
 */
export async function sendBytes(
  { broker, bundle, base, signal }: Api,
  file: File,
  onSent: (bytes: number) => void,
): Promise<string> {
  const send = (token: string): Promise<XMLHttpRequest> =>
    new Promise((resolve, reject) => {
      const xhr = new XMLHttpRequest()
      const abort = (): void => xhr.abort()
      let timer = setTimeout(abort, STILL_MS)
      const moves = (): void => {
        clearTimeout(timer)
        timer = setTimeout(abort, STILL_MS)
      }
      xhr.open('POST', `${base}/uploads`)
      xhr.setRequestHeader('Authorization', `Bearer ${token}`)
      xhr.setRequestHeader('Content-Type', 'application/octet-stream')
      xhr.setRequestHeader('X-Goog-Upload-Content-Type', file.type)
      xhr.setRequestHeader('X-Goog-Upload-Protocol', 'raw')
      xhr.upload.onprogress = ({ loaded }) => {
        moves()
        onSent(loaded)
      }
      xhr.onload = () => resolve(xhr)
      xhr.onerror = xhr.onabort = () =>
        reject(signal?.aborted ? signal.reason : new PhotosError(0, 'UNAVAILABLE'))
      xhr.onloadend = () => {
        clearTimeout(timer)
        signal?.removeEventListener('abort', abort)
      }
      signal?.addEventListener('abort', abort)
      xhr.send(file)
    })
  signal?.throwIfAborted()
  const token = await broker.token(bundle, { signal })
  let xhr = await send(token)
  if (xhr.status === 401 && !lacksScope(xhr))
    xhr = await send(await broker.token(bundle, { signal, rejected: token }))
  if (xhr.status === 200 && xhr.responseText) return xhr.responseText
  if (lacksScope(xhr)) {
    const description = `The bundle ${bundle} cannot upload: it lacks photoslibrary.appendonly`
    throw new PhotosError(xhr.status, 'PERMISSION_DENIED', { description })
  }
  if (xhr.status === 200) throw new PhotosError(0, 'UNAVAILABLE') // of something else on the way
  throw errorOf(xhr.status, parse(xhr.responseText), xhr.getResponseHeader('Retry-After'))
}

/** Where any other method answers 403, uploads answer 401 with this code to a token without the scope. */
function lacksScope({ status, responseText }: XMLHttpRequest): boolean {
  const answer = parse(responseText) as { error?: { code?: unknown } } | undefined
  return status === 401 && answer?.error?.code === 16
}
