/** The Durable Object that lets a name be used once: a pending authorization, a pushed request, a security event. */

import { DurableObject } from 'cloudflare:workers'
import { BrokerError } from '../errors.ts'

/** How much longer than the name the object lives, in seconds; covers clocks that differ. */
const MARGIN_SECONDS = 60

/** One object for each name. It stores that the name was used, and deletes itself when the name has expired. */
export class OneTimeUse extends DurableObject<Env> {
  /**
   * Uses the name.
   *
   * @param expires_at NumericDate from which the name is refused anyway
   * @returns `false` if it was used before (TMB-11)
   */
  use(expires_at: number): boolean {
    if (this.isUsed()) return false
    this.ctx.storage.kv.put('used', expires_at)
    void this.ctx.storage.setAlarm((expires_at + MARGIN_SECONDS) * 1000)
    return true
  }

  /** Whether the name was used. */
  isUsed(): boolean {
    return this.ctx.storage.kv.get('used') !== undefined
  }

  override async alarm(): Promise<void> {
    await this.ctx.storage.deleteAll()
  }
}

/**
 * Uses a name once, across all locations.
 *
 * @param name must not be chosen by a request: it begins with a fixed prefix and ends in a hash
 * @returns `false` if it was used before
 * @throws {BrokerError} `temporarily_unavailable` when the object cannot be reached
 */
export async function useOnce(env: Env, name: string, expires_at: number): Promise<boolean> {
  return reach(async () => env.ONE_TIME_USES.getByName(name).use(expires_at))
}

/** Whether a name was used. @throws {BrokerError} `temporarily_unavailable` when the object cannot be reached */
export async function isUsed(env: Env, name: string): Promise<boolean> {
  return reach(async () => env.ONE_TIME_USES.getByName(name).isUsed())
}

async function reach<T>(call: () => Promise<T>): Promise<T> {
  try {
    return await call()
  } catch (cause) {
    throw new BrokerError('one_time_use_unreachable', { cause })
  }
}
