/** This file is how Google is told of a disconnect: at once, and again until it has heard. */

import type { AuditLog } from '../audit/audit.ts'
import { log } from '../audit/log.ts'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { revoke } from '../google/revocation-endpoint.ts'
import type { Ledger, RevocationRow } from './ledger.ts'
import type { Vault } from './vault.ts'

/** A revocation that failed is tried again after 2, 4, 8 … seconds, and at least this often. */
const MAX_PAUSE_SECONDS = 60 * 60

/** After so many tries, more than a week, the token is dropped unrevoked, and the log says so. */
const MAX_TRIES = 180

/** Revokes the refresh tokens of one subject. */
export interface RevocationOutbox {
  /** Notes a sealed grant, inside the transaction that took it away (TMB-60). */
  enqueue(grant: { scope_set_key: string; sealed: string }): void
  /**
   * Notes a sealed grant that nobody came for, or that came too late, inside the transaction that refused it; unless a
   * grant is held that revoking it would end too. While a consent waits for its code it is put off like all others.
   */
  enqueueOrphan(grant: { scope_set_key: string; sealed: string }): void
  /** What is noted of other accounts than this one; whose a record is that does not open, nobody knows. */
  pendingOfOtherAccounts(sub: string): Promise<ReadonlySet<number>>
  /**
   * Gives up all that is noted but these, inside the transaction that keeps a new consent: revoking any token ends
   * the account's whole grant at Google, the new one with it.
   */
  cancelAllExcept(others: ReadonlySet<number>): void
  /**
   * Revokes what is due. Never fails; what Google did not hear stays noted (TMB-62).
   *
   * The alarm is set in the turn that noted the work, so that the work outlives a crash of this object.
   */
  flush(): Promise<void>
}

/** What a revocationOutbox works with. */
interface Parts {
  config: Config
  subject: string
  ledger: Ledger
  vault: Vault
  audit: AuditLog
  /** Sets the alarm for what is left. */
  schedule(): Promise<void>
}

/** Makes the revocationOutbox of a subject. */
export function createRevocationOutbox({
  config,
  subject,
  ledger,
  vault,
  audit,
  schedule,
}: Parts): RevocationOutbox {
  let flushing = Promise.resolve()

  const tell = async (row: RevocationRow): Promise<void> => {
    const grant = await vault.openGrant(row)
    if (!grant || row.failures >= MAX_TRIES) {
      log('error', 'revocation_dropped', {
        subject,
        reason: grant ? 'google_unreachable' : 'record_unreadable',
      })
      return ledger.remove('revocation_outbox', row.id)
    }
    try {
      await revoke(config, grant.refresh_token)
      ledger.remove('revocation_outbox', row.id)
    } catch (error) {
      audit.record('revocation_failed', { subject }, error)
      ledger.retryRevocation(row.id, now() + Math.min(2 ** (row.failures + 1), MAX_PAUSE_SECONDS))
    }
  }

  const flushOnce = async (): Promise<void> => {
    const due = ledger.all('revocation_outbox').filter(({ not_before }) => not_before <= now())
    const until = waitingUntil(ledger) // what waits to be redeemed would end with what is revoked
    if (until <= now()) await Promise.all(due.map(tell))
    else for (const { id } of due) ledger.retryRevocation(id, until) // put off, it counts as tried
    await schedule()
  }

  const enqueue: RevocationOutbox['enqueue'] = ({ scope_set_key, sealed }) =>
    ledger.addRevocation({ scope_set_key, sealed, failures: 0, not_before: now() })

  return {
    enqueue,
    enqueueOrphan(grant) {
      if (ledger.all('grants').length === 0) enqueue(grant)
    },
    async pendingOfOtherAccounts(sub) {
      const rows = ledger.all('revocation_outbox')
      const grants = await Promise.all(rows.map((row) => vault.openGrant(row)))
      const others = rows.filter((_, index) => ![undefined, sub].includes(grants[index]?.sub))
      return new Set(others.map(({ id }) => id))
    },
    cancelAllExcept(others) {
      const forgone = ledger.all('revocation_outbox').filter(({ id }) => !others.has(id))
      if (forgone.length > 0) log('warn', 'revocation_forgone', { subject })
      for (const { id } of forgone) ledger.remove('revocation_outbox', id)
    },
    flush() {
      const scheduled = schedule()
      flushing = flushing.then(flushOnce, flushOnce)
      return Promise.all([scheduled, flushing]).then(() => {})
    },
  }
}

/** When the last consent is over that waits for its code; in the past where none waits. */
function waitingUntil(ledger: Ledger): number {
  const waiting = ledger.all('pending_grants').filter(({ redeemed }) => redeemed === null)
  return Math.max(0, ...waiting.map(({ expires_at }) => expires_at))
}
