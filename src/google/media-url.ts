/** Media URLs: the only hosts that the broker fetches media from and sends an access token to. */

import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/urls.ts'

/**
 * One label before the domain, as a wildcard of RFC 9525 §6.3. Deeper names, such as those below
 * `bc.googleusercontent.com`, belong to machines that anyone can rent from Google Cloud.
 */
const GOOGLE_HOST = /^[a-z0-9-]+\.googleusercontent\.com$/

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
  return isGoogle || isSimulated(config, url) ? url.href : undefined
}

/** In development the simulator is the issuer and also the media host. */
function isSimulated({ issuer }: Config, { origin }: URL): boolean {
  const simulator = new URL(issuer)
  return isLoopback(simulator) && origin === simulator.origin
}
