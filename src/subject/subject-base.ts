/** What all parts of a subject's Durable Object share: its configuration, storage and background work. */

import type { AuditLog } from '../audit/audit.ts'
import type { Config } from '../config/config.ts'
import type { Grant } from './grant.ts'
import type { Ledger } from './ledger.ts'
import type { Sessions } from './sessions.ts'
import type { Vault } from './vault.ts'

/** The shared base of a subject's Durable Object. */
export interface SubjectBase {
  config: Config
  kv: KVNamespace
  /** The subject key. */
  subject: string
  ledger: Ledger
  vault: Vault
  sessions: Sessions
  audit: AuditLog
  /** Sets the alarm for the next due work. */
  schedule(): Promise<void>
  /** Runs work after the answer was sent. */
  background(work: Promise<unknown>): void
  /**
   * Where security events are received: adds this subject to the index under the names of a refresh token, and with
   * `account` also of its account.
   */
  indexGrant(grant: Pick<Grant, 'refresh_token' | 'sub'>, account?: boolean): void
}
