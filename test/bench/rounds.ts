/**
 * The rounds of a comparison: every side is warmed up, then all take turns, so that a disturbance hits each of them. Every
 * second round is in reverse, because a side may leave work behind for the next one.
 */

import { load, percentile, type Target } from './load.ts'
import { logProgress } from './progress.ts'

/** The length of a comparison. */
export interface RoundPlan {
  rounds: number
  /** Seconds of one side in one round, about. */
  seconds: number
  connections: number
}

/** The results of one side, by round. */
export interface SideResults {
  rate: number[]
  cpu_us: number[]
  busy: number[]
  p50_ms: number[]
  p99_ms: number[]
}

/** Requests before the measured ones, so that the runtime has compiled the code. */
const WARM_UP_REQUESTS = 500

/** The results of all sides, by name. */
export type AllResults = ReadonlyMap<string, SideResults>

/** Finds the results of a side. */
export function resultsOf(all: AllResults, name: string): SideResults {
  return all.get(name) ?? noResults()
}

/** Loads all sides in turn. */
export async function runRounds(
  title: string,
  targets: readonly Target[],
  { rounds, seconds, connections }: RoundPlan,
): Promise<AllResults> {
  const amounts = new Map<string, number>()
  const all = new Map<string, SideResults>()
  for (const target of targets) {
    await load(target, connections, WARM_UP_REQUESTS)
    const { rate } = await load(target, connections, WARM_UP_REQUESTS)
    amounts.set(target.name, Math.max(connections, Math.round(rate * seconds)))
    all.set(target.name, noResults())
  }
  for (let round = 0; round < rounds; round++) {
    const turn = round % targets.length
    const inTurn = [...targets.slice(turn), ...targets.slice(0, turn)]
    for (const target of round % 2 === 0 ? inTurn : inTurn.toReversed()) {
      const { times, rate, cpu_us, busy } = await load(
        target,
        connections,
        amounts.get(target.name) ?? 0,
      )
      const results = all.get(target.name)
      results?.rate.push(rate)
      results?.cpu_us.push(cpu_us)
      results?.busy.push(busy)
      results?.p50_ms.push(percentile(times, 50))
      results?.p99_ms.push(percentile(times, 99))
      logProgress(`${title}, round ${round + 1} of ${rounds}: ${target.name} ${Math.round(rate)}/s`)
    }
  }
  return all
}

function noResults(): SideResults {
  return { rate: [], cpu_us: [], busy: [], p50_ms: [], p99_ms: [] }
}
