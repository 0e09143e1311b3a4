/** The load: autocannon with a check of every answer, and the CPU time of the server process. */

import { requirePeer } from './machine.ts'
import { cpuMicroseconds } from './process.ts'

/** A request to send. */
export interface LoadRequest {
  method: 'GET' | 'POST'
  path: string
  headers: Record<string, string>
  body?: string
}

/** A server to load, with its requests and the expected answer. */
export interface Target {
  name: string
  url: string
  /** The server's process. */
  pid: number
  /** Makes the requests of a connection before a round begins. */
  requests(connection: number, count: number): Promise<LoadRequest[]>
  /** Whether a body is the expected answer; the status must be 200. */
  isExpected(body: string): boolean
}

/** The result of one round. */
export interface Round {
  /** Answers a second. */
  rate: number
  /** CPU time of the server process for an answer, in microseconds. */
  cpu_us: number
  /** How many cores the server process used. */
  busy: number
  /** Milliseconds from request to answer, sorted. */
  times: number[]
}

/** The part of autocannon that is used here. */
type Autocannon = (options: object) => PromiseLike<Totals> & {
  on(event: 'response', listener: (...args: [unknown, number, number, number]) => void): void
  on(event: 'reqMismatch', listener: (body: string) => void): void
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
 * Sends `amount` requests over several connections.
 *
 * @throws {Error} if any answer is not the expected one
 */
export async function load(target: Target, connections: number, amount: number): Promise<Round> {
  const autocannon = requirePeer<Autocannon>('autocannon')
  const each = Math.ceil(amount / connections)
  const requests: LoadRequest[][] = []
  for (let connection = 0; connection < connections; connection++)
    requests.push(await target.requests(connection, each))
  const times: number[] = []
  let unexpected: string | undefined
  let [connection, ended_at] = [0, 0]
  const before = cpuMicroseconds(target.pid)
  const began_at = performance.now()
  const run = autocannon({
    url: target.url,
    connections,
    amount: each * connections,
    timeout: TIMEOUT_SECONDS,
    setupClient: (client: { setRequests(requests: LoadRequest[]): void }) =>
      client.setRequests(requests[connection++] ?? []),
    verifyBody: (body: string) => {
      const isExpected = target.isExpected(body)
      if (!isExpected) unexpected ??= body
      return isExpected
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
  check(target, totals, unexpected)
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

function check(target: Target, totals: Totals, unexpected: string | undefined): void {
  const { errors, timeouts, mismatches, non2xx, statusCodeStats } = totals
  if (errors + timeouts + mismatches + non2xx === 0) return
  const counts = JSON.stringify({ errors, timeouts, mismatches, statusCodeStats })
  throw new Error(`${target.name} answered wrongly: ${counts} ${unexpected?.slice(0, 300) ?? ''}`)
}

/** Finds a percentile of sorted values. */
export function percentile(sorted: readonly number[], percent: number): number {
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? Number.NaN
}
