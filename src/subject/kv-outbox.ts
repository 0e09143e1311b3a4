/** This file is how KV is kept to what the ledger says: by a list of records to write, worked off until it is empty. */

import { log } from '../audit/log.ts'
import { now } from '../clock.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { grantKey, tokenKey, writeSealed, writeToken } from './kv-records.ts'
import type { KvOutboxRow, Ledger } from './ledger.ts'
import type { Sessions } from './sessions.ts'
import type { Vault } from './vault.ts'

/**
 * A write that failed, maybe because it was the second within a second, is tried again after 1, 2, 4 … seconds, and at
 * least this often, so that a logout soon holds once KV is well again.
 */
const MAX_PAUSE_SECONDS = 15

/** Keeps the KV records of one subject. */
export interface KvOutbox {
  /** Notes that the access-token record of a scope set has to be written; inside the transaction that changed it. */
  markTokenDirty(scope_set_key: string): void
  /** Notes that the grant record of a scope set has to be written. */
  markGrantDirty(scope_set_key: string): void
  /** Notes that every access-token record has to be written: the sessions that may have them changed. */
  markAllTokensDirty(): void
  /**
   * Writes what is due. Never fails; what could not be written stays on the list.
   *
   * The alarm is set in the turn that noted the work, so that the work outlives a crash of this object.
   */
  flush(): Promise<void>
}

/** What a kvOutbox works with. */
interface Parts {
  kv: KVNamespace
  keyring: Keyring
  subject: string
  ledger: Ledger
  sessions: Sessions
  vault: Vault
  /** Sets the alarm for what is left. */
  schedule(): Promise<void>
}

/** Makes the kvOutbox of a subject, the only writer of its KV records. */
export function createKvOutbox({
  kv,
  keyring,
  subject,
  ledger,
  sessions,
  vault,
  schedule,
}: Parts): KvOutbox {
  let flushing = Promise.resolve()

  const note = (key: string, scope_set_key: string): void => {
    const version = (ledger.find('kv_outbox', key)?.version ?? 0) + 1
    ledger.put('kv_outbox', { key, scope_set_key, version, failures: 0, not_before: now() })
  }

  /** Reads the row anew and writes what it says now, which may be: nothing. */
  const write = async (key: string, scope_set_key: string): Promise<void> => {
    if (key === grantKey(subject, scope_set_key))
      return writeSealed(kv, key, ledger.find('grants', scope_set_key)?.sealed)
    const token = await vault.openToken(ledger.find('tokens', scope_set_key))
    if (!token) return writeSealed(kv, key, undefined)
    const seen = sessions.all().map(({ id, seen_at }) => [id, Math.floor(seen_at)] as const)
    return writeToken(kv, keyring, key, { ...token, sessions: seen }, now())
  }

  const writeRow = async (row: KvOutboxRow): Promise<void> => {
    try {
      await write(row.key, row.scope_set_key)
      if (ledger.find('kv_outbox', row.key)?.version === row.version)
        ledger.remove('kv_outbox', row.key)
    } catch {
      const isNews = ledger.find('kv_outbox', row.key)?.version !== row.version
      const failures = row.failures + 1
      const pause = Math.min(2 ** row.failures, MAX_PAUSE_SECONDS)
      if (!isNews) ledger.put('kv_outbox', { ...row, failures, not_before: now() + pause })
      log('warn', 'kv_write_failed', { subject })
    }
  }

  const flushOnce = async (): Promise<void> => {
    const due = ledger.all('kv_outbox').filter(({ not_before }) => not_before <= now())
    await Promise.all(due.map(writeRow))
    await schedule()
  }

  return {
    markTokenDirty: (scope_set_key) => note(tokenKey(subject, scope_set_key), scope_set_key),
    markGrantDirty: (scope_set_key) => note(grantKey(subject, scope_set_key), scope_set_key),
    markAllTokensDirty() {
      for (const { scope_set_key } of ledger.all('tokens'))
        note(tokenKey(subject, scope_set_key), scope_set_key)
    },
    flush() {
      const scheduled = schedule()
      flushing = flushing.then(flushOnce, flushOnce)
      return Promise.all([scheduled, flushing]).then(() => {})
    },
  }
}
