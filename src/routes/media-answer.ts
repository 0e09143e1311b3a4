/** This file is what a page gets to see of a media host's answer: bytes of an image or a video, and little beside them. */

import { now } from '../clock.ts'
import { BrokerError } from '../errors.ts'
import type { BrokerContext } from './http/context.ts'

/** Headers that come back, and no others: neither cookies nor file names. */
const KEPT = ['Content-Range', 'Accept-Ranges', 'ETag', 'Last-Modified']

/** Statuses of answers that hold bytes. */
const WITH_BYTES = [200, 206]

/** Statuses of answers that hold none, and come back all the same. */
const WITHOUT_BYTES = [304, 416]

/** One type: of several, with a comma between, browsers take the last; "extract a MIME type" of Fetch. */
const MEDIA_TYPE = /^(image|video)\/[\w.+-]+ *(;("[^"\\]*"|[^",])*)?$/i

/**
 * Passes the answer of a media host on. Its body is not read here; one that is not passed on is cancelled.
 *
 * @param exp when the ticket ends, and with it what a browser may keep; NumericDate
 * @throws {BrokerError} `invalid_request` for what is gone (404) or is neither image nor video (415);
 *   `temporarily_unavailable` for what may be there later
 */
export async function toMediaResponse(
  c: BrokerContext,
  { status, headers, body }: Response,
  exp: number,
): Promise<Response> {
  const refusal = refusalOf(status, headers)
  const hasBytes = !refusal && WITH_BYTES.includes(status) && c.req.raw.method !== 'HEAD'
  if (!hasBytes) await body?.cancel()
  if (refusal) throw refusal
  return c.newResponse(hasBytes ? body : null, status as 200, keptHeaders(status, headers, exp))
}

/**
 * Says what an answer without bytes means: 403, 404 and 410 that the `baseUrl` is over, an hour after Google gave
 * it, or was never this user's. A token that was refused twice is no fault of the URL.
 */
function refusalOf(status: number, headers: Headers): BrokerError | undefined {
  if (status === 401 || status === 429 || status >= 500)
    return new BrokerError('temporarily_unavailable', 'media_host_refuses')
  if (WITHOUT_BYTES.includes(status)) return undefined
  if (!WITH_BYTES.includes(status))
    return new BrokerError('invalid_request', 'media_gone', { status: 404 })
  return MEDIA_TYPE.test(headers.get('Content-Type') ?? '')
    ? undefined
    : new BrokerError('invalid_request', 'media_type', { status: 415 })
}

function keptHeaders(status: number, headers: Headers, exp: number): Record<string, string> {
  const names = WITH_BYTES.includes(status) ? [...KEPT, 'Content-Type'] : KEPT
  const isCoded = headers.has('Content-Encoding') // the runtime decodes it, to another length
  const kept: Record<string, string> = {
    'Cache-Control': `private, max-age=${Math.max(0, Math.floor(exp - now()))}`,
    'Cross-Origin-Resource-Policy': 'cross-origin',
  }
  for (const name of isCoded || !WITH_BYTES.includes(status)
    ? names
    : [...names, 'Content-Length']) {
    const value = headers.get(name)
    if (value !== null) kept[name] = value
  }
  return kept
}
