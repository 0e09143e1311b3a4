/** This file is the ledger: what one subject's Durable Object keeps, row by row, in SQLite. Tokens come in sealed. */

/** A browser's session; `line` stays when a new consent replaces its `id`, so that other tabs of it may finish theirs. */
export interface SessionRow {
  id: string
  family_id: string
  created_at: number
  seen_at: number
  /** The key that was current when the session began. It sealed what the browser holds. */
  kid: string
}

/** A live grant, sealed just as KV holds it. */
export interface GrantRow {
  scope_set_key: string
  generation: string
  granted_at: number
  refreshed_at: number
  sealed: string
}

/** The current access token of a scope set, and the scope set of the grant it came from. */
export interface TokenRow {
  scope_set_key: string
  grant_scope_set_key: string
  expires_at: number
  sealed: string
}

/** Why a scope set has no grant, where there is more to tell than that it never had one. */
export interface EndingRow {
  scope_set_key: string
  /** `unavailable`: even its own grant yields another scope. What was forgotten stays so until it is granted anew. */
  kind: 'ended' | 'forgotten' | 'partial' | 'unavailable'
  likely_cause: string | null
  /** With `partial`, and where less than all was granted after it was forgotten: what is missing, space-separated. */
  missing_scope: string | null
  at: number
}

/** A scope set that no wider grant will be asked for: Google did not narrow to it. */
export interface DownscopeRefusedRow {
  scope_set_key: string
}

/** How long a grant has failed to refresh, and when the next try may be. */
export interface BackOffRow {
  scope_set_key: string
  failures: number
  not_before: number
}

/** A KV record that may not say what this ledger says. */
export interface KvOutboxRow {
  key: string
  scope_set_key: string
  /** Changes whenever the record has to be written anew. */
  version: number
  failures: number
  not_before: number
}

/** A refresh token that Google has yet to be told is over. */
export interface RevocationRow {
  id: number
  scope_set_key: string
  /** The grant it was part of. */
  sealed: string
  failures: number
  not_before: number
}

/** A consent that waits for its code to be redeemed; until then nobody can use it (TMB-16). */
export interface PendingRow {
  /** The id in the authorization code. */
  id: string
  /** Empty once the code was redeemed. */
  sealed: string
  expires_at: number
  /** Once the code was redeemed: what it began, to be ended if the code comes again. Empty where that is no session. */
  redeemed: string | null
}

/** What is known of the subject as a whole. */
interface Facts {
  /** Its subject key, the name of this object. */
  subject: string
  /** How many refresh tokens Google has issued to it. */
  issued: number
  /** NumericDate of the last disconnect: what began before it may not write any more (TMB-61). */
  disconnected_at: number
  /** NumericDate since when there is neither a session nor a grant, nor a consent that waits. */
  emptied_at: number
}

interface Tables {
  sessions: SessionRow
  grants: GrantRow
  tokens: TokenRow
  endings: EndingRow
  downscope_refused: DownscopeRefusedRow
  back_offs: BackOffRow
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

/** The tables whose rows hold something sealed. */
export type SealedTable = 'grants' | 'tokens' | 'revocation_outbox' | 'pending_grants'

type Value = string | number | null

/** The rows of one subject. Every method is synchronous: nothing comes between two of them. */
export interface Ledger {
  /** Does several changes as one. */
  transaction<T>(change: () => T): T
  /** What is known of the subject as a whole. */
  fact<F extends keyof Facts>(name: F): Facts[F] | undefined
  /** Notes such a fact; `undefined` takes it away. */
  setFact<F extends keyof Facts>(name: F, value: Facts[F] | undefined): void
  /** Every row of a table. */
  all<T extends TableName>(table: T): Tables[T][]
  /** The row of a key. */
  find<T extends TableName>(table: T, key: Value): Readonly<Tables[T]> | undefined
  /** Writes a row, over the one of the same key if there is one. */
  put<T extends Exclude<TableName, 'revocation_outbox'>>(table: T, row: Tables[T]): void
  /** Notes a refresh token to be revoked. */
  addRevocation(row: Omit<RevocationRow, 'id'>): void
  /** Counts a failure to revoke and says when to try again. */
  retryRevocation(id: number, not_before: number): void
  /** Puts a record sealed anew in the place of the one it was made of; `false` when that has changed since (TMB-56). */
  replaceSealed(table: SealedTable, old: string, sealed: string): boolean
  remove(table: TableName, key: Value): void
  /** Removes every row of a table. */
  clear(table: TableName): void
}

/**
 * Opens the ledger of a Durable Object, making its tables where they are not there yet.
 *
 * Rows that were found are kept in memory until anything is written: nobody else writes them, and a thousand
 * callers at once look for the same few.
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
        found.clear() // what was written may have been taken back
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
      const marks = columns.map(() => '?').join(', ')
      write(
        `INSERT OR REPLACE INTO ${table} (${columns.join(', ')}) VALUES (${marks})`,
        ...Object.values(row),
      )
    },
    addRevocation: ({ scope_set_key, sealed, failures, not_before }) =>
      void write(
        'INSERT INTO revocation_outbox (scope_set_key, sealed, failures, not_before) VALUES (?, ?, ?, ?)',
        scope_set_key,
        sealed,
        failures,
        not_before,
      ),
    retryRevocation: (id, not_before) =>
      void write(
        'UPDATE revocation_outbox SET failures = failures + 1, not_before = ? WHERE id = ?',
        not_before,
        id,
      ),
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
