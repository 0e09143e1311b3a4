/** This file is the end of all that a subject granted, whoever asked for it. */

import { now } from '../clock.ts'
import { type Outcome, success } from '../errors.ts'
import type { SubjectParts } from './subject-context.ts'

/** Forgets everything, ends every session and has Google revoke the user's whole grant: in this order (TMB-60). */
export async function disconnect({
  grants,
  ledger,
  publisher,
  revoker,
  sessions,
}: SubjectParts): Promise<Outcome<void>> {
  ledger.transaction(() => {
    for (const grant of ledger.all('grants')) {
      revoker.note(grant)
      grants.remove(grant.scopes)
    }
    ledger.clear('endings')
    ledger.clear('unnarrowable')
    ledger.clear('pending_grants')
    sessions.endAll()
    ledger.note('disconnected_at', now())
  })
  await Promise.all([revoker.flush(), publisher.flush()])
  return success(undefined)
}
