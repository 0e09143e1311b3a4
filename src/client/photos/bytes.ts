/** The bytes of an item, from the media relay, with progress. */

import { pause, untilAborted } from '../pause.ts'
import { PhotosError } from './photos-error.ts'
import { patiently } from './request.ts'

/** Options of `blob` and `file`. */
export interface BytesOptions {
  /** Ends the download. */
  signal?: AbortSignal
  /** Is called after each part: bytes that have arrived, and of how many if the media host says. */
  onProgress?: (progress: { loaded: number; total: number | undefined }) => void
}

/** How long failures are waited out, in milliseconds. */
const LIMIT_MS = 2 * 60_000
/** How long the next part of the bytes may take, in milliseconds. */
const PART_MS = 30_000

/** Reads the bytes at an address, and again from the beginning if the connection is cut. */
export function readBytes(
  address: () => Promise<string>,
  { signal, onProgress }: BytesOptions = {},
): Promise<Blob> {
  const read = async (): Promise<Blob> => {
    const src = await untilAborted(address(), signal)
    const stalled = new AbortController()
    const abort = (): void => stalled.abort(signal?.reason)
    signal?.addEventListener('abort', abort)
    const inTime = async <T>(part: Promise<T>): Promise<T> => {
      const late = pause(PART_MS).then(() => Promise.reject(new Error('no part in time')))
      return Promise.race([part, late])
    }
    try {
      const response = await inTime(fetch(src, { signal: stalled.signal }))
      if (!response.ok) throw toError(response)
      return await collect(response, inTime, onProgress)
    } catch (cause) {
      abort()
      signal?.throwIfAborted()
      throw cause instanceof PhotosError ? cause : new PhotosError(0, 'UNAVAILABLE')
    } finally {
      signal?.removeEventListener('abort', abort)
    }
  }
  return patiently(read, { signal, limit_ms: LIMIT_MS })
}

async function collect(
  { body, headers }: Response,
  inTime: <T>(part: Promise<T>) => Promise<T>,
  onProgress: BytesOptions['onProgress'],
): Promise<Blob> {
  const total = Number(headers.get('Content-Length')) || undefined
  const parts: Uint8Array<ArrayBuffer>[] = []
  let loaded = 0
  const reader = body?.getReader()
  while (reader) {
    const { value, done } = await inTime(reader.read())
    if (done) break
    parts.push(value)
    loaded += value.length
    onProgress?.({ loaded, total })
  }
  return new Blob(parts, { type: headers.get('Content-Type') ?? '' })
}

/** The relay answers with the statuses of the media host. */
function toError({ status, headers }: Response): PhotosError {
  const retry_after = Number(headers.get('Retry-After')) || undefined
  const names: Record<number, string> = {
    404: 'NOT_FOUND',
    415: 'INVALID_ARGUMENT',
    401: 'UNAUTHENTICATED',
  }
  return new PhotosError(status, names[status] ?? 'UNKNOWN', { retry_after })
}
