/** Runs several servers as one: either all start or none does, and all end together. */

import type { DevPlan } from './dev-plans.ts'
import { type DevServer, isHealthy, isTaken, type Plan, startDevServer } from './dev-server.ts'
import { startSite } from './site-server.ts'

/** Callbacks of a run. */
export interface RunEvents {
  /** Called first; from then on a signal stops the run in order. */
  onStart(): void
  /** Called when every server answers. */
  onReady(): void
  /** Called when a server cannot run or ended by itself. */
  onFailure(sentence: string): void
}

/** How long a server may take to start, in milliseconds. */
const START_MS = 60_000
const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Finds a plan whose port is taken. To be called before the start, so that nothing has to be undone. */
export async function findTaken(plans: readonly Plan[]): Promise<Plan | undefined> {
  for (const plan of plans) if (await isTaken(plan.port)) return plan
  return undefined
}

/**
 * Runs servers until a signal stops them or one of them ends.
 *
 * @returns the exit code: 0 when stopped by a signal
 */
export async function runTogether(plans: readonly DevPlan[], events: RunEvents): Promise<number> {
  const stopping = new AbortController()
  const stop = (): void => stopping.abort()
  for (const signal of SIGNALS) process.on(signal, stop)
  events.onStart()
  const servers = plans.map(start)
  const end = Promise.race([untilAborted(stopping.signal), ...servers.map(endOf)])
  const waiting = new AbortController()
  const failure = await Promise.race([end, healthOf(plans, waiting.signal)])
  waiting.abort()
  if (failure === READY) events.onReady()
  const outcome = failure === READY ? await end : failure
  await Promise.all(servers.map((server) => server.stop()))
  if (outcome !== STOPPED) events.onFailure(outcome) // below the output of the server that failed
  for (const signal of SIGNALS) process.off(signal, stop)
  return outcome === STOPPED ? 0 : 1
}

function start(plan: DevPlan): DevServer {
  return 'files' in plan ? startSite(plan) : startDevServer(plan)
}

const READY = 'ready'
const STOPPED = 'stopped'

/** @returns `READY`, or a sentence that says what is wrong */
async function healthOf(plans: readonly Plan[], signal: AbortSignal): Promise<string> {
  const inTime = AbortSignal.any([signal, AbortSignal.timeout(START_MS)])
  const healthy = await Promise.all(plans.map((plan) => isHealthy(plan, inTime)))
  const failed = plans.find((_, index) => !healthy[index])
  if (!failed) return READY
  return inTime.aborted
    ? `The ${failed.name} did not answer within ${START_MS / 1000} s.`
    : `The ${failed.name} runs but cannot work; its log above says why.`
}

async function endOf({ name, ended }: DevServer): Promise<string> {
  await ended
  return `The ${name} ended by itself; its last words are above.`
}

function untilAborted(signal: AbortSignal): Promise<string> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => resolve(STOPPED), { once: true })
  })
}
