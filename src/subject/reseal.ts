/** Resealing: seals a subject's records with the current key, while requests go on. */

import { now } from '../clock.ts'
import { kidOf, open, seal } from '../crypto/seal.ts'
import { SEALED_TABLES } from './ledger.ts'
import type { SubjectContext } from './subject-context.ts'
import { placeOf } from './vault.ts'

/**
 * Seals every record with the current key, and marks it for KV.
 *
 * A row that was refreshed, replaced or removed during this work is left as it is: new records are always sealed with
 * the current key (TMB-56, TMB-61).
 *
 * @returns the sealed texts that do not open: they were tampered with, or their key was removed
 */
export async function reseal(context: SubjectContext): Promise<ReadonlySet<string>> {
  const { ledger, kvOutbox, subject } = context
  const { keyring } = context.config
  const unreadable = new Set<string>()
  for (const table of SEALED_TABLES) {
    const rows: { sealed: string; scope_set_key?: string }[] = ledger.all(table)
    for (const row of rows) {
      const { sealed: old, scope_set_key = '' } = row
      if (old === '' || kidOf(old) === keyring.current) continue
      const place = placeOf(subject, table, row)
      const record = await open(keyring, place, old, now())
      if (!record) {
        unreadable.add(old)
        continue
      }
      const sealed = await seal(keyring, place, record)
      ledger.transaction(() => {
        if (!ledger.replaceSealed(table, old, sealed)) return
        if (table === 'grants') kvOutbox.markGrantDirty(scope_set_key)
        if (table === 'tokens') kvOutbox.markTokenDirty(scope_set_key)
      })
    }
  }
  return unreadable
}
