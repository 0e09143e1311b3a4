/** The list of subjects: by pseudonym, with counts and times, a line each. */

import type { Keys, OperatorCalls, Report } from '../protocol/operator.ts'
import { fail, say } from './command-line.ts'
import { keysOf } from './operator-link.ts'
import { listBatches } from './operator-rotate.ts'

/** One line of the list. Times are ISO 8601. */
export interface ListedSubject {
  subject: string
  /** `unreachable` if its Durable Object could not be asked; `failing` if Google could not refresh a grant. */
  status: 'ok' | 'failing' | 'unreachable'
  bundles: { bundle: string; granted_at: string; refreshed_at: string }[]
  sessions: number
  /** KV records yet to be written, and refresh tokens yet to be revoked. */
  pending: number
}

/** Prints every subject that KV lists. @returns the exit code: 1 if one is unreachable */
export async function listSubjects(
  calls: OperatorCalls,
  operator: string,
  json: boolean,
): Promise<number> {
  const { bundles } = await keysOf(calls)
  let [code, count] = [0, 0]
  for await (const batch of listBatches(calls, operator)) {
    for (const report of await calls.stats(operator, batch, false)) {
      const listed = toListed(report, bundles)
      if (!listed) continue
      if (listed.status === 'unreachable') code = 1
      say(json ? JSON.stringify(listed) : formatSubject(listed))
      count++
    }
  }
  if (count === 0) fail(code, 'No subjects.')
  return code
}

function toListed(report: Report, bundles: Keys['bundles']): ListedSubject | undefined {
  const { subject, stats, failed } = report
  if (failed) return { subject, status: 'unreachable', bundles: [], sessions: 0, pending: 0 }
  if (!stats) return undefined
  return {
    subject,
    status: stats.grants.some(({ is_failing }) => is_failing) ? 'failing' : 'ok',
    bundles: stats.grants.map(({ scope_set_key, granted_at, refreshed_at }) => ({
      bundle: bundles[scope_set_key] ?? '(other scopes)',
      granted_at: dateOf(granted_at),
      refreshed_at: dateOf(refreshed_at),
    })),
    sessions: Object.values(stats.sessions).reduce((sum, count) => sum + count, 0),
    pending: stats.kv_outbox + stats.revocation_outbox,
  }
}

function formatSubject({ subject, status, bundles, sessions, pending }: ListedSubject): string {
  const named = bundles.map(
    ({ bundle, granted_at, refreshed_at }) =>
      `${bundle} (granted ${granted_at}, refreshed ${refreshed_at})`,
  )
  const work = pending > 0 ? `, ${pending} writes or revocations pending` : ''
  return `${subject}  ${status}  ${sessions} sessions${work}  ${named.join(', ')}`
}

function dateOf(at: number): string {
  return new Date(Math.floor(at) * 1000).toISOString()
}
