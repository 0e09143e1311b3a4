/** This file is shrinking: a schedule that fails is made as short as it can be, so that a person can read what happened. */

import type { Run } from './run.ts'
import type { Schedule, Step } from './steps.ts'

/** So many shorter schedules are tried. */
const MAX_TRIES = 80

/**
 * Leaves out steps, many at once first and single ones last, as long as the rest still fails.
 *
 * @see Zeller, Hildebrandt: Simplifying and Isolating Failure-Inducing Input (the algorithm ddmin)
 */
export async function shrink(
  schedule: Schedule,
  failed: Run,
  play: (schedule: Schedule) => Promise<Run>,
): Promise<{ schedule: Schedule; run: Run }> {
  let best = { schedule, run: failed }
  let tries = 0
  const attempt = async (steps: Step[]): Promise<boolean> => {
    tries++
    const shorter = { ...schedule, steps }
    const run = await play(shorter)
    if (run.violations.length > 0) best = { schedule: shorter, run }
    return run.violations.length > 0
  }
  const needed = failed.told.length
  if (needed < schedule.steps.length) await attempt(schedule.steps.slice(0, needed))
  for (
    let size = Math.ceil(best.schedule.steps.length / 2);
    size >= 1;
    size = Math.floor(size / 2)
  ) {
    for (let at = 0; at < best.schedule.steps.length && tries < MAX_TRIES; ) {
      const { steps } = best.schedule
      const isGone = await attempt([...steps.slice(0, at), ...steps.slice(at + size)])
      if (!isGone) at += size
    }
  }
  return best
}
