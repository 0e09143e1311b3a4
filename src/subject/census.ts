/** This file is what the operator may know of a subject: counts and times, and nothing that opens anything (TMB-79). */

import { kidOf } from '../crypto/seal.ts'
import type { SubjectParts } from './parts.ts'
import { reseal, SEALED_TABLES } from './reseal.ts'

/** How many there are, by `kid`. */
export type Tally = Record<string, number>

/** What a subject's Durable Object keeps. Times are NumericDates. */
export interface Census {
  /** The key that seals here; another than the operator's while a deployment is on its way. */
  current: string
  /** Sealed records; the same ones in KV are written from these. */
  records: Tally
  /** Records that could not be resealed: tampered with, or their key is gone. */
  unreadable: number
  /** Live sessions, by the key that sealed what their browser keeps; `?` where that was not noted. */
  sessions: Tally
  grants: { scopes: string; granted_at: number; refreshed_at: number; is_failing: boolean }[]
  /** KV records that have yet to be written. */
  unpublished: number
  /** Refresh tokens that Google has yet to be told are over. */
  revocations: number
}

/** Counts what is kept; with `resealing`, after sealing all of it with the current key. */
export async function census(parts: SubjectParts, resealing: boolean): Promise<Census> {
  const { config, ledger, publisher, sessions } = parts
  const unreadable = resealing ? await reseal(parts) : new Set<string>()
  if (resealing) await publisher.flush()
  const sealed = SEALED_TABLES.flatMap((table) => ledger.all(table).map((row) => row.sealed))
  const readable = sealed.filter((text) => text !== '' && !unreadable.has(text))
  return {
    current: config.keyring.current,
    records: tally(readable.map(kidOf)),
    unreadable: unreadable.size,
    sessions: tally(sessions.all().map(({ kid }) => kid)),
    grants: ledger.all('grants').map(({ scopes, granted_at, refreshed_at }) => ({
      ...{ scopes, granted_at, refreshed_at },
      is_failing: ledger.find('back_offs', scopes) !== undefined,
    })),
    unpublished: ledger.all('unpublished').length,
    revocations: ledger.all('revocations').length,
  }
}

function tally(kids: readonly (string | null | undefined)[]): Tally {
  const counts: Tally = {}
  for (const kid of kids) counts[kid ?? '?'] = (counts[kid ?? '?'] ?? 0) + 1
  return counts
}
