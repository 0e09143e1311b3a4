/** Rate limits; a request above one is answered with `slow_down` (TMB-49). */

import { BrokerError } from '../../errors.ts'
import type { BrokerContext } from '../http/context.ts'

/** Rate limiting bindings of wrangler.toml; each counts per location, and one that is not bound does not limit. */
type Limit = keyof typeof REASONS

/** The reason for each limit. */
const REASONS = {
  CALLBACK_LIMIT: 'callback_limit',
  START_LIMIT: 'start_limit',
  HAND_OUT_LIMIT: 'hand_out_limit',
  MEDIA_LIMIT: 'media_limit',
} as const

/** The longest period of a rate limiting binding, in seconds. */
const PERIOD_SECONDS = 60

/**
 * Counts a request.
 *
 * @param key what is limited; the default is the client's network, for which only Cloudflare's header is trusted (TMB-74)
 * @throws {BrokerError} slow_down
 */
export async function limit(
  c: BrokerContext,
  name: Limit,
  key: string = networkOf(c.req.header('CF-Connecting-IP') ?? 'unknown'),
): Promise<void> {
  const limiter: RateLimit | undefined = c.env[name]
  if (!limiter || (await limiter.limit({ key })).success) return
  throw new BrokerError(REASONS[name], { retry_after: PERIOD_SECONDS })
}

/** The network that one user has: an IPv4 address, or the /64 of an IPv6 address; RFC 6177 §2. */
export function networkOf(address: string): string {
  if (!address.includes(':') || address.includes('.')) return address
  const [head = [], tail] = address.split('::').map((part) => part.split(':').filter(Boolean))
  const zeros = tail ? Array<string>(Math.max(0, 8 - head.length - tail.length)).fill('0') : []
  const groups = [...head, ...zeros, ...(tail ?? [])].slice(0, 4)
  return `${groups.map((group) => Number.parseInt(group, 16).toString(16)).join(':')}::/64`
}
