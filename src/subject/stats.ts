/** What the operator sees of a subject: counts and times, and nothing that opens a record (TMB-79). */

import { kidOf } from '../crypto/seal.ts'
import type { Counts, SubjectStats } from '../protocol/operator.ts'
import { SEALED_TABLES, type SessionRow } from './ledger.ts'
import { reseal } from './reseal.ts'
import type { SubjectContext } from './subject-context.ts'

/** Counts what is stored. @param resealing whether to seal it all with the current key first */
export async function readStats(
  context: SubjectContext,
  resealing: boolean,
): Promise<SubjectStats> {
  const { config, ledger, kvOutbox, sessions } = context
  const unreadable = resealing ? await reseal(context) : new Set<string>()
  if (resealing) await kvOutbox.flush()
  const sealed = SEALED_TABLES.flatMap((table) => ledger.all(table).map((row) => row.sealed))
  const live = sessions.all()
  const readable = sealed.filter((text) => text !== '' && !unreadable.has(text))
  return {
    current: config.keyring.current,
    records: countByKid(readable.map(kidOf)),
    unreadable: unreadable.size,
    sessions: countByKid(live.map(({ kid }) => kid)),
    sessions_until: latestEndByKid(live, config.session_ttl_seconds),
    grants: ledger.all('grants').map(({ scope_set_key, granted_at, refreshed_at }) => ({
      ...{ scope_set_key, granted_at, refreshed_at },
      is_failing: ledger.find('back_offs', scope_set_key) !== undefined,
    })),
    kv_outbox: ledger.all('kv_outbox').length,
    revocation_outbox: ledger.all('revocation_outbox').length,
  }
}

function countByKid(kids: readonly (string | undefined)[]): Counts {
  const counts: Counts = {}
  for (const kid of kids) counts[kid ?? '?'] = (counts[kid ?? '?'] ?? 0) + 1
  return counts
}

function latestEndByKid(live: readonly SessionRow[], ttl: number): Counts {
  const times: Counts = {}
  for (const { kid, created_at } of live) times[kid] = Math.max(times[kid] ?? 0, created_at + ttl)
  return times
}
