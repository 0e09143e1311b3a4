/** Which mode a page uses, by its site and the broker's. */

import { createCookieTransport } from './cookie-transport.ts'
import { isLoopback } from './google-apis.ts'
import { createOAuthTransport } from './oauth-transport.ts'
import type { Transport } from './transport.ts'

/**
 * Makes the transport of cookie mode on the broker's own site, else that of OAuth mode.
 *
 * @throws {TypeError} if `client` is missing in OAuth mode
 */
export function chooseTransport(
  base: string,
  client: string | undefined,
  redirectUri: string | undefined,
): Transport {
  const isLocal = client === 'local' && isLoopback(base) // the client of `npm start` for any page on this machine
  const isNear = isSameSite(new URL(base).hostname, location.hostname)
  if (redirectUri === undefined && isNear && !isLocal) return createCookieTransport(base, client)
  if (!client) throw new TypeError('client is missing')
  return createOAuthTransport(base, client, redirectUri ?? location.origin + location.pathname)
}

/** Whether a page is on the broker's host, or on or below the domain that contains the broker's host name. */
function isSameSite(broker: string, page: string): boolean {
  const domain = broker.replace(/^[^.]+/, '')
  const isDomain = /\..+\.\D/.test(domain)
  return broker === page || (isDomain && `.${page}`.endsWith(domain))
}
