/** Ending grants on behalf of the user: one of them, or all. */

import { now } from '../clock.ts'
import { parseScope } from '../scope/scopes.ts'
import { scopeSetKey } from './grants.ts'
import type { SubjectContext } from './subject-context.ts'

/** Deletes all grants, ends all sessions, and revokes at Google: in this order (TMB-60). */
export async function disconnect(context: SubjectContext): Promise<void> {
  const { grants, ledger, kvOutbox, revocationOutbox, sessions } = context
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
}

/** Deletes one grant. Google is not asked: it cannot revoke one grant of several (TMB-63). */
export async function forgetGrant(context: SubjectContext, scope: string): Promise<void> {
  const { grants, ledger, kvOutbox } = context
  const scopes = parseScope(scope)
  const key = await scopeSetKey(scopes)
  const held = await grants.find(scopes)
  ledger.transaction(() => {
    grants.remove(key)
    if (held) grants.recordEnding(key, 'forgotten')
  })
  await kvOutbox.flush()
}
