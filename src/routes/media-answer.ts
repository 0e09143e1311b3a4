/** The answer of a media host as the page sees it: the bytes of an image or a video, and a few headers. */

import { now } from '../clock.ts'
import { BrokerError } from '../errors.ts'
import { parseRetryAfter } from '../google/failure.ts'
import { isFilm } from '../google/media.ts'
import type { BrokerContext } from './http/context.ts'
import { pickHeaders } from './http/headers.ts'

/** The only headers that are forwarded; cookies and file names are not. */
const FORWARDED = ['Content-Range', 'Accept-Ranges', 'ETag', 'Last-Modified']

/** Statuses of answers with bytes. */
const WITH_BYTES = [200, 206]

/** How long a page waits if a media host that fails names no time, in seconds. */
const RETRY_SECONDS = 10

/** Statuses of answers without bytes that are forwarded. */
const WITHOUT_BYTES = [304, 416]

/**
 * One media type, of bytes that hold neither script nor links: no SVG, no other XML and no playlist. Of a list,
 * browsers use the last; https://fetch.spec.whatwg.org/#concept-header-extract-mime-type
 */
const MEDIA_TYPE = /^(image|video)\/(?![\w.+-]*(svg|xml|mpegurl))[\w.+-]+ *(;("[^"\\]*"|[^",])*)?$/i

/**
 * Requires that a media host answered with the item; otherwise cancels the body.
 *
 * @param url that of the item
 * @throws {BrokerError} invalid_request: the item is gone (404) or is neither image nor video, or an SVG (415);
 *   slow_down, temporarily_unavailable: the media host fails, and says when to try again
 */
export async function requireMedia(
  { status, headers, body }: Response,
  url: string,
): Promise<void> {
  const refusal = refusalOf(status, headers, isFilm(url))
  if (!refusal) return
  await body?.cancel()
  throw refusal
}

/**
 * Forwards the answer of a media host, which `requireMedia` has let pass. The body is not read here.
 *
 * @param exp when the ticket expires, and with it the copy in the browser's cache; NumericDate
 */
export async function toMediaResponse(
  c: BrokerContext,
  { status, headers, body }: Response,
  exp: number,
): Promise<Response> {
  const hasBytes = WITH_BYTES.includes(status) && c.req.raw.method !== 'HEAD'
  if (!hasBytes) await body?.cancel()
  const forwarded = forwardedHeaders(status, headers, exp)
  return c.newResponse(hasBytes ? body : null, status as 200, forwarded)
}

/**
 * Maps a refusal of the media host to an error. 403, 404 and 410 mean that the `baseUrl` has expired, which happens
 * an hour after Google issued it, or that it belongs to another user. 401 after a retry is temporary.
 */
function refusalOf(status: number, headers: Headers, film: boolean): BrokerError | undefined {
  const retry_after = parseRetryAfter(headers.get('Retry-After')) ?? RETRY_SECONDS
  if (status === 429) return new BrokerError('media_host_limit', { retry_after })
  if (status === 401 || status >= 500) return new BrokerError('media_host_refuses', { retry_after })
  if (WITHOUT_BYTES.includes(status)) return undefined
  if (!WITH_BYTES.includes(status)) return new BrokerError('media_gone')
  const [, kind] = MEDIA_TYPE.exec(headers.get('Content-Type') ?? '') ?? []
  const isRight = film ? kind?.toLowerCase() === 'video' : kind !== undefined
  return isRight ? undefined : new BrokerError('media_type')
}

function forwardedHeaders(status: number, headers: Headers, exp: number): Record<string, string> {
  const names = [...FORWARDED]
  if (WITH_BYTES.includes(status)) {
    names.push('Content-Type')
    // The runtime decodes an encoded body, which changes its length.
    if (!headers.has('Content-Encoding')) names.push('Content-Length')
  }
  return {
    'Cache-Control': `private, max-age=${Math.max(0, Math.floor(exp - now()))}`,
    'Cross-Origin-Resource-Policy': 'cross-origin',
    ...pickHeaders(headers, names),
  }
}
