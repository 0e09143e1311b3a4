/** This file is the hosts of the bytes: the only ones that a media URL may name, and that an access token goes to. */

import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/urls.ts'

/**
 * A wildcard stands for one label (RFC 9525 §6.3): deeper names, such as those below `bc.googleusercontent.com`,
 * are machines that anybody can rent.
 */
const GOOGLE_HOST = /^[a-z0-9-]+\.googleusercontent\.com$/

/**
 * Reads the URL of a media item. Parsed once; what comes out is what is fetched (TMB-68).
 *
 * @param base what a relative URL in `Location` is relative to
 * @returns the absolute URL, or `undefined` for one that is not on a media host
 */
export function parseMediaUrl(config: Config, text: string, base?: string): string | undefined {
  const url = URL.parse(text, base)
  if (url?.username !== '' || url.password !== '') return undefined
  const isGoogle = url.protocol === 'https:' && url.port === '' && GOOGLE_HOST.test(url.hostname)
  return isGoogle || isSimulated(config, url) ? url.href : undefined
}

/** In development the simulator, which is the issuer, has the bytes too. */
function isSimulated({ issuer }: Config, { origin }: URL): boolean {
  const simulator = new URL(issuer)
  return isLoopback(simulator) && origin === simulator.origin
}
