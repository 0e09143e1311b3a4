/** The ledger: what one subject's Durable Object stores. Tokens in it are sealed. */

import { BrokerError } from '../errors.ts'
import type { LikelyCause } from '../protocol/http.ts'
import { requireKnownVersion } from './stored-version.ts'

/** A session of a browser. A new consent replaces the `id` but keeps the `family_id`, so that other tabs can finish. In OAuth mode a family is the key of a browser. */
export interface SessionRow {
  id: string
  family_id: string
  created_at: number
  seen_at: number
  /** The `kid` of the key that sealed the browser's cookie or token. */
  kid: string
}

/** A grant, sealed; KV holds the same sealed text. */
export interface GrantRow {
  scope_set_key: string
  generation: string
  granted_at: number
  refreshed_at: number
  sealed: string
}

/** The current access token of a scope set. `grant_scope_set_key` names the grant it came from. */
export interface TokenRow {
  scope_set_key: string
  grant_scope_set_key: string
  expires_at: number
  sealed: string
}

/** Why a scope set has no complete grant. There is no row if it was never granted. */
export interface EndingRow {
  scope_set_key: string
  /** `unavailable`: Google answered a refresh with other scopes than those of the grant. `forgotten` stays until the next consent. */
  kind: 'ended' | 'forgotten' | 'partial' | 'unavailable'
  likely_cause: LikelyCause | null
  /** The scopes the user did not grant, space-separated; for `partial`, or after an incomplete new consent. */
  missing_scope: string | null
  at: number
}

/** A KV record that has to be written from the ledger, and is tried again until KV has taken it. */
export interface KvOutboxRow {
  key: string
  scope_set_key: string
  /** Another one each time the record is enqueued. */
  version: string
  /** NumericDate from which the record in KV has ended by itself; absent for a grant, which KV keeps. */
  until?: number
}

/** A refresh token that has to be revoked at Google. */
export interface RevocationRow {
  id: string
  scope_set_key: string
  /** Its grant. */
  sealed: string
  failures: number
  not_before: number
}

/** A consent whose code was not redeemed yet; until then it cannot be used (TMB-16). */
export interface PendingRow {
  /** The id in the authorization code. */
  id: string
  /** Empty once the code was redeemed. */
  sealed: string
  expires_at: number
  /** After redemption: the session it began, which ends if the code is used again. Empty if it began none. */
  redeemed: string | null
}

/** Facts about the subject as a whole. */
interface Facts {
  /** The subject key, which is the name of this object. */
  subject: string
  /** The version of the tables, if it is not the first. */
  version: number
  /** How many refresh tokens Google has issued to this subject. */
  issued: number
  /** NumericDate of the last disconnect; a consent that began before it is refused (TMB-61). */
  disconnected_at: number
  /** NumericDate since when the object has no session, grant, pending consent or outbox entry. */
  emptied_at: number
  /** How often in a row KV has refused, and when it was tried last. */
  kv_refusals: { failures: number; tried_at: number }
}

interface Tables {
  sessions: SessionRow
  grants: GrantRow
  tokens: TokenRow
  endings: EndingRow
  /** The scope sets that no larger grant may serve, because Google did not down-scope to them. */
  downscope_refused: { scope_set_key: string }
  /** How often a grant has failed to refresh, and when the next try is allowed. */
  back_offs: { scope_set_key: string; failures: number; not_before: number }
  kv_outbox: KvOutboxRow
  revocation_outbox: RevocationRow
  pending_grants: PendingRow
}

type TableName = keyof Tables

/** The member that names a row of its table. */
const KEYS = {
  sessions: 'id',
  grants: 'scope_set_key',
  tokens: 'scope_set_key',
  endings: 'scope_set_key',
  downscope_refused: 'scope_set_key',
  back_offs: 'scope_set_key',
  kv_outbox: 'key',
  revocation_outbox: 'id',
  pending_grants: 'id',
} satisfies { [T in TableName]: keyof Tables[T] }

/** The tables with sealed rows. */
export const SEALED_TABLES = ['grants', 'tokens', 'revocation_outbox', 'pending_grants'] as const

/** A table with sealed rows. */
export type SealedTable = (typeof SEALED_TABLES)[number]

/** The rows of one subject. All methods are synchronous, so no other request runs between two calls. */
export interface Ledger {
  /** Applies several changes atomically. */
  transaction<T>(change: () => T): T
  /** Reads a fact. */
  fact<F extends keyof Facts>(name: F): Facts[F] | undefined
  /** Writes a fact; `undefined` deletes it. */
  setFact<F extends keyof Facts>(name: F, value: Facts[F] | undefined): void
  /** Lists all rows of a table. */
  all<T extends TableName>(table: T): Tables[T][]
  /** Finds the row with a key. */
  find<T extends TableName>(table: T, key: string): Readonly<Tables[T]> | undefined
  /**
   * Inserts a row, or replaces the one with the same key.
   * @throws {BrokerError} temporarily_unavailable: the storage takes no row
   */
  put<T extends TableName>(table: T, row: Tables[T]): void
  /** Replaces a sealed record. @returns `false` if no row holds `old` any more (TMB-56) */
  replaceSealed(table: SealedTable, old: string, sealed: string): boolean
  /** Deletes a row; costs nothing if there is none. */
  remove(table: TableName, key: string): void
  /** Deletes all rows of a table. */
  clear(table: TableName): void
}

/**
 * Opens the ledger of a Durable Object.
 *
 * Rows are values of the object's key-value storage. That is one SQLite table without row ids: each write is one billed row,
 * and a user takes a few pages. Each table of our own would take a page more, and each of its indexes a row more per write.
 *
 * @throws {BrokerError} server_error: a later version of the broker wrote it
 */
export function openLedger(storage: DurableObjectStorage): Ledger {
  const { kv } = storage
  requireKnownVersion(kv.get<Facts['version']>('version'))
  const all = <T extends TableName>(table: T): Tables[T][] =>
    Array.from(kv.list<Tables[T]>({ prefix: `${table}/` }), ([, row]) => row)
  const remove = (table: TableName, key: string): void => void kv.delete(`${table}/${key}`)
  const write = (name: string, value: unknown): void => {
    try {
      kv.put(name, value)
    } catch (cause) {
      throw new BrokerError('subject_unreachable', { cause }) // such as a Free plan whose rows are used up
    }
  }
  const put = <T extends TableName>(table: T, row: Tables[T]): void =>
    write(`${table}/${keyOf(table, row)}`, row)
  return {
    transaction: (change) => storage.transactionSync(change),
    fact: (name) => kv.get(name),
    setFact: (name, value) => void (value === undefined ? kv.delete(name) : write(name, value)),
    all,
    find: (table, key) => kv.get(`${table}/${key}`),
    put,
    replaceSealed(table, old, sealed) {
      const row = all(table).find((row) => row.sealed === old)
      if (row) put(table, { ...row, sealed })
      return row !== undefined
    },
    remove,
    clear(table) {
      for (const row of all(table)) remove(table, keyOf(table, row))
    },
  }
}

function keyOf<T extends TableName>(table: T, row: Tables[T]): string {
  return (row as unknown as Record<string, string>)[KEYS[table]] ?? ''
}
