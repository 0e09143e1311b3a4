/** This file is what the operator may know of a subject: counts and times, and nothing that opens anything (TMB-79). */

import { kidOf } from '../crypto/seal.ts'
import type { Census, Tally } from '../protocol/operator.ts'
import type { SessionRow } from './ledger.ts'
import { reseal, SEALED_TABLES } from './reseal.ts'
import type { SubjectParts } from './subject-context.ts'

/** Counts what is kept; with `resealing`, after sealing all of it with the current key. */
export async function census(parts: SubjectParts, resealing: boolean): Promise<Census> {
  const { config, ledger, publisher, sessions } = parts
  const unreadable = resealing ? await reseal(parts) : new Set<string>()
  if (resealing) await publisher.flush()
  const sealed = SEALED_TABLES.flatMap((table) => ledger.all(table).map((row) => row.sealed))
  const live = sessions.all()
  const readable = sealed.filter((text) => text !== '' && !unreadable.has(text))
  return {
    current: config.keyring.current,
    records: tally(readable.map(kidOf)),
    unreadable: unreadable.size,
    sessions: tally(live.map(({ kid }) => kid)),
    sessions_until: latest(live, config.session_ttl_seconds),
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

function latest(live: readonly SessionRow[], ttl: number): Tally {
  const times: Tally = {}
  for (const { kid, created_at } of live)
    times[kid ?? '?'] = Math.max(times[kid ?? '?'] ?? 0, created_at + ttl)
  return times
}
