/** The revocation outbox: revokes refresh tokens at Google, and retries until Google has confirmed. */

import { log, logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import { randomId } from '../crypto/digest.ts'
import { revoke } from '../google/revocation-endpoint.ts'
import type { GrantRow, Ledger, RevocationRow } from './ledger.ts'
import { createSerialQueue } from './serial-queue.ts'
import type { SubjectBase } from './subject-base.ts'

/** The longest pause before another try, in seconds; pauses double from two seconds. */
const MAX_PAUSE_SECONDS = 60 * 60

/** How many times a revocation is tried, over more than a week; then it is dropped, and the log says so. */
const MAX_TRIES = 180

/** A grant to revoke, sealed. */
type SealedGrant = Pick<GrantRow, 'scope_set_key' | 'sealed'>

/** Revokes the refresh tokens of one subject. */
export interface RevocationOutbox {
  /** Enqueues a grant, inside the transaction that removed it (TMB-60). */
  enqueue(grant: SealedGrant): void
  /**
   * Enqueues a grant that was never stored: its code was not redeemed, or its consent was refused. Does nothing while
   * another grant is stored, since revoking one token ends all grants of the account at Google.
   */
  enqueueOrphan(grant: SealedGrant): void
  /** Lists the ids of enqueued grants that are of another account; without those that do not open. */
  pendingOfOtherAccounts(sub: string): Promise<ReadonlySet<string>>
  /**
   * Cancels all revocations except these, inside the transaction that stores a new consent: revoking any token of the
   * account would end the new grant too.
   */
  cancelAllExcept(others: ReadonlySet<string>): void
  /**
   * Revokes all that is due. Never fails: what Google did not confirm stays enqueued (TMB-62).
   *
   * Sets the alarm before it returns, so that the work is done even if this object crashes.
   */
  flush(): Promise<void>
}

/** Makes the revocation outbox of a subject. */
export function createRevocationOutbox(base: SubjectBase): RevocationOutbox {
  const { config, subject, ledger, vault, audit, schedule } = base
  const inOrder = createSerialQueue()

  /** Counts a failed try, unless the revocation was cancelled in the meantime. */
  const retryAt = (id: string, not_before: number): void => {
    const row = ledger.find('revocation_outbox', id)
    if (row) ledger.put('revocation_outbox', { ...row, failures: row.failures + 1, not_before })
  }

  const revokeRow = async (row: RevocationRow): Promise<void> => {
    const grant = await vault.openGrant(row)
    if (!grant || row.failures >= MAX_TRIES) {
      const reason = grant ? 'google_unreachable' : 'record_unreadable'
      log('error', 'revocation_dropped', { subject, reason })
      return ledger.remove('revocation_outbox', row.id)
    }
    try {
      await revoke(config, grant.refresh_token)
      ledger.remove('revocation_outbox', row.id)
    } catch (error) {
      audit.record('revocation_failed', { subject }, error)
      retryAt(row.id, now() + Math.min(2 ** (row.failures + 1), MAX_PAUSE_SECONDS))
    }
  }

  const flush = async (): Promise<void> => {
    const due = ledger.all('revocation_outbox').filter(({ not_before }) => not_before <= now())
    const until = lastPendingExpiry(ledger) // revoking would end the grants of pending consents too
    if (until <= now()) await Promise.all(due.map(revokeRow))
    else for (const { id } of due) retryAt(id, until) // the alarm comes at `until` only for a row that has failed
    await schedule()
  }

  const enqueue: RevocationOutbox['enqueue'] = ({ scope_set_key, sealed }) =>
    ledger.put('revocation_outbox', {
      ...{ id: randomId(), scope_set_key, sealed, failures: 0, not_before: now() },
    })

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
      const cancelled = ledger.all('revocation_outbox').filter(({ id }) => !others.has(id))
      if (cancelled.length > 0) log('warn', 'revocation_forgone', { subject })
      for (const { id } of cancelled) ledger.remove('revocation_outbox', id)
    },
    async flush() {
      try {
        await Promise.all([schedule(), inOrder(flush)])
      } catch (error) {
        logError('revocation_outbox_failed', error, { subject }) // the storage; what is enqueued stays
      }
    },
  }
}

/** When the last unredeemed consent expires (NumericDate); 0 if there is none. */
function lastPendingExpiry(ledger: Ledger): number {
  const pending = ledger.all('pending_grants').filter(({ redeemed }) => redeemed === null)
  return Math.max(0, ...pending.map(({ expires_at }) => expires_at))
}
