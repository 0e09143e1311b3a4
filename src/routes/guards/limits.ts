/** Rate limits; a request above one is answered with `slow_down` (TMB-49). */

import { BrokerError } from '../../errors.ts'
import type { BrokerContext } from '../http/context.ts'

/** Rate limiting bindings of wrangler.toml; each counts per location, and one that is not bound does not limit. */
type AddressLimit = 'CALLBACK_LIMIT' | 'START_LIMIT'
type Limit = AddressLimit | 'HAND_OUT_LIMIT'

/** The longest period of a rate limiting binding, in seconds. */
const PERIOD_SECONDS = 60

/**
 * Counts a request of an IP address. Only Cloudflare's header is trusted (TMB-74).
 *
 * @throws {BrokerError} slow_down
 */
export async function limitAddress(c: BrokerContext, name: AddressLimit): Promise<void> {
  await count(c, name, c.req.header('CF-Connecting-IP') ?? 'unknown')
}

/**
 * Counts a request for an access token of a subject and bundle. The subject's Durable Object limits the requests to
 * Google in addition, worldwide.
 *
 * @param key the subject and the bundle
 * @throws {BrokerError} slow_down
 */
export async function limitTokenRequests(c: BrokerContext, key: string): Promise<void> {
  await count(c, 'HAND_OUT_LIMIT', key)
}

async function count(c: BrokerContext, name: Limit, key: string): Promise<void> {
  const limiter: RateLimit | undefined = c.env[name]
  if (!limiter || (await limiter.limit({ key })).success) return
  throw new BrokerError('slow_down', name.toLowerCase(), { retry_after: PERIOD_SECONDS })
}
