/** Ending grants on behalf of the user: one of them, or all. */

import { now } from '../clock.ts'
import type { Outcome } from '../errors.ts'
import { parseScope } from '../scope/scopes.ts'
import { scopeSetKey } from './grants.ts'
import type { SubjectContext } from './subject-context.ts'

/** Deletes all grants, ends all sessions, and revokes at Google: in this order (TMB-60). @returns what `settle` returns */
export async function disconnect(context: SubjectContext): Promise<Outcome<void>> {
  const { grants, ledger, kvOutbox, refresher, revocationOutbox, sessions } = context
  await refresher.storeKept() // else a refresh token that Google rotated would not be revoked
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
  const [settled] = await Promise.all([kvOutbox.settle(), revocationOutbox.flush()])
  return settled
}

/** Deletes one grant. Google is not asked: it cannot revoke one grant of several (TMB-63). */
export async function forgetGrant(context: SubjectContext, scope: string): Promise<Outcome<void>> {
  const { grants, ledger, kvOutbox } = context
  const scopes = parseScope(scope)
  const key = await scopeSetKey(scopes)
  const held = await grants.find(scopes)
  ledger.transaction(() => {
    grants.remove(key)
    if (held) grants.recordEnding(key, 'forgotten')
  })
  return kvOutbox.settle()
}
