/** The back-off after failed refreshes: during it, callers get the failure without a request to Google. */

import { now } from '../clock.ts'
import type { Ledger } from './ledger.ts'

/** The longest back-off, in seconds; back-offs double from one second. Google can ask for a longer one. */
export const MAX_BACK_OFF_SECONDS = 60

/** How many seconds of a grant's back-off are left; 0 if there is none. */
export function backOffLeft(ledger: Ledger, scope_set_key: string): number {
  return Math.max(0, (ledger.find('back_offs', scope_set_key)?.not_before ?? 0) - now())
}

/** Records a failed refresh of a grant. @returns the back-off in seconds, at least `at_least` */
export function backOff(ledger: Ledger, scope_set_key: string, at_least = 0): number {
  const failures = (ledger.find('back_offs', scope_set_key)?.failures ?? 0) + 1
  const pause = Math.max(Math.min(2 ** (failures - 1), MAX_BACK_OFF_SECONDS), at_least)
  ledger.put('back_offs', { scope_set_key, failures, not_before: now() + pause })
  return pause
}
