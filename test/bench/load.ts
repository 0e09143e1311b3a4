/** This file is the load: autocannon with every answer checked, and what the server's process used meanwhile. */

import { requirePeer } from './machine.ts'
import { cpuMicroseconds } from './process.ts'

/** A request, ready to be sent. */
export interface Shot {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
}

/** What is loaded, and what the right answer looks like. */
export interface Target {
  name: string
  url: string
  /** The server's process. */
  pid: number
  /** Makes the requests of a round before it begins; a connection sends its own in turn. */
  shots(connection: number, count: number): Promise<Shot[]>
  /** Whether a body is the right answer; the status has to be 200. */
  isRight(body: string): boolean
}

/** What one round of load gave. */
export interface Round {
  /** Answers a second. */
  rate: number
  /** CPU time of the server's process for an answer, in microseconds. */
  cpu_us: number
  /** How much of one core the server's process had. */
  busy: number
  /** Milliseconds from request to answer, sorted. */
  times: number[]
}

/** The part of autocannon that is used here. */
type Autocannon = (options: object) => PromiseLike<Totals> & {
  on(event: 'response', heed: (...args: [unknown, number, number, number]) => void): void
  on(event: 'reqMismatch', heed: (body: string) => void): void
}

interface Totals {
  errors: number
  timeouts: number
  mismatches: number
  non2xx: number
  statusCodeStats: object
}

const TIMEOUT_SECONDS = 60

/**
 * Sends so many requests over so many connections.
 *
 * @throws {Error} when a single answer is not right: what is wrong fast is worth nothing
 */
export async function load(target: Target, connections: number, amount: number): Promise<Round> {
  const autocannon = requirePeer<Autocannon>('autocannon')
  const each = Math.ceil(amount / connections)
  const shots: Shot[][] = []
  for (let connection = 0; connection < connections; connection++)
    shots.push(await target.shots(connection, each))
  const times: number[] = []
  let wrong: string | undefined
  let [connection, ended_at] = [0, 0]
  const before = cpuMicroseconds(target.pid)
  const began_at = performance.now()
  const run = autocannon({
    url: target.url,
    connections,
    amount: each * connections,
    timeout: TIMEOUT_SECONDS,
    setupClient: (client: { setRequests(shots: Shot[]): void }) =>
      client.setRequests(shots[connection++] ?? []),
    verifyBody: (body: string) => {
      const isRight = target.isRight(body)
      if (!isRight) wrong ??= body
      return isRight
    },
  })
  let after = before
  run.on('response', (_client, _status, _bytes, ms) => {
    times.push(ms)
    if (times.length < each * connections) return
    ended_at = performance.now()
    after = cpuMicroseconds(target.pid)
  })
  const totals = await run
  check(target, totals, wrong)
  if (times.length !== each * connections)
    throw new Error(`${target.name} answered ${times.length} of ${each * connections} requests`)
  const seconds = (ended_at - began_at) / 1000
  return {
    rate: times.length / seconds,
    cpu_us: (after - before) / times.length,
    busy: (after - before) / 1_000_000 / seconds,
    times: times.sort((a, b) => a - b),
  }
}

function check(target: Target, totals: Totals, wrong: string | undefined): void {
  const { errors, timeouts, mismatches, non2xx, statusCodeStats } = totals
  if (errors + timeouts + mismatches + non2xx === 0) return
  const counts = JSON.stringify({ errors, timeouts, mismatches, statusCodeStats })
  throw new Error(`${target.name} answered wrongly: ${counts} ${wrong?.slice(0, 300) ?? ''}`)
}

/** The value that so many percent of sorted values do not exceed. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN
}
