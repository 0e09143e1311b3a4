/** This file is the resealing of a subject's records with the current key, while everything else goes on. */

import { isSealedWithCurrent, open, type Place, seal } from '../crypto/seal.ts'
import { grantKey, tokenKey } from './kv-records.ts'
import type { SealedTable } from './ledger.ts'
import type { SubjectParts } from './subject-context.ts'

/** The tables whose rows are sealed. */
export const SEALED_TABLES: readonly SealedTable[] = [
  'grants',
  'tokens',
  'revocations',
  'pending_grants',
]

interface SealedRow {
  sealed: string
  scopes?: string
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
  publisher,
  subject,
}: SubjectParts): Promise<ReadonlySet<string>> {
  const unreadable = new Set<string>()
  for (const table of SEALED_TABLES) {
    const rows: SealedRow[] = ledger.all(table)
    for (const { sealed: old, scopes = '', id } of rows) {
      if (old === '' || isSealedWithCurrent(keyring, old)) continue
      const place = {
        grants: { type: 'grant', at: grantKey(subject, scopes) },
        tokens: { type: 'token', at: tokenKey(subject, scopes) },
        revocations: { type: 'grant', at: grantKey(subject, scopes) },
        pending_grants: { type: 'consent', at: `${subject}/${id}` },
      }[table] as Place
      const record = await open(keyring, place, old)
      if (!record) {
        unreadable.add(old)
        continue
      }
      const sealed = await seal(keyring, place, record)
      ledger.transaction(() => {
        if (!ledger.exchange(table, old, sealed)) return
        if (table === 'grants') publisher.grant(scopes)
        if (table === 'tokens') publisher.token(scopes)
      })
    }
  }
  return unreadable
}
