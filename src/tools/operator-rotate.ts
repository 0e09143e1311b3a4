/** The rotation of keys: every subject encrypts its records again, and the use of each key is counted. */

import { setTimeout as pause } from 'node:timers/promises'
import type {
  Counts,
  OperatorCalls,
  Report,
  SubjectPage,
  SubjectStats,
} from '../protocol/operator.ts'
import { keysOf } from './operator-link.ts'

/** The result of a rotation. */
export interface Rotation {
  /** Id of the key that encrypts. */
  current: string
  /** Ids of all keys that decrypt. */
  kids: readonly string[]
  subjects: number
  records: Counts
  sessions: Counts
  /** NumericDate, by key: when its last session ends at the latest. */
  sessions_until: Counts
  unreadable: number
  /** Subjects that are not done yet, with the reason. */
  left: ReadonlyMap<string, string>
}

/** Called after each batch, with the number of subjects done and left. */
export type Progress = (done: number, left: number) => void

/** How many subjects one call asks. */
const BATCH_SUBJECTS = 20
/** How many calls run in parallel. */
const CALLS_AT_ONCE = 4

/** Waits before each retry, in milliseconds. KV takes one write a second for each key; a deployment takes longer. */
const RETRY_MS = [2_000, 5_000, 15_000, 30_000]

/**
 * Encrypts again the records of every subject that KV lists, while the broker runs.
 *
 * It can be stopped and run again at any time: finished subjects stay finished.
 */
export async function rotate(
  calls: OperatorCalls,
  operator: string,
  progress: Progress,
): Promise<Rotation> {
  const { current, kids } = await keysOf(calls)
  const counts = { subjects: 0, unreadable: 0, records: {}, sessions: {}, sessions_until: {} }
  const rotation = { current, kids, ...counts, left: new Map<string, string>() }
  const settle = ({ subject, stats, failed }: Report): void => {
    const reason = failed ? 'could not be asked' : reasonLeft(stats, current)
    if (reason !== undefined) return void rotation.left.set(subject, reason)
    rotation.left.delete(subject)
    rotation.subjects++
    if (stats) count(rotation, stats)
  }
  const reseal = async (batch: readonly string[]): Promise<void> => {
    try {
      for (const report of await calls.stats(operator, batch, true)) settle(report)
    } catch {
      for (const subject of batch) settle({ subject, failed: true })
    }
    progress(rotation.subjects, rotation.left.size)
  }
  await inParallel(listBatches(calls, operator), reseal)
  for (const ms of RETRY_MS) {
    if (rotation.left.size === 0) break
    await pause(ms)
    await inParallel(batchesOf([...rotation.left.keys()]), reseal)
  }
  return rotation
}

/** Yields every subject that KV lists, once, in batches for one call each. */
export async function* listBatches(
  calls: OperatorCalls,
  operator: string,
): AsyncGenerator<string[]> {
  let last: string | undefined
  let page: SubjectPage | undefined
  do {
    page = await calls.subjects(operator, page?.cursor)
    const subjects = page.subjects.filter((subject) => subject !== last) // one can be on two pages
    last = page.subjects.at(-1) ?? last
    yield* batchesOf(subjects)
  } while (page.cursor !== undefined)
}

function* batchesOf(subjects: readonly string[]): Generator<string[]> {
  for (let start = 0; start < subjects.length; start += BATCH_SUBJECTS)
    yield subjects.slice(start, start + BATCH_SUBJECTS)
}

/** Describes what each key is still needed for. */
export function formatRotation(rotation: Rotation): string[] {
  const { current, kids, records, sessions, subjects, unreadable, left } = rotation
  const old = kids.filter((kid) => kid !== current)
  return [
    `${subjects} subjects resealed.`,
    `${current}: seals now; ${records[current] ?? 0} records, ${sessions[current] ?? 0} sessions.`,
    ...old.map((kid) => `${kid}: ${stateOf(kid, rotation)}`),
    ...(unreadable === 0
      ? []
      : [`${unreadable} records do not open: their key is gone. Their users consent again.`]),
    ...[...left].slice(0, 10).map(([subject, reason]) => `left: ${subject} ${reason}`),
    ...(left.size === 0 ? [] : [`${left.size} subjects are left. Run it again.`]),
  ]
}

function stateOf(kid: string, { left, records, sessions, sessions_until }: Rotation): string {
  const held = (records[kid] ?? 0) + (left.size > 0 ? 1 : 0)
  if (held > 0) return 'still in use: records are left under it.'
  const live = sessions[kid] ?? 0
  if (live === 0)
    return 'nothing is left under it. It may be retired, once the new key has been deployed for an hour.'
  const date = new Date((sessions_until[kid] ?? 0) * 1000).toISOString()
  return `no records; ${live} sessions began under it. Retired now, they have to log in again; the last is over by ${date}.`
}

function reasonLeft(stats: SubjectStats | undefined, current: string): string | undefined {
  if (!stats) return undefined
  if (stats.current !== current)
    return `still seals with ${stats.current}: a deployment is on its way`
  if (stats.kv_outbox > 0) return 'has records that KV did not take yet'
  const isMixed = Object.keys(stats.records).some((kid) => kid !== current)
  return isMixed ? 'changed while it was resealed' : undefined
}

function count(rotation: Rotation, stats: SubjectStats): void {
  add(rotation.records, stats.records, (a, b) => a + b)
  add(rotation.sessions, stats.sessions, (a, b) => a + b)
  add(rotation.sessions_until, stats.sessions_until, Math.max)
  rotation.unreadable += stats.unreadable
}

function add(sum: Counts, more: Counts, plus: (a: number, b: number) => number): void {
  for (const [kid, number] of Object.entries(more)) sum[kid] = plus(sum[kid] ?? 0, number)
}

/** The workers share one generator: each takes the next batch from it. */
async function inParallel(
  batches: AsyncGenerator<string[]> | Generator<string[]>,
  work: (batch: string[]) => Promise<void>,
): Promise<void> {
  const worker = async (): Promise<void> => {
    for await (const batch of batches) await work(batch)
  }
  await Promise.all(Array.from({ length: CALLS_AT_ONCE }, worker))
}
