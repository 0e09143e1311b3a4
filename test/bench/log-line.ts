/** The line of log of the bare Workers and the peers: that of the broker for an issued token. */

import { setTimeout as pause } from 'node:timers/promises'
import { BUNDLE } from './frontend.ts'
import { load, type Target } from './load.ts'
import type { Runtime } from './runtime.ts'

/** As long as the record `token_issued` of cookie mode, with the same members (TMB-76). */
export const LINE: string = JSON.stringify({
  ...{ at: new Date(0).toISOString(), level: 'info', event: 'token_issued' },
  ...{ request_id: crypto.randomUUID(), origin: 'URL' },
  ...{ subject: 'x'.repeat(43), client: 'web', bundle: BUNDLE },
})

const WAIT_MS = 5000
const POLL_MS = 20

/**
 * Compares what two sides log for a request.
 *
 * @throws {Error} if the lines differ in their members or in their length
 */
export async function requireSameLine(runtime: Runtime, one: Target, other: Target): Promise<void> {
  const [ours, theirs] = [await lineOf(runtime, one), await lineOf(runtime, other)]
  const isAlike =
    ours.length === theirs.length && String(membersOf(ours)) === String(membersOf(theirs))
  if (!isAlike)
    throw new Error(`LINE in log-line.ts is out of date.\n${one.name}: ${ours}\nLINE: ${theirs}`)
}

/** Sends a request, and waits for its line of log. */
async function lineOf(runtime: Runtime, target: Target): Promise<string> {
  const before = runtime.lastLine()
  const until = performance.now() + WAIT_MS
  await load(target, 1, 1)
  while (runtime.lastLine() === before) {
    if (performance.now() > until) throw new Error(`${target.name} logged nothing`)
    await pause(POLL_MS)
  }
  return runtime.lastLine()
}

function membersOf(line: string): string[] {
  return Object.keys(JSON.parse(line) as object)
}
