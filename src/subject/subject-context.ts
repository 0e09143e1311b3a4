/** The context of a subject's Durable Object: all its parts, put together. */

import { openAuditLog } from '../audit/audit.ts'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { createGrants } from './grants.ts'
import { createKvOutbox, nextTry } from './kv-outbox.ts'
import { type Ledger, openLedger } from './ledger.ts'
import { accountName, addToIndex, namesOfToken } from './provider-names.ts'
import type { RefreshContext } from './refresh-storage.ts'
import { createRefresher, type Refresher } from './refresher.ts'
import { createRevocationOutbox } from './revocation-outbox.ts'
import { createSerialQueue } from './serial-queue.ts'
import { createSessions } from './sessions.ts'
import type { SubjectBase } from './subject-base.ts'
import { createVault } from './vault.ts'

/** All parts of a subject's Durable Object. */
export interface SubjectContext extends RefreshContext {
  refresher: Refresher
}

/** How long an empty object is kept, in seconds: a consent that began before a disconnect is still refused (TMB-65). */
const TOMBSTONE_SECONDS = 24 * 60 * 60

/** After how many seconds the alarm repeats a first attempt, in case a crash lost it. */
const SAFETY_SECONDS = 5

/** An alarm that comes sooner than this is replaced by a later one, in milliseconds: its work is done. */
const SOON_MS = 60_000

/** Creates the parts for the object of this state. */
export function openSubjectContext(
  ctx: DurableObjectState,
  env: Env,
  config: Config,
): SubjectContext {
  const ledger = openLedger(ctx.storage)
  const subject = ctx.id.name ?? ledger.fact('subject') ?? ''
  if (ledger.fact('subject') !== subject) ledger.setFact('subject', subject)
  const background = (work: Promise<unknown>): void => ctx.waitUntil(work)
  const audit = openAuditLog(env, background)
  const scheduleInOrder = createSerialQueue() // two at once would each write a row
  const base: SubjectBase = {
    config,
    kv: env.TOKENS,
    subject,
    ledger,
    audit,
    background,
    vault: createVault(config.keyring, subject, audit),
    sessions: createSessions(ledger, config),
    async schedule() {
      const at = nextAlarm(ledger, config)
      if (at !== undefined) await scheduleInOrder(() => setAlarm(ctx.storage, Math.ceil(at * 1000)))
    },
    indexGrant(grant, account = false) {
      if (!config.security_events) return
      const add = async (): Promise<void> => {
        const names = await namesOfToken(config, grant)
        if (account) names.push(await accountName(config, grant.sub))
        await addToIndex(env, names, subject)
      }
      background(add())
    },
  }
  const kvOutbox = createKvOutbox(base)
  const revocationOutbox = createRevocationOutbox(base)
  const grants = createGrants(config, ledger, base.vault, kvOutbox)
  const context: RefreshContext = { ...base, kvOutbox, revocationOutbox, grants }
  return { ...context, refresher: createRefresher(context) }
}

/**
 * Sets the alarm, if that is worth a row. One that comes too early finds nothing to do and sets the next one, which costs
 * less than to move it at each use of a session.
 */
async function setAlarm(storage: DurableObjectStorage, at_ms: number): Promise<void> {
  const current = (await storage.getAlarm()) ?? Number.POSITIVE_INFINITY
  const isSoon = current < Date.now() + SOON_MS
  if (at_ms < current || (isSoon && at_ms !== current)) await storage.setAlarm(at_ms)
}

/** Whether the object has been empty for a day; it can then be deleted. */
export function isDisposable(ledger: Ledger): boolean {
  const emptied_at = ledger.fact('emptied_at')
  return emptied_at !== undefined && now() >= emptied_at + TOMBSTONE_SECONDS
}

/** Computes when work is due next (NumericDate), and records since when the object is empty. */
function nextAlarm(ledger: Ledger, config: Config): number | undefined {
  const [writes, revocations] = [ledger.all('kv_outbox'), ledger.all('revocation_outbox')]
  const [sessions, pending] = [ledger.all('sessions'), ledger.all('pending_grants')]
  const isEmpty = [writes, revocations, sessions, pending, ledger.all('grants')].flat().length === 0
  const emptied_at = isEmpty ? (ledger.fact('emptied_at') ?? now()) : undefined
  if (emptied_at !== ledger.fact('emptied_at')) ledger.setFact('emptied_at', emptied_at)
  const times = [
    ...(writes.length > 0 ? [nextTry(ledger, 'alarm') || now() + SAFETY_SECONDS] : []),
    ...revocations.map(({ failures, not_before }) =>
      failures > 0 ? not_before : now() + SAFETY_SECONDS,
    ),
    ...sessions.map(({ created_at, seen_at }) =>
      Math.min(created_at + config.session_ttl_seconds, seen_at + config.session_idle_seconds),
    ),
    ...pending.map(({ expires_at }) => expires_at),
    ...(emptied_at === undefined ? [] : [emptied_at + TOMBSTONE_SECONDS]),
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}
