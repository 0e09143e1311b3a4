/** The fault suite: Google, KV and Durable Objects fail in random order, and every guarantee is checked after each step. */

import { describe, expect, it } from 'vitest'
import { runSchedule } from './run.ts'
import { scheduleOf } from './schedule.ts'
import { formatRun, nextSeed, randomSeed, runSeed, soak } from './seed.ts'
import type { Schedule } from './steps.ts'

/** How many random schedules a test run plays: about 15 seconds. `npm run soak` plays more. */
const RUNS = 8

const MINUTE_MS = 60_000

/** How long shortening a failing run may take, in milliseconds. */
const SHRINKING_MS = 10 * MINUTE_MS

/** Schedules that failed before a fix in the broker or in these checks. */
const FOUND: { what: string; schedule: Schedule }[] = [
  {
    what: 'a request with `rejected` was refused, although a new consent had brought another token',
    schedule: {
      consistency: 'edge',
      publishing: 'production',
      steps: [
        { do: 'fault', fault: 'refresh: html', times: 2 },
        { do: 'connect', page: 5, bundle: 'upload', account: 'ben', agrees: 'all' },
        { do: 'hold', at: 'token:refresh_token', when: 'after' },
        { do: 'ask', page: 5, bundles: ['upload'], tabs: 1, rejects: true, before: false },
        { do: 'connect', page: 5, bundle: 'upload', account: 'ben', agrees: 'all' },
        { do: 'release' },
      ],
    },
  },
  {
    what: 'a revocation that waits for the discovery document was reported as missing',
    schedule: {
      consistency: 'strict',
      publishing: 'testing',
      steps: [
        { do: 'connect', page: 3, bundle: 'upload', account: 'ben', agrees: 'some' },
        { do: 'connect', page: 3, bundle: 'upload', account: 'ada', agrees: 'all' },
        { do: 'wait', seconds: 3540 },
        { do: 'fault', fault: 'discovery: cut before', times: 1 },
        { do: 'ask', page: 3, bundles: ['upload'], tabs: 1, rejects: false, before: true },
        { do: 'connect', page: 4, bundle: 'album', account: 'ada', agrees: 'all' },
        { do: 'disconnect', page: 4 },
      ],
    },
  },
]

const isSoak = soak.FAULTS_SEED !== '' || soak.FAULTS_MINUTES !== ''

describe.skipIf(isSoak)('under faults', () => {
  it.each(FOUND)('fixed: $what', async ({ schedule }) => {
    expect((await runSchedule(schedule)).violations).toEqual([])
  })

  it('every guarantee holds for random seeds', { timeout: SHRINKING_MS }, async () => {
    let seed = randomSeed()
    for (let runs = 0; runs < RUNS; runs++, seed = nextSeed(seed))
      expect((await runSeed(seed)).violations).toEqual([])
  })

  it('a seed always draws the same schedule, and another seed another', () => {
    expect(scheduleOf(7)).toEqual(scheduleOf(7))
    expect(scheduleOf(7)).not.toEqual(scheduleOf(8))
  })
})

describe.runIf(isSoak)('soak', () => {
  const minutes = Number(soak.FAULTS_MINUTES)

  it('every guarantee holds', { timeout: minutes * MINUTE_MS + SHRINKING_MS }, async () => {
    const until = performance.now() + minutes * MINUTE_MS
    const answers = new Map<string, number>()
    const met = new Map<string, number>()
    let [runs, steps, report_at] = [0, 0, performance.now() + MINUTE_MS / 6]
    let seed = soak.FAULTS_SEED === '' ? randomSeed() : Number(soak.FAULTS_SEED)
    do {
      const result = await runSeed(seed)
      runs += 1
      steps += result.steps.length
      add(answers, result.answers)
      add(met, result.met)
      if (minutes === 0) console.log(formatRun(scheduleOf(seed), result))
      if (performance.now() > report_at || performance.now() >= until) {
        report_at = performance.now() + MINUTE_MS / 6
        const faults = [...met.values()].reduce((sum, count) => sum + count, 0)
        const counts = [...answers].sort(([, a], [, b]) => b - a)
        console.log(
          `${runs} runs up to seed ${seed}, ${steps} steps, ${faults} faults at Google (${met.size} kinds)`,
          `\n  answers: ${counts.map(([name, count]) => `${count} × ${name}`).join(', ')}`,
        )
      }
      seed = nextSeed(seed)
    } while (performance.now() < until)
    expect(runs).toBeGreaterThan(0)
  })
})

function add(totals: Map<string, number>, more: Map<string, number>): void {
  for (const [name, count] of more) totals.set(name, (totals.get(name) ?? 0) + count)
}
