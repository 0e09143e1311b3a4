/** The KV outbox: brings the KV records of a subject in line with its ledger. */

import { log, logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import { randomId } from '../crypto/digest.ts'
import { failed, type Outcome, success } from '../errors.ts'
import { grantKey, KV_MIN_TTL_SECONDS, tokenKey, writeSealed, writeToken } from './kv-records.ts'
import type { KvOutboxRow, Ledger } from './ledger.ts'
import { createSerialQueue } from './serial-queue.ts'
import type { SubjectBase } from './subject-base.ts'

/**
 * The longest pause before another try, in seconds. Pauses double from one second, because KV accepts one write of a key
 * in a second: 18 tries in the first day, and one a day after that. Each try is one write, however much waits.
 */
const MAX_PAUSE_SECONDS = 24 * 60 * 60

/** How long a caller that ends something waits for KV between its tries, in seconds. */
const PAUSES_OF_CALLERS_SECONDS = [1, 2]

/**
 * Callers that repeat their call have KV tried again after this time at the earliest, in seconds. It is how long a call
 * waits, so that KV is tried in every call, also if it refused just before.
 */
const MIN_PAUSE_OF_CALLERS_SECONDS = 3

type Target = Pick<KvOutboxRow, 'key' | 'scope_set_key'>

/** Writes the KV records of one subject. */
export interface KvOutbox {
  /**
   * Writes a new access token to KV once, behind the answer. If KV does not take it, the next caller asks this object.
   * Does nothing with `strict` consistency, where KV holds no access token.
   */
  publishToken(scope_set_key: string): void
  /** Enqueues the access-token record of a scope set: it ended, or was resealed. Call it before its row is removed. */
  markTokenDirty(scope_set_key: string): void
  /** Enqueues all access-token records, because a session that may use them ended. */
  markAllTokensDirty(): void
  /** Enqueues the grant record of a scope set. */
  markGrantDirty(scope_set_key: string): void
  /**
   * Writes all that is enqueued, if its time has come. Never fails: what KV refused stays enqueued.
   *
   * Sets the alarm before it returns, so that the work is done even if this object crashes.
   */
  flush(): Promise<void>
  /**
   * Writes all that is enqueued, and waits for KV a few seconds.
   *
   * @returns a failure if a location could still serve what has ended
   */
  settle(): Promise<Outcome<void>>
}

/** Makes the KV outbox of a subject, the only writer of its KV records. */
export function createKvOutbox(base: SubjectBase): KvOutbox {
  const { background, config, kv, subject, ledger, sessions, vault, schedule } = base
  const inOrder = createSerialQueue()
  const hasTokens = config.consistency === 'edge'

  const enqueue = (key: string, scope_set_key: string, until?: number): void => {
    const version = randomId()
    ledger.put('kv_outbox', {
      ...{ key, scope_set_key, version },
      ...(until === undefined ? {} : { until }),
    })
  }

  const markTokenDirty = (scope_set_key: string): void => {
    const until = ledger.find('tokens', scope_set_key)?.expires_at ?? 0
    if (hasTokens && until > now()) enqueue(tokenKey(subject, scope_set_key), scope_set_key, until)
  }

  /** Writes what the ledger says at this moment; deletes the record if the ledger has none. */
  const write = async ({ key, scope_set_key }: Target): Promise<void> => {
    if (key === grantKey(subject, scope_set_key))
      return writeSealed(kv, key, ledger.find('grants', scope_set_key)?.sealed)
    const token = await vault.openToken(ledger.find('tokens', scope_set_key))
    if (!token) return writeSealed(kv, key, undefined)
    const seen = sessions.all().map(({ id, seen_at }) => [id, Math.floor(seen_at)] as const)
    return writeToken(kv, config.keyring, key, { ...token, sessions: seen })
  }

  /** Writes a record, which settles its row if there is one. @returns whether KV took it */
  const tryToWrite = async (target: Target): Promise<boolean> => {
    const version = ledger.find('kv_outbox', target.key)?.version
    const refusals = ledger.fact('kv_refusals')
    try {
      await write(target)
    } catch {
      log('warn', 'kv_write_failed', { subject })
      const failures = (refusals?.failures ?? 0) + 1
      ledger.setFact('kv_refusals', { failures, tried_at: now() })
      return false
    }
    if (refusals) ledger.setFact('kv_refusals', undefined)
    const isUnchanged = ledger.find('kv_outbox', target.key)?.version === version
    if (version !== undefined && isUnchanged) ledger.remove('kv_outbox', target.key)
    return true
  }

  /** The first write shows whether KV takes any; the others follow together. */
  const writeAll = async (): Promise<void> => {
    const rows = ledger.all('kv_outbox')
    for (const { key } of rows.filter(isOver)) ledger.remove('kv_outbox', key)
    const [first, ...others] = rows.filter((row) => !isOver(row))
    if (first && (await tryToWrite(first))) await Promise.all(others.map(tryToWrite))
  }

  /** What was stored is stored, also if the storage takes no further row: then the work stays for the next alarm. */
  const orLog = async (work: () => Promise<void>): Promise<void> => {
    try {
      await work()
    } catch (error) {
      logError('kv_outbox_failed', error, { subject })
    }
  }

  const flush = async (by: 'alarm' | 'caller'): Promise<void> => {
    if (nextTry(ledger, by) <= now()) await writeAll()
    await schedule()
  }

  return {
    markTokenDirty,
    markAllTokensDirty() {
      for (const { scope_set_key } of ledger.all('tokens')) markTokenDirty(scope_set_key)
    },
    markGrantDirty: (scope_set_key) => enqueue(grantKey(subject, scope_set_key), scope_set_key),
    publishToken(scope_set_key) {
      const target = { key: tokenKey(subject, scope_set_key), scope_set_key }
      const publish = async (): Promise<void> => {
        const ends_at = ledger.find('tokens', scope_set_key)?.expires_at ?? 0
        const isWorthIt = ends_at - now() >= KV_MIN_TTL_SECONDS
        if (isWorthIt && nextTry(ledger, 'alarm') <= now()) await tryToWrite(target)
      }
      if (hasTokens) background(inOrder(() => orLog(publish)))
    },
    flush: async () =>
      void (await Promise.all([orLog(schedule), inOrder(() => orLog(() => flush('alarm')))])),
    async settle() {
      await orLog(schedule)
      for (const pause of [...PAUSES_OF_CALLERS_SECONDS, undefined]) {
        await inOrder(() => orLog(() => flush('caller')))
        if (!ledger.all('kv_outbox').some(isServed)) return success(undefined)
        if (pause !== undefined) await scheduler.wait(pause * 1000)
      }
      return failed('kv_refuses', { retry_after: MIN_PAUSE_OF_CALLERS_SECONDS })
    },
  }
}

/** When KV may be tried again (NumericDate), after it has refused: by the alarm, or by a caller who waits for it. */
export function nextTry(ledger: Ledger, by: 'alarm' | 'caller'): number {
  const { failures = 0, tried_at = 0 } = ledger.fact('kv_refusals') ?? {}
  if (failures === 0) return 0
  const longest = by === 'alarm' ? MAX_PAUSE_SECONDS : MIN_PAUSE_OF_CALLERS_SECONDS
  return tried_at + Math.min(2 ** (failures - 1), longest)
}

/** Whether a location may still answer with a record that has ended. */
function isServed({ until = 0 }: KvOutboxRow): boolean {
  return until > now()
}

/** Whether the record in KV has ended by itself. */
function isOver({ until }: KvOutboxRow): boolean {
  return until !== undefined && until <= now()
}
