/** This file is how KV is kept to what the ledger says: by a list of records to write, worked off until it is empty. */

import { log } from '../audit/log.ts'
import { now } from '../clock.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { grantKey, tokenKey, writeSealed, writeToken } from './kv-records.ts'
import type { Ledger, UnpublishedRow } from './ledger.ts'
import type { Sessions } from './sessions.ts'
import type { Vault } from './vault.ts'

/**
 * A write that failed, maybe because it was the second within a second, is tried again after 1, 2, 4 … seconds, and at
 * least this often, so that a logout soon holds once KV is well again.
 */
const MAX_PAUSE_SECONDS = 15

/** Keeps the KV records of one subject. */
export interface Publisher {
  /** Notes that the access-token record of a scope set has to be written; inside the transaction that changed it. */
  token(scopes: string): void
  /** Notes that the grant record of a scope set has to be written. */
  grant(scopes: string): void
  /** Notes that every access-token record has to be written: the sessions that may have them changed. */
  allTokens(): void
  /**
   * Writes what is due. Never fails; what could not be written stays on the list.
   *
   * The alarm is set in the turn that noted the work, so that the work outlives a crash of this object.
   */
  flush(): Promise<void>
}

/** What a publisher works with. */
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

/** Makes the publisher of a subject, the only writer of its KV records. */
export function createPublisher({
  kv,
  keyring,
  subject,
  ledger,
  sessions,
  vault,
  schedule,
}: Parts): Publisher {
  let flushing = Promise.resolve()

  const note = (key: string, scopes: string): void => {
    const version = (ledger.find('unpublished', key)?.version ?? 0) + 1
    ledger.put('unpublished', { key, scopes, version, failures: 0, not_before: now() })
  }

  /** Reads the row anew and writes what it says now, which may be: nothing. */
  const write = async (key: string, scopes: string): Promise<void> => {
    if (key === grantKey(subject, scopes))
      return writeSealed(kv, key, ledger.find('grants', scopes)?.sealed)
    const token = await vault.openToken(ledger.find('tokens', scopes))
    if (!token) return writeSealed(kv, key, undefined)
    const seen = sessions.all().map(({ id, seen_at }) => [id, Math.floor(seen_at)] as const)
    return writeToken(kv, keyring, key, { ...token, sessions: seen }, now())
  }

  const publish = async (row: UnpublishedRow): Promise<void> => {
    try {
      await write(row.key, row.scopes)
      if (ledger.find('unpublished', row.key)?.version === row.version)
        ledger.remove('unpublished', row.key)
    } catch {
      const isNews = ledger.find('unpublished', row.key)?.version !== row.version
      const failures = row.failures + 1
      const pause = Math.min(2 ** row.failures, MAX_PAUSE_SECONDS)
      if (!isNews) ledger.put('unpublished', { ...row, failures, not_before: now() + pause })
      log('warn', 'kv_write_failed', { subject })
    }
  }

  const flushOnce = async (): Promise<void> => {
    const due = ledger.all('unpublished').filter(({ not_before }) => not_before <= now())
    await Promise.all(due.map(publish))
    await schedule()
  }

  return {
    token: (scopes) => note(tokenKey(subject, scopes), scopes),
    grant: (scopes) => note(grantKey(subject, scopes), scopes),
    allTokens() {
      for (const { scopes } of ledger.all('tokens')) note(tokenKey(subject, scopes), scopes)
    },
    flush() {
      const scheduled = schedule()
      flushing = flushing.then(flushOnce, flushOnce)
      return Promise.all([scheduled, flushing]).then(() => {})
    },
  }
}
