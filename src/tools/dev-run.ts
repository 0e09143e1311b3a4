/** This file is the running of several servers as one: all come up or none does, and all end together. */

import type { DevPlan } from './dev-plans.ts'
import { type DevServer, isHealthy, isTaken, type Plan, startDevServer } from './dev-server.ts'
import { startSite } from './site-server.ts'

/** What to say on the way. */
export interface RunEvents {
  /** From now on a signal stops it in order. */
  starting(): void
  /** Every server answers. */
  ready(): void
  /** One cannot run, or came to an end by itself. */
  failed(sentence: string): void
}

/** Longer than this no machine takes to start. */
const START_MS = 60_000
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/**
 * Names the plan whose port somebody has, if any.
 *
 * Asked before anything starts, so that nothing has to be undone.
 */
export async function findTaken(plans: readonly Plan[]): Promise<Plan | undefined> {
  for (const plan of plans) if (await isTaken(plan.port)) return plan
  return undefined
}

/**
 * Runs servers until somebody stops them or one of them ends.
 *
 * @returns the exit code: 0 when stopped by a signal
 */
export async function runTogether(plans: readonly DevPlan[], tell: RunEvents): Promise<number> {
  const stopping = new AbortController()
  const stop = (): void => stopping.abort()
  for (const signal of SIGNALS) process.on(signal, stop)
  tell.starting()
  const servers = plans.map(start)
  const end = Promise.race([untilAborted(stopping.signal), ...servers.map(deathOf)])
  const waiting = new AbortController()
  const failure = await Promise.race([end, problemOf(plans, waiting.signal)])
  waiting.abort()
  if (failure === READY) tell.ready()
  const outcome = failure === READY ? await end : failure
  await Promise.all(servers.map((server) => server.stop()))
  if (outcome !== STOPPED) tell.failed(outcome) // below the last words of what failed
  for (const signal of SIGNALS) process.off(signal, stop)
  return outcome === STOPPED ? 0 : 1
}

function start(plan: DevPlan): DevServer {
  return 'files' in plan ? startSite(plan) : startDevServer(plan)
}

const READY = 'ready'
const STOPPED = 'stopped'

/** @returns `READY`, or a sentence that says what is wrong */
async function problemOf(plans: readonly Plan[], signal: AbortSignal): Promise<string> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(START_MS)])
  const healthy = await Promise.all(plans.map((plan) => isHealthy(plan, inTime)))
  const ill = plans.find((_, index) => !healthy[index])
  if (!ill) return READY
  return inTime.aborted
    ? `The ${ill.name} did not answer within ${START_MS / 1000} s.`
    : `The ${ill.name} runs but cannot work; its log above says why.`
}

async function deathOf({ name, ended }: DevServer): Promise<string> {
  await ended
  return `The ${name} ended by itself; its last words are above.`
}

function untilAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(STOPPED), { once: true })
  })
}
