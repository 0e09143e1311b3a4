/** This file is the request for the bytes of a media item, and for nothing else: the token goes to media hosts alone. */

import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { streamedFetch } from '../net/outbound.ts'
import { parseMediaUrl } from './media-url.ts'

/** What is asked of a media host. */
export interface MediaRequest {
  method: string
  /** As `parseMediaUrl` gave it. */
  url: string
  /** `Range` and conditions; RFC 9110 §13.1 and §14.2. */
  headers: Readonly<Record<string, string>>
}

const MAX_REDIRECTS = 3
const REDIRECTS = [301, 302, 303, 307, 308]

/**
 * Asks for the bytes of a media item, whose body is left to be read.
 *
 * Redirects are followed by hand: any other way they would take the token along to wherever they lead.
 *
 * @throws {BrokerError} `temporarily_unavailable` when the host cannot be reached; `invalid_request` (404) for a
 *   redirect off the media hosts, or one too many
 */
export async function fetchMedia(
  config: Config,
  access_token: string,
  { method, url, headers }: MediaRequest,
): Promise<Response> {
  // Lengths and ranges are those of the bytes, not of a coding of them.
  const sent = {
    ...headers,
    'Accept-Encoding': 'identity',
    Authorization: `Bearer ${access_token}`,
  }
  let at: string | undefined = url
  for (let hops = 0; hops <= MAX_REDIRECTS && at !== undefined; hops++) {
    const response = await reach(at, { method, headers: sent })
    if (!REDIRECTS.includes(response.status)) return response
    await response.body?.cancel()
    at = parseMediaUrl(config, response.headers.get('Location') ?? '', at)
  }
  throw new BrokerError('invalid_request', 'media_redirect_refused', { status: 404 })
}

async function reach(url: string, init: object): Promise<Response> {
  try {
    return await streamedFetch(url, init)
  } catch (cause) {
    throw new BrokerError('temporarily_unavailable', 'media_not_reached', { cause })
  }
}
