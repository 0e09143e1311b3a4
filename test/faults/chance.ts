/** This file is a run by its seed: played, and if it fails, shortened and told so that it can be played again. */

import { env } from 'cloudflare:workers'
import { type Run, runSchedule } from './run.ts'
import { scheduleOf } from './schedule.ts'
import { shrink } from './shrink.ts'
import type { Schedule } from './steps.ts'

/** What `npm run soak` asks for. */
export const soak = env as unknown as { FAULTS_SEED: string; FAULTS_MINUTES: string }

/** The largest seed: 31 bits. */
const SEEDS = 2 ** 31

/** Draws a seed that nobody chose. */
export function randomSeed(): number {
  return (crypto.getRandomValues(new Uint32Array(1))[0] ?? 0) % SEEDS
}

/** The seeds that come after one another. */
export function nextSeed(seed: number): number {
  return (seed + 1) % SEEDS
}

/**
 * Plays the run of a seed.
 *
 * @throws {Error} that tells what should not have happened, the shortest schedule it happens in, and how to see it again
 */
export async function play(seed: number): Promise<Run> {
  const schedule = scheduleOf(seed)
  const run = await runSchedule(schedule)
  if (run.violations.length === 0) return run
  const shortest = await shrink(schedule, run, runSchedule)
  throw new Error(tellFailure(seed, schedule, run, shortest))
}

/** Tells a run, a step a line. */
export function tellRun({ consistency, publishing }: Schedule, { told }: Run): string {
  const lines = told.map((line, index) => `${String(index + 1).padStart(4)}  ${line}`)
  return [`      consistency ${consistency}, app in ${publishing}`, ...lines].join('\n')
}

function tellFailure(
  seed: number,
  schedule: Schedule,
  first: Run,
  shortest: { schedule: Schedule; run: Run },
): string {
  return [
    `seed ${seed} found, after ${first.told.length} of ${schedule.steps.length} steps:`,
    ...new Set(first.violations),
    '',
    `The same in ${shortest.schedule.steps.length} steps:`,
    tellRun(shortest.schedule, shortest.run),
    ...new Set(shortest.run.violations),
    '',
    `Again: npm run soak -- --seed ${seed}`,
  ].join('\n')
}
