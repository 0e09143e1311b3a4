/** This file is the back-off: after a failure Google is left alone, longer each time, and the failure is everybody's answer. */

import { now } from '../clock.ts'
import type { Ledger } from './ledger.ts'

/** Nobody asks Google again for 1, 2, 4 … seconds, and at most this long. */
export const MAX_BACK_OFF_SECONDS = 60

/** Tells for how many seconds more a grant is not to be refreshed. */
export function backOffLeft(ledger: Ledger, scope_set_key: string): number {
  return Math.max(0, (ledger.find('back_offs', scope_set_key)?.not_before ?? 0) - now())
}

/** Notes another failure of a grant, and tells the seconds until the next try; at least as many as Google named. */
export function backOff(ledger: Ledger, scope_set_key: string, at_least = 0): number {
  const failures = (ledger.find('back_offs', scope_set_key)?.failures ?? 0) + 1
  const pause = Math.max(Math.min(2 ** (failures - 1), MAX_BACK_OFF_SECONDS), at_least)
  ledger.put('back_offs', { scope_set_key, failures, not_before: now() + pause })
  return pause
}
