/** The middleware that applies faults: each call is held, delayed, answered otherwise or changed, and logged. */

import type { Context, MiddlewareHandler } from 'hono'
import { logCall } from '../call-log.ts'
import { endpointOf, readForm } from '../endpoints.ts'
import type { Simulation } from '../simulation.ts'
import { alterAnswer, replacementAnswer } from './answers.ts'
import { waitForHolds } from './hold.ts'
import { takeFault } from './take.ts'
import type { Effects } from './vocabulary.ts'

/** Variables of a request. */
export interface SimulatorEnv {
  Variables: {
    /** Effects of the fault for this call; empty without one. */
    effects: Effects
  }
}

/** How long `hang` waits, in milliseconds. */
const HANG_MS = 15 * 60 * 1000

/** Makes the middleware. */
export function applyFaults(simulation: Simulation): MiddlewareHandler<SimulatorEnv> {
  return async function applyFault(c, next) {
    const at = await endpointOf(c)
    if (at === undefined) {
      c.set('effects', {})
      return next()
    }
    await waitForHolds(simulation.holds, at)
    const time = simulation.now()
    const effects = takeFault(simulation, at)
    c.set('effects', effects)
    try {
      await pause(effects.hang ? HANG_MS : (effects.delay_ms ?? 0), c.req.raw.signal)
    } catch (aborted) {
      await log(simulation, c, { at, time, effects, status: 0 })
      throw aborted
    }
    const replacement = replacementAnswer(effects)
    if (replacement) {
      c.res = replacement
    } else {
      await next()
      const answer = await alterAnswer(effects, c.res)
      // Without this, Hono keeps the headers of the first answer.
      if (answer !== c.res) c.res = undefined
      c.res = answer
    }
    await log(simulation, c, { at, time, effects, status: c.res.status })
  }
}

async function log(
  simulation: Simulation,
  c: Context<SimulatorEnv>,
  { at, time, effects, status }: { at: string; time: number; effects: Effects; status: number },
): Promise<void> {
  const query = new URL(c.req.url).searchParams
  const form = await readForm(c)
  const grant_type = form.get('grant_type')
  const scope = form.get('scope') ?? query.get('scope')
  const names = Object.keys(effects)
  logCall(simulation.world.log, {
    at,
    time,
    method: c.req.method,
    path: at === 'media' ? '/media/…' : c.req.path,
    status,
    parameters: [...new Set([...query.keys(), ...form.keys()])],
    ...(grant_type === null ? {} : { grant_type }),
    ...(scope === null ? {} : { scope }),
    ...(names.length === 0 ? {} : { fault: names }),
  })
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  if (ms === 0) return
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const timer = setTimeout(resolve, ms)
    signal.addEventListener('abort', () => {
      clearTimeout(timer)
      reject(signal.reason)
    })
  })
}
