/** A run by its seed: a failing schedule is shortened, and reported so that it can be run again. */

import { env } from 'cloudflare:workers'
import { type RunResult, runSchedule } from './run.ts'
import { scheduleOf } from './schedule.ts'
import type { Schedule, Step } from './steps.ts'

/** The options of `npm run soak`. */
export const soak = env as unknown as { FAULTS_SEED: string; FAULTS_MINUTES: string }

/** Number of seeds: they have 31 bits. */
const SEEDS = 2 ** 31

/** How many shorter schedules are tried. */
const MAX_TRIES = 80

interface Failure {
  schedule: Schedule
  result: RunResult
}

/** Draws a random seed. */
export function randomSeed(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % SEEDS
}

/** @returns the seed after this one */
export function nextSeed(seed: number): number {
  return (seed + 1) % SEEDS
}

/**
 * Runs the schedule of a seed.
 *
 * @throws {Error} with the violations, the shortest schedule that has some, and the command that runs it again
 */
export async function runSeed(seed: number): Promise<RunResult> {
  const schedule = scheduleOf(seed)
  const result = await runSchedule(schedule)
  if (result.violations.length === 0) return result
  const shortest = await shrink({ schedule, result })
  const message = [
    `seed ${seed}, after ${result.steps.length} of ${schedule.steps.length} steps:`,
    ...new Set(result.violations),
    '',
    `The same in ${shortest.schedule.steps.length} steps:`,
    formatRun(shortest.schedule, shortest.result),
    ...new Set(shortest.result.violations),
    '',
    `Again: npm run soak -- --seed ${seed}`,
  ]
  throw new Error(message.join('\n'))
}

/** Formats a run, one line for each step. */
export function formatRun({ consistency, publishing }: Schedule, { steps }: RunResult): string {
  const lines = steps.map((line, index) => `${String(index + 1).padStart(4)}  ${line}`)
  return [`      consistency ${consistency}, app in ${publishing}`, ...lines].join('\n')
}

/**
 * Leaves out steps, first many and then single ones, while the rest still fails.
 *
 * @see Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input (the algorithm ddmin)
 */
async function shrink(first: Failure): Promise<Failure> {
  let best = first
  let tries = 0
  const attempt = async (steps: Step[]): Promise<boolean> => {
    tries++
    const schedule = { ...first.schedule, steps }
    const result = await runSchedule(schedule)
    if (result.violations.length === 0) return false
    best = { schedule, result }
    return true
  }
  await attempt(first.schedule.steps.slice(0, first.result.steps.length))
  for (
    let size = Math.ceil(best.schedule.steps.length / 2);
    size >= 1;
    size = Math.floor(size / 2)
  ) {
    for (let at = 0; at < best.schedule.steps.length && tries < MAX_TRIES; ) {
      const { steps } = best.schedule
      if (!(await attempt([...steps.slice(0, at), ...steps.slice(at + size)]))) at += size
    }
  }
  return best
}
