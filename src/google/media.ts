/** The bytes of media items: an access token is sent to Google's media hosts only. */

import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { streamedFetch } from '../net/outbound.ts'
import { simulatorOrigin } from './simulator.ts'

/**
 * One label before a domain of Google's media hosts, as a wildcard of RFC 9525 §6.3. Deeper names, such as those below
 * `bc.googleusercontent.com`, belong to machines that anyone can rent from Google Cloud.
 */
const GOOGLE_HOST = /^[a-z0-9-]+\.(googleusercontent\.com|usercontent\.google\.com)$/

/**
 * Parses the URL of a media item, once: the broker fetches exactly the URL that this returns (TMB-68).
 *
 * @param base the URL that a relative `Location` is resolved against
 * @returns the absolute URL, or `undefined` when it is not on a media host
 */
export function parseMediaUrl(config: Config, text: string, base?: string): string | undefined {
  const url = URL.parse(text, base)
  if (url?.username !== '' || url.password !== '') return undefined
  const isGoogle = url.protocol === 'https:' && url.port === '' && GOOGLE_HOST.test(url.hostname)
  return isGoogle || url.origin === simulatorOrigin(config) ? url.href : undefined
}

/** The size at the end of a URL that asks for the film of a video. */
const FILM = /=dv$/

/** Whether the URL of a media item asks for a film. */
export function isFilm(url: string): boolean {
  return FILM.test(url)
}

/** Makes the URL of the smallest still picture of a video from that of its film. */
export function stillOf(film: string): string {
  return film.replace(FILM, '=w1-h1')
}

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
    const response = await streamedFetch(next, { method, headers: sentHeaders }).catch(notReached)
    if (!REDIRECTS.includes(response.status)) return response
    await response.body?.cancel()
    next = parseMediaUrl(config, response.headers.get('Location') ?? '', next)
  }
  throw new BrokerError('media_redirect_refused')
}

function notReached(cause: unknown): never {
  throw new BrokerError('media_not_reached', { cause })
}
