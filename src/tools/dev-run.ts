/** Runs several servers as one: either all start or none does, and all end together. */

import { fail, say } from './command-line.ts'
import type { DevPlan } from './dev-plans.ts'
import { type DevServer, isHealthy, type Plan, startDevServer } from './dev-server.ts'
import { onceNpmEnds } from './npm-parent.ts'
import { startSite } from './site-server.ts'

/** How long a server may take to start, in milliseconds. */
const START_MS = 60_000
const READY = 'ready'
const STOPPED = 'stopped'

/**
 * Runs servers until a signal stops them, npm ends, or one of them ends.
 *
 * @param ready what to print when every server answers
 * @returns the exit code: 0 when stopped by a signal
 */
export async function runTogether(
  plans: readonly DevPlan[],
  ready: readonly string[],
): Promise<number> {
  const signal = untilSignal() // before the first output: from then on a signal stops the run in order
  const names = plans.map(({ name }) => `the ${name}`)
  say(`Starting ${new Intl.ListFormat('en-GB').format(names)} …`)
  const servers = plans.map((plan) => ('files' in plan ? startSite(plan) : startDevServer(plan)))
  const end = Promise.race([signal, ...servers.map(endOf)])
  const waiting = new AbortController()
  const start = await Promise.race([end, healthOf(plans, waiting.signal)])
  waiting.abort()
  if (start === READY) say(...ready)
  const outcome = start === READY ? await end : start
  await Promise.all(servers.map((server) => server.stop()))
  return outcome === STOPPED ? 0 : fail(1, outcome) // below the output of the server that failed
}

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

function untilSignal(): Promise<string> {
  return new Promise((resolve) => {
    for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => resolve(STOPPED))
    onceNpmEnds(() => resolve(STOPPED))
  })
}
