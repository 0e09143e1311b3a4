/** This file is what one subject's Durable Object works with, put together. */

import { type AuditLog, openAuditLog } from '../audit/audit.ts'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import type { Grant } from './grant.ts'
import { createGrants, type Grants } from './grants.ts'
import { createKvOutbox, type KvOutbox } from './kv-outbox.ts'
import { type Ledger, openLedger } from './ledger.ts'
import { accountName, addToIndex, namesOfToken } from './provider-names.ts'
import { createRefresher, type Refresher } from './refresher.ts'
import { createRevocationOutbox, type RevocationOutbox } from './revocation-outbox.ts'
import { createSessions, type Sessions } from './sessions.ts'
import { createVault, type Vault } from './vault.ts'

/** The parts of one subject's Durable Object. */
export interface SubjectContext {
  config: Config
  /** Its subject key. */
  subject: string
  ledger: Ledger
  vault: Vault
  sessions: Sessions
  grants: Grants
  kvOutbox: KvOutbox
  revocationOutbox: RevocationOutbox
  refresher: Refresher
  audit: AuditLog
  /** Notes whose a refresh token is, behind the answer; with `account`, whose its user as well. */
  indexGrant(grant: Pick<Grant, 'refresh_token' | 'sub'>, account?: boolean): void
  /** Lets work go on behind the answer. */
  background(work: Promise<void>): void
}

/** An object with nothing left in it goes after a day, when nothing that began before can come any more (TMB-65). */
const TOMBSTONE_SECONDS = 24 * 60 * 60

/** What is being worked off for the first time is looked at again after this, in case the object died over it. */
const SAFETY_SECONDS = 5

/** Puts the parts together for the object of this context. */
export function openSubjectContext(
  ctx: DurableObjectState,
  env: Env,
  config: Config,
): SubjectContext {
  const ledger = openLedger(ctx.storage)
  const subject = ctx.id.name ?? ledger.fact('subject') ?? ''
  if (ledger.fact('subject') !== subject) ledger.setFact('subject', subject)
  const schedule = async (): Promise<void> => {
    const at = nextAlarm(ledger, config)
    if (at !== undefined) await ctx.storage.setAlarm(at * 1000)
  }
  const background = (work: Promise<void>): void => ctx.waitUntil(work)
  const audit = openAuditLog(env, background)
  const indexGrant: SubjectContext['indexGrant'] = (grant, account = false) => {
    const names = [
      namesOfToken(config, grant),
      ...(account ? [accountName(config, grant.sub)] : []),
    ]
    const noting = Promise.all(names).then((all) => addToIndex(env, all.flat(), subject))
    background(noting)
  }
  const vault = createVault(config.keyring, subject, audit)
  const sessions = createSessions(ledger, config)
  const kvOutbox = createKvOutbox({
    kv: env.TOKENS,
    keyring: config.keyring,
    subject,
    ledger,
    sessions,
    vault,
    schedule,
  })
  const revocationOutbox = createRevocationOutbox({
    config,
    subject,
    ledger,
    vault,
    audit,
    schedule,
  })
  const grants = createGrants(ledger, vault, kvOutbox)
  const refresher = createRefresher({
    config,
    subject,
    ledger,
    vault,
    grants,
    kvOutbox,
    revocationOutbox,
    audit,
    indexGrant,
    background,
  })
  return {
    config,
    subject,
    ledger,
    vault,
    sessions,
    grants,
    kvOutbox,
    revocationOutbox,
    refresher,
    audit,
    indexGrant,
    background,
  }
}

/** Whether nobody needs this object any more. */
export function isSpent(ledger: Ledger): boolean {
  const emptied_at = ledger.fact('emptied_at')
  return emptied_at !== undefined && now() >= emptied_at + TOMBSTONE_SECONDS
}

/** When there is something to do next, and notes since when there is nothing left to keep. */
function nextAlarm(ledger: Ledger, config: Config): number | undefined {
  const work = [...ledger.all('kv_outbox'), ...ledger.all('revocation_outbox')]
  const [sessions, pending] = [ledger.all('sessions'), ledger.all('pending_grants')]
  const isEmpty = [work, sessions, pending, ledger.all('grants')].every(
    ({ length }) => length === 0,
  )
  const emptied_at = isEmpty ? (ledger.fact('emptied_at') ?? now()) : undefined
  if (emptied_at !== ledger.fact('emptied_at')) ledger.setFact('emptied_at', emptied_at)
  const times = [
    ...work.map(({ failures, not_before }) => (failures > 0 ? not_before : now() + SAFETY_SECONDS)),
    ...sessions.map(({ created_at, seen_at }) =>
      Math.min(created_at + config.session_ttl_seconds, seen_at + config.session_idle_seconds),
    ),
    ...pending.map(({ expires_at }) => expires_at),
    ...(emptied_at === undefined ? [] : [emptied_at + TOMBSTONE_SECONDS]),
  ]
  return times.length === 0 ? undefined : Math.min(...times)
}
