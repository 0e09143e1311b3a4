/** This file is the resealing of a subject's records with the current key, while everything else goes on. */

import { isSealedWithCurrent, open, type Place, seal } from '../crypto/seal.ts'
import { grantKey, tokenKey } from './kv-records.ts'
import type { SealedTable } from './ledger.ts'
import type { SubjectContext } from './subject-context.ts'

/** The tables whose rows are sealed. */
export const SEALED_TABLES: readonly SealedTable[] = [
  'grants',
  'tokens',
  'revocation_outbox',
  'pending_grants',
]

interface SealedRow {
  sealed: string
  scope_set_key?: string
  id?: string | number
}

/**
 * Seals with the current key whatever is sealed with another, and notes it for KV.
 *
 * Each row is exchanged only for itself: one that was refreshed, replaced or removed meanwhile stays as it is, and
 * what is written from here on is sealed with the current key by whoever writes it (TMB-56, TMB-61).
 *
 * @returns what does not open: tampered with, or its key is gone
 */
export async function reseal({
  config: { keyring },
  ledger,
  kvOutbox,
  subject,
}: SubjectContext): Promise<ReadonlySet<string>> {
  const unreadable = new Set<string>()
  for (const table of SEALED_TABLES) {
    const rows: SealedRow[] = ledger.all(table)
    for (const { sealed: old, scope_set_key = '', id } of rows) {
      if (old === '' || isSealedWithCurrent(keyring, old)) continue
      const place = {
        grants: { type: 'grant', at: grantKey(subject, scope_set_key) },
        tokens: { type: 'token', at: tokenKey(subject, scope_set_key) },
        revocation_outbox: { type: 'grant', at: grantKey(subject, scope_set_key) },
        pending_grants: { type: 'consent', at: `${subject}/${id}` },
      }[table] as Place
      const record = await open(keyring, place, old)
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
