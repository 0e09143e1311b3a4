/** The ledger: the SQLite tables of one subject's Durable Object. Tokens in it are sealed. */

import type { LikelyCause } from '../protocol/http.ts'

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

/** A KV record that has to be written from the ledger. */
export interface KvOutboxRow {
  key: string
  scope_set_key: string
  /** Increases each time the record is enqueued. */
  version: number
  failures: number
  not_before: number
}

/** A refresh token that has to be revoked at Google. */
export interface RevocationRow {
  id: number
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
  /** How many refresh tokens Google has issued to this subject. */
  issued: number
  /** NumericDate of the last disconnect; a consent that began before it is refused (TMB-61). */
  disconnected_at: number
  /** NumericDate since when the object has no session, grant, pending consent or outbox entry. */
  emptied_at: number
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

const SCHEMA = `
  CREATE TABLE IF NOT EXISTS sessions (id TEXT PRIMARY KEY, family_id TEXT NOT NULL, created_at REAL NOT NULL, seen_at REAL NOT NULL, kid TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS grants (scope_set_key TEXT PRIMARY KEY, generation TEXT NOT NULL, granted_at REAL NOT NULL, refreshed_at REAL NOT NULL, sealed TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS tokens (scope_set_key TEXT PRIMARY KEY, grant_scope_set_key TEXT NOT NULL, expires_at REAL NOT NULL, sealed TEXT NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS endings (scope_set_key TEXT PRIMARY KEY, kind TEXT NOT NULL, likely_cause TEXT, missing_scope TEXT, at REAL NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS downscope_refused (scope_set_key TEXT PRIMARY KEY) STRICT;
  CREATE TABLE IF NOT EXISTS back_offs (scope_set_key TEXT PRIMARY KEY, failures INTEGER NOT NULL, not_before REAL NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS kv_outbox (key TEXT PRIMARY KEY, scope_set_key TEXT NOT NULL, version INTEGER NOT NULL, failures INTEGER NOT NULL, not_before REAL NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS revocation_outbox (id INTEGER PRIMARY KEY AUTOINCREMENT, scope_set_key TEXT NOT NULL, sealed TEXT NOT NULL, failures INTEGER NOT NULL, not_before REAL NOT NULL) STRICT;
  CREATE TABLE IF NOT EXISTS pending_grants (id TEXT PRIMARY KEY, sealed TEXT NOT NULL, expires_at REAL NOT NULL, redeemed TEXT) STRICT;
`

type TableName = keyof Tables

/** A row to insert; SQLite numbers the rows of the revocation outbox. */
type NewRow<T extends TableName> = T extends 'revocation_outbox'
  ? Omit<RevocationRow, 'id'> & { id?: number }
  : Tables[T]

/** The tables with sealed rows. */
export const SEALED_TABLES = ['grants', 'tokens', 'revocation_outbox', 'pending_grants'] as const

/** A table with sealed rows. */
export type SealedTable = (typeof SEALED_TABLES)[number]

type Value = string | number | null

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
  find<T extends TableName>(table: T, key: Value): Readonly<Tables[T]> | undefined
  /** Inserts a row, or replaces the one with the same key. */
  put<T extends TableName>(table: T, row: NewRow<T>): void
  /** Replaces a sealed record. @returns `false` if no row holds `old` any more (TMB-56) */
  replaceSealed(table: SealedTable, old: string, sealed: string): boolean
  remove(table: TableName, key: Value): void
  /** Deletes all rows of a table. */
  clear(table: TableName): void
}

/**
 * Opens the ledger of a Durable Object, and creates missing tables.
 *
 * Found rows are cached in memory until the next write. The object is the only writer, and many concurrent callers
 * look for the same few rows.
 */
export function openLedger(storage: DurableObjectStorage): Ledger {
  const { sql, kv } = storage
  const found = new Map<string, unknown>()
  const write = (statement: string, ...values: Value[]): SqlStorageCursor<never> => {
    found.clear()
    return sql.exec(statement, ...values)
  }
  sql.exec(SCHEMA)
  return {
    transaction(change) {
      try {
        return storage.transactionSync(change)
      } finally {
        found.clear() // the writes may have been rolled back
      }
    },
    fact: (name) => kv.get(name),
    setFact: (name, value) => void (value === undefined ? kv.delete(name) : kv.put(name, value)),
    all: (table) => sql.exec(`SELECT * FROM ${table}`).toArray() as never,
    find(table, key) {
      const name = `${table}/${key}`
      if (!found.has(name)) {
        const query = `SELECT * FROM ${table} WHERE ${keyColumn(table)} = ?`
        found.set(name, sql.exec(query, key).toArray()[0])
      }
      return found.get(name) as never
    },
    put(table, row) {
      const columns = Object.keys(row)
      const marks = columns.map(() => '?')
      const statement = `INSERT OR REPLACE INTO ${table} (${columns}) VALUES (${marks})`
      write(statement, ...Object.values(row))
    },
    replaceSealed: (table, old, sealed) =>
      write(`UPDATE ${table} SET sealed = ? WHERE sealed = ?`, sealed, old).rowsWritten > 0,
    remove: (table, key) => void write(`DELETE FROM ${table} WHERE ${keyColumn(table)} = ?`, key),
    clear: (table) => void write(`DELETE FROM ${table}`),
  }
}

function keyColumn(table: TableName): string {
  if (table === 'kv_outbox') return 'key'
  return ['sessions', 'revocation_outbox', 'pending_grants'].includes(table)
    ? 'id'
    : 'scope_set_key'
}
