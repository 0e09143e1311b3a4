/** This file is one run: a schedule is played step by step, and after every step what has to hold is checked. */

import { act, ask, look } from './acts.ts'
import { createPlay, type Play, type Seat } from './play.ts'
import { findSecret } from './secrets.ts'
import * as stage from './stage.ts'
import { type Schedule, tellStep } from './steps.ts'

/** What came of a run. */
export type Run = Pick<Play, 'told' | 'violations' | 'answers'> & { met: Map<string, number> }

/** Between two steps so much time passes at least: no two of them happen at once. */
const TICK_SECONDS = 0.02

/** Names of people, in whatever form. */
const NAMES = [...Object.values(stage.SUBS), 'ada@', 'ben.okafor', 'Ada Brook', 'Ben Okafor']

/** Plays a schedule, up to the first thing that should not have happened. */
export async function runSchedule(schedule: Schedule): Promise<Run> {
  await stage.setUp(schedule.consistency)
  try {
    const play = await createPlay(schedule)
    for (const step of schedule.steps) {
      play.told.push(tellStep(step))
      play.google.refreshes.clear()
      await act(play, step)
      await play.settle()
      await checkAfter(play, step.do === 'ask')
      if (play.violations.length > 0) break
      stage.pass(TICK_SECONDS)
    }
    if (play.violations.length === 0) await calm(play)
    play.google.mend()
    await play.settle()
    const { told, violations, answers, google } = play
    return { told, violations, answers, met: google.met }
  } finally {
    await stage.tearDown()
  }
}

/** What has to hold after every step, whatever it was. */
async function checkAfter(play: Play, isAsk: boolean): Promise<void> {
  const { google } = play
  const blame = (what: string): void => {
    play.violations.push(`step ${play.told.length}: ${what}`)
  }
  for (const what of google.violations.splice(0)) blame(what)
  const isBroken = google.met.has('refresh: short life') || play.crashed_at >= Date.now()
  for (const [grant, times] of isAsk && !isBroken ? google.refreshes : [])
    if (times > 1) blame(`${times} refreshes of one grant where one would do (${grant.length})`)
  for (const line of stage.takeLines()) {
    const what = findSecret(google, line, { names: [...NAMES, '/auth/photos'] })
    if (what !== undefined) blame(`a line of the log holds ${what}: ${line}`)
  }
  for (const record of stage.dumpRecords()) {
    const what = findSecret(google, record, { names: [...NAMES, 'photos'] })
    if (what !== undefined) blame(`a record of KV holds ${what}`)
  }
  if (play.consistency === 'edge' && google.calls.size === 0) await noteClean(play)
}

/** Notes what KV has certainly been told. */
async function noteClean({ belief }: Play): Promise<void> {
  const unsure = belief.endings.filter(({ clean_at }) => clean_at === undefined)
  const owes = new Map<string, boolean>()
  for (const ending of unsure) {
    const who = `${ending.sub} ${ending.client}`
    if (!owes.has(who)) owes.set(who, await stage.owesKv(ending))
    if (!owes.get(who)) ending.clean_at = Date.now()
  }
}

/** Everything is well again, and time passes: now what may hold has to hold. */
async function calm(play: Play): Promise<void> {
  const { google, seats } = play
  const step = async (what: string, act: () => void | Promise<void>): Promise<void> => {
    play.told.push(what)
    await act()
    await play.settle()
    await checkAfter(play, false)
  }
  await step('calm: no faults any more', () => {
    google.mend()
    stage.setKv('well')
  })
  for (const seconds of [400, 3700, 3700]) {
    await step(`calm: ${seconds} seconds and alarms`, async () => {
      stage.pass(seconds)
      await stage.runAlarms()
    })
  }
  stage.pass(130)
  play.isCalm = true
  for (const seat of seats) {
    await step(`calm: page ${seat.number} asks`, () => askAll(play, seat))
    if (play.violations.length > 0) return
  }
  blameUnrevoked(play)
  for (const object of await stage.dumpObjects()) {
    const what = findSecret(google, object, { names: NAMES })
    if (what !== undefined) play.violations.push(`calm: a Durable Object holds ${what}`)
  }
}

/** What was disconnected is dead at Google, unless its user has connected again since. */
function blameUnrevoked({ belief, google, violations }: Play): void {
  for (const [code, flow] of belief.flows) {
    const isTheirs = (one: { sub: string; client: string }): boolean =>
      one.sub === flow.sub && one.client === flow.client
    const isOver = belief.endings.some(
      (one) => one.kind === 'disconnected' && isTheirs(one) && flow.began <= one.at,
    )
    const isLast = [...belief.flows.values()].every(
      (other) => !isTheirs(other) || other.began <= flow.began,
    )
    if (flow.isHeld && isOver && isLast && google.honours(code))
      violations.push('calm: a disconnected grant lives on at Google')
  }
}

/** A page asks with what it holds and with what it held. */
async function askAll(play: Play, seat: Seat): Promise<void> {
  const at = play.told.length - 1
  for (const login of [seat.login, seat.previous]) {
    if (!login) continue
    for (const bundle of seat.page.bundles) {
      play.begin(`ask ${bundle}`, async () => {
        const faults = await ask(play, seat, login, bundle, { rejects: false }, at)
        return faults
      })
      await play.settle()
    }
    play.begin('look', () => look(play, seat, login, at))
    await play.settle()
  }
}
