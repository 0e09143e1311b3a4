/** This file is a KV store that is filled at once: the files in which the local runtime keeps a namespace, since a write a record would take minutes. */

import { randomBytes } from 'node:crypto'
import { mkdir, readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'

/** A record as KV holds it. */
export interface StoredRecord {
  key: string
  value: string
  /** NumericDate. */
  expires_at: number
}

/** Where a runtime keeps its KV; one table of entries for each namespace, and a file for each value. */
const ENTRIES = 'kv/miniflare-KVNamespaceObject'

/** So many files are written at a time. */
const BATCH = 500

/**
 * Adds records to a namespace that has been written to before and is not in use.
 *
 * @param folder where the runtime keeps what is stored
 * @param witness a key that stands in this namespace and in no other, by which its table is found
 */
export async function fillStore(
  folder: string,
  namespace: string,
  witness: string,
  records: readonly StoredRecord[],
): Promise<void> {
  const blobs = join(folder, 'kv', namespace, 'blobs')
  await mkdir(blobs, { recursive: true })
  const database = await findNamespace(join(folder, ENTRIES), witness)
  const insert = database.prepare(
    'INSERT OR REPLACE INTO _mf_entries (key, blob_id, expiration) VALUES (?, ?, ?)',
  )
  database.exec('BEGIN')
  for (let from = 0; from < records.length; from += BATCH) {
    const batch = records.slice(from, from + BATCH)
    await Promise.all(
      batch.map(async ({ key, value, expires_at }) => {
        const blob = randomBytes(40).toString('hex')
        await writeFile(join(blobs, blob), value)
        insert.run(key, blob, Math.floor(expires_at * 1000))
      }),
    )
  }
  database.exec('COMMIT')
  database.close()
}

async function findNamespace(folder: string, witness: string): Promise<DatabaseSync> {
  for (const file of await readdir(folder)) {
    if (!/^[0-9a-f]{64}\.sqlite$/.test(file)) continue
    const database = new DatabaseSync(join(folder, file))
    const found = database.prepare('SELECT 1 FROM _mf_entries WHERE key = ?').get(witness)
    if (found) return database
    database.close()
  }
  throw new Error('the local runtime keeps its KV in another way now')
}
