/** One run: performs the steps of a schedule and checks the guarantees after each of them. */

import { findSecret } from './answers.ts'
import * as environment from './environment.ts'
import { isSameSubject } from './model.ts'
import { ask, perform, readSession } from './perform.ts'
import { type RunState, type Slot, startRun } from './state.ts'
import { formatStep, type Schedule } from './steps.ts'

/** The result of a run. */
export type RunResult = Pick<RunState, 'steps' | 'violations' | 'answers'> & {
  met: Map<string, number>
}

/** Time between two steps, in seconds, so that no two have the same time. */
const TICK_SECONDS = 0.02

/** Names of the users. */
const NAMES = [...Object.values(environment.SUBS), 'ada@', 'ben.okafor', 'Ada Brook', 'Ben Okafor']

/** Runs a schedule up to the first violation. */
export async function runSchedule(schedule: Schedule): Promise<RunResult> {
  await environment.setUp(schedule.consistency)
  try {
    const run = await startRun(schedule)
    for (const step of schedule.steps) {
      run.steps.push(formatStep(step))
      run.google.refreshes.clear()
      await perform(run, step)
      await run.settle()
      await checkAfter(run, step.do === 'ask')
      if (run.violations.length > 0) break
      environment.advance(TICK_SECONDS)
    }
    if (run.violations.length === 0) await calm(run)
    run.google.clearFaults()
    await run.settle()
    const { steps, violations, answers, google } = run
    return { steps, violations, answers, met: google.met }
  } finally {
    await environment.tearDown()
  }
}

/** Checks what holds after every step: single flight at Google, and no secret in logs or KV. */
async function checkAfter(run: RunState, isAsk: boolean): Promise<void> {
  const { google } = run
  const report = (what: string): void => {
    run.violations.push(`step ${run.steps.length}: ${what}`)
  }
  for (const what of google.violations.splice(0)) report(what)
  const isBroken = google.met.has('refresh: short life') || run.crashed_at >= Date.now()
  for (const [grant, times] of isAsk && !isBroken ? google.refreshes : [])
    if (times > 1) report(`${times} refreshes of one grant where one is enough (${grant.length})`)
  for (const line of environment.takeLines()) {
    const what = findSecret(google, line, { names: [...NAMES, '/auth/photos'] })
    if (what !== undefined) report(`a line of the log holds ${what}: ${line}`)
  }
  for (const record of environment.dumpRecords()) {
    const what = findSecret(google, record, { names: [...NAMES, 'photos'] })
    if (what !== undefined) report(`a record of KV holds ${what}`)
  }
  if (run.consistency === 'edge' && google.calls.size === 0) await recordCleanKv(run)
}

/** Records which endings have reached KV. */
async function recordCleanKv({ model }: RunState): Promise<void> {
  const dirty = new Map<string, boolean>()
  for (const ending of model.endings.filter(({ clean_at }) => clean_at === undefined)) {
    const key = `${ending.sub} ${ending.client}`
    if (!dirty.has(key)) dirty.set(key, await environment.owesKv(ending))
    if (!dirty.get(key)) ending.clean_at = Date.now()
  }
}

/** Ends all faults and lets time pass: from then on, faults excuse nothing. */
async function calm(run: RunState): Promise<void> {
  const { google, slots } = run
  const step = async (what: string, work: () => void | Promise<void>): Promise<void> => {
    run.steps.push(what)
    await work()
    await run.settle()
    await checkAfter(run, false)
  }
  await step('calm: no faults any more', () => {
    google.clearFaults()
    environment.setKv('up')
    environment.repairStorage()
  })
  for (const seconds of [400, 3700, 3700]) {
    await step(`calm: ${seconds} seconds and alarms`, async () => {
      environment.advance(seconds)
      await environment.runAlarms()
    })
  }
  environment.advance(130)
  run.isCalm = true
  for (const slot of slots) {
    await step(`calm: page ${slot.number} asks`, () => askAll(run, slot))
    if (run.violations.length > 0) return
  }
  reportUnrevoked(run)
  for (const object of await environment.dumpObjects()) {
    const what = findSecret(google, object, { names: NAMES })
    if (what !== undefined) run.violations.push(`calm: a Durable Object holds ${what}`)
  }
}

/** Reports a disconnected grant that is alive at Google, unless its user has connected again. */
function reportUnrevoked({ model, google, violations }: RunState): void {
  for (const [code, flow] of model.flows) {
    const isOver = model.endings.some(
      (one) => one.kind === 'disconnected' && isSameSubject(one, flow) && flow.began <= one.at,
    )
    const isLast = [...model.flows.values()].every(
      (other) => !isSameSubject(other, flow) || other.began <= flow.began,
    )
    if (flow.isHeld && isOver && isLast && google.isAlive(code))
      violations.push('calm: a disconnected grant lives on at Google')
  }
}

/** Asks for every token with the current and the previous login of a page. */
async function askAll(run: RunState, slot: Slot): Promise<void> {
  for (const login of [slot.login, slot.previous]) {
    if (!login) continue
    for (const bundle of slot.page.bundles) {
      run.begin(`ask ${bundle}`, () => ask(run, slot, login, bundle, { rejects: false }))
      await run.settle()
    }
    run.begin('read session', () => readSession(run, slot, login))
    await run.settle()
  }
}
