/** This file is the end of all that a subject granted, whoever asked for it. */

import { now } from '../clock.ts'
import { type Outcome, success } from '../errors.ts'
import type { SubjectContext } from './subject-context.ts'

/** Forgets everything, ends every session and has Google revoke the user's whole grant: in this order (TMB-60). */
export async function disconnect({
  grants,
  ledger,
  kvOutbox,
  revocationOutbox,
  sessions,
}: SubjectContext): Promise<Outcome<void>> {
  ledger.transaction(() => {
    for (const grant of ledger.all('grants')) {
      revocationOutbox.enqueue(grant)
      grants.remove(grant.scope_set_key)
    }
    ledger.clear('endings')
    ledger.clear('downscope_refused')
    ledger.clear('pending_grants')
    sessions.endAll()
    ledger.setFact('disconnected_at', now())
  })
  await Promise.all([revocationOutbox.flush(), kvOutbox.flush()])
  return success(undefined)
}
