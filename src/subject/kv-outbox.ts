/** The KV outbox: brings the KV records of a subject in line with its ledger, and retries failed writes. */

import { log } from '../audit/log.ts'
import { now } from '../clock.ts'
import { grantKey, tokenKey, writeSealed, writeToken } from './kv-records.ts'
import type { KvOutboxRow } from './ledger.ts'
import { createSerialQueue } from './serial-queue.ts'
import type { SubjectBase } from './subject-base.ts'

/**
 * The longest pause before another try, in seconds. Pauses double from one second, because KV accepts one write of a key
 * in a second. They stay short, so that a logout reaches KV soon after KV has recovered.
 */
const MAX_PAUSE_SECONDS = 15

/** Writes the KV records of one subject. */
export interface KvOutbox {
  /** Enqueues the access-token record of a scope set, inside the transaction that changed it. */
  markTokenDirty(scope_set_key: string): void
  /** Enqueues the grant record of a scope set. */
  markGrantDirty(scope_set_key: string): void
  /** Enqueues all access-token records, because the sessions that may use them changed. */
  markAllTokensDirty(): void
  /**
   * Writes all records that are due. Never fails: a failed write stays enqueued.
   *
   * Sets the alarm before it returns, so that the work is done even if this object crashes.
   */
  flush(): Promise<void>
}

/** Makes the KV outbox of a subject, the only writer of its KV records. */
export function createKvOutbox(base: SubjectBase): KvOutbox {
  const { config, kv, subject, ledger, sessions, vault, schedule } = base
  const inOrder = createSerialQueue()

  const enqueue = (key: string, scope_set_key: string): void => {
    const version = (ledger.find('kv_outbox', key)?.version ?? 0) + 1
    ledger.put('kv_outbox', { key, scope_set_key, version, failures: 0, not_before: now() })
  }

  /** Writes what the ledger says at this moment; deletes the record if the ledger has none. */
  const write = async (key: string, scope_set_key: string): Promise<void> => {
    if (key === grantKey(subject, scope_set_key))
      return writeSealed(kv, key, ledger.find('grants', scope_set_key)?.sealed)
    const token = await vault.openToken(ledger.find('tokens', scope_set_key))
    if (!token) return writeSealed(kv, key, undefined)
    const seen = sessions.all().map(({ id, seen_at }) => [id, Math.floor(seen_at)] as const)
    return writeToken(kv, config.keyring, key, { ...token, sessions: seen })
  }

  const writeRow = async (row: KvOutboxRow): Promise<void> => {
    const isUnchanged = (): boolean => ledger.find('kv_outbox', row.key)?.version === row.version
    try {
      await write(row.key, row.scope_set_key)
      if (isUnchanged()) ledger.remove('kv_outbox', row.key)
    } catch {
      const pause = Math.min(2 ** row.failures, MAX_PAUSE_SECONDS)
      const retry = { ...row, failures: row.failures + 1, not_before: now() + pause }
      if (isUnchanged()) ledger.put('kv_outbox', retry)
      log('warn', 'kv_write_failed', { subject })
    }
  }

  const flush = async (): Promise<void> => {
    const due = ledger.all('kv_outbox').filter(({ not_before }) => not_before <= now())
    await Promise.all(due.map(writeRow))
    await schedule()
  }

  return {
    markTokenDirty: (scope_set_key) => enqueue(tokenKey(subject, scope_set_key), scope_set_key),
    markGrantDirty: (scope_set_key) => enqueue(grantKey(subject, scope_set_key), scope_set_key),
    markAllTokensDirty() {
      for (const { scope_set_key } of ledger.all('tokens'))
        enqueue(tokenKey(subject, scope_set_key), scope_set_key)
    },
    flush: async () => void (await Promise.all([schedule(), inOrder(flush)])),
  }
}
