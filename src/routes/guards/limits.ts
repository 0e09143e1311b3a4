/** This file is the limits on how often somebody may ask; beyond them the answer is `slow_down` (TMB-49). */

import { BrokerError } from '../../errors.ts'
import type { BrokerContext } from '../http/context.ts'

/** The bindings that count, each at its own location; numbers stand in wrangler.toml. One that is left out limits nothing. */
type Limit = 'CALLBACK_LIMIT' | 'START_LIMIT' | 'HAND_OUT_LIMIT'

/** The longest period that a binding may have. */
const PERIOD_SECONDS = 60

/**
 * Counts a request from an address, as Cloudflare alone names it (TMB-74).
 *
 * @throws {BrokerError} `slow_down`
 */
export async function limitAddress(
  c: BrokerContext,
  name: 'CALLBACK_LIMIT' | 'START_LIMIT',
): Promise<void> {
  await count(c, name, c.req.header('CF-Connecting-IP') ?? 'unknown')
}

/**
 * Counts a hand-out of a bundle to a subject, which is a client's user. What a hand-out costs Google, the
 * subject's Durable Object limits, wherever in the world it is asked for.
 *
 * @throws {BrokerError} `slow_down`
 */
export async function limitTokenIssuing(
  c: BrokerContext,
  subject: string,
  bundle: string,
): Promise<void> {
  await count(c, 'HAND_OUT_LIMIT', `${subject}/${bundle}`)
}

async function count({ env }: BrokerContext, name: Limit, key: string): Promise<void> {
  const limiter: RateLimit | undefined = env[name]
  if (!limiter) return
  const { success: isWithin } = await limiter.limit({ key })
  if (!isWithin)
    throw new BrokerError('slow_down', name.toLowerCase(), { retry_after: PERIOD_SECONDS })
}
