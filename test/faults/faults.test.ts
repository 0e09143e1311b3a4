/** This file is the fault suite: everything fails that can, in an order that chance draws, and what has to hold still holds (design.md §6). */

import { describe, expect, it } from 'vitest'
import { nextSeed, play, randomSeed, soak, tellRun } from './chance.ts'
import { FOUND } from './found.ts'
import { runSchedule } from './run.ts'
import { scheduleOf } from './schedule.ts'

/** How many random schedules a test run plays; about 15 seconds. `npm run soak` plays on. */
const RUNS = 8

const MINUTE_MS = 60_000

/** How long shortening a failing run may take. */
const SHRINKING_MS = 10 * MINUTE_MS

const isSoak = soak.FAULTS_SEED !== '' || soak.FAULTS_MINUTES !== ''

describe.skipIf(isSoak)('under faults', () => {
  it.each(FOUND)('no more: $what', async ({ schedule }) => {
    expect((await runSchedule(schedule)).violations).toEqual([])
  })

  it('of seeds that nobody chose, everything holds', { timeout: SHRINKING_MS }, async () => {
    const first = randomSeed()
    for (let seed = first, runs = 0; runs < RUNS; seed = nextSeed(seed), runs++)
      expect((await play(seed)).violations).toEqual([])
  })

  it('a seed draws the same schedule every time, and another seed another', () => {
    expect(scheduleOf(7)).toEqual(scheduleOf(7))
    expect(scheduleOf(7)).not.toEqual(scheduleOf(8))
  })
})

describe.runIf(isSoak)('soak', () => {
  const minutes = Number(soak.FAULTS_MINUTES)

  it('everything holds', { timeout: minutes * MINUTE_MS + SHRINKING_MS }, async () => {
    const until = performance.now() + minutes * MINUTE_MS
    const totals = { runs: 0, steps: 0, answers: new Map(), met: new Map() }
    let seed = soak.FAULTS_SEED === '' ? randomSeed() : Number(soak.FAULTS_SEED)
    let told_at = performance.now()
    do {
      const run = await play(seed)
      totals.runs += 1
      totals.steps += run.told.length
      add(totals.answers, run.answers)
      add(totals.met, run.met)
      if (minutes === 0) console.log(tellRun(scheduleOf(seed), run))
      if (performance.now() > told_at + MINUTE_MS / 6 || performance.now() >= until) {
        told_at = performance.now()
        console.log(tellTotals(totals, seed))
      }
      seed = nextSeed(seed)
    } while (performance.now() < until)
    expect(totals.runs).toBeGreaterThan(0)
  })
})

function add(totals: Map<string, number>, more: Map<string, number>): void {
  for (const [name, count] of more) totals.set(name, (totals.get(name) ?? 0) + count)
}

function tellTotals(
  {
    runs,
    steps,
    answers,
    met,
  }: { runs: number; steps: number; answers: Map<string, number>; met: Map<string, number> },
  seed: number,
): string {
  const faults = [...met.values()].reduce((sum, count) => sum + count, 0)
  return [
    `${runs} runs up to seed ${seed}, ${steps} steps, ${faults} faults met at Google (${met.size} kinds)`,
    `  answers: ${[...answers]
      .sort(([, a], [, b]) => b - a)
      .map(([name, count]) => `${count} × ${name}`)
      .join(', ')}`,
  ].join('\n')
}
