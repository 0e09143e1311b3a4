/** This file is the rounds: every side is warmed up, then they take turns, so that a noisy minute hits all of them. */

import { load, percentile, type Target } from './load.ts'
import { say } from './say.ts'

/** How long a comparison takes. */
export interface RoundPlan {
  rounds: number
  /** Seconds of one side in one round, about. */
  seconds: number
  connections: number
}

/** What one side gave, round by round. */
export interface Turns {
  rate: number[]
  cpu_us: number[]
  busy: number[]
  p50_ms: number[]
  p99_ms: number[]
}

/** Requests before the first that count; the runtime compiles what is hot. */
const WARM_UP_REQUESTS = 500

/** Loads all sides in turn. */
export async function takeTurns(
  title: string,
  targets: readonly Target[],
  { rounds, seconds, connections }: RoundPlan,
): Promise<Map<string, Turns>> {
  const amounts = new Map<string, number>()
  const all = new Map<string, Turns>()
  for (const target of targets) {
    await load(target, connections, WARM_UP_REQUESTS)
    const { rate } = await load(target, connections, WARM_UP_REQUESTS)
    amounts.set(target.name, Math.max(connections, Math.round(rate * seconds)))
    all.set(target.name, { rate: [], cpu_us: [], busy: [], p50_ms: [], p99_ms: [] })
  }
  for (let round = 0; round < rounds; round++) {
    const turn = round % targets.length
    for (const target of [...targets.slice(turn), ...targets.slice(0, turn)]) {
      const { times, rate, cpu_us, busy } = await load(
        target,
        connections,
        amounts.get(target.name) ?? 0,
      )
      const turns = all.get(target.name)
      turns?.rate.push(rate)
      turns?.cpu_us.push(cpu_us)
      turns?.busy.push(busy)
      turns?.p50_ms.push(percentile(times, 50))
      turns?.p99_ms.push(percentile(times, 99))
      say(`${title}, round ${round + 1} of ${rounds}: ${target.name} ${Math.round(rate)}/s`)
    }
  }
  return all
}
