/** The request for the bytes of a media item: the access token is sent to media hosts only. */

import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { streamedFetch } from '../net/outbound.ts'
import { parseMediaUrl } from './media-url.ts'

/** A request to a media host. */
export interface MediaRequest {
  method: string
  /** A URL that `parseMediaUrl` returned. */
  url: string
  /** `Range` and conditional headers; RFC 9110 §13.1 and §14.2. */
  headers: Readonly<Record<string, string>>
}

/** How many redirects are followed. */
const MAX_REDIRECTS = 3
const REDIRECTS = [301, 302, 303, 307, 308]

/**
 * Requests the bytes of a media item; the caller reads the body.
 *
 * Each redirect is checked before it is followed, so that the access token never reaches another host.
 *
 * @throws {BrokerError} `temporarily_unavailable` when the host cannot be reached; `invalid_request` (404) for a
 *   redirect to another host, or for more than three redirects
 */
export async function fetchMedia(
  config: Config,
  access_token: string,
  { method, url, headers }: MediaRequest,
): Promise<Response> {
  // `Content-Length` and `Range` then count the bytes of the item, not of a compressed form.
  const sentHeaders = {
    ...headers,
    'Accept-Encoding': 'identity',
    Authorization: `Bearer ${access_token}`,
  }
  let next: string | undefined = url
  for (let hops = 0; hops <= MAX_REDIRECTS && next !== undefined; hops++) {
    const response = await fetchFrom(next, { method, headers: sentHeaders })
    if (!REDIRECTS.includes(response.status)) return response
    await response.body?.cancel()
    next = parseMediaUrl(config, response.headers.get('Location') ?? '', next)
  }
  throw new BrokerError('invalid_request', 'media_redirect_refused', { status: 404 })
}

async function fetchFrom(url: string, init: object): Promise<Response> {
  try {
    return await streamedFetch(url, init)
  } catch (cause) {
    throw new BrokerError('temporarily_unavailable', 'media_not_reached', { cause })
  }
}
