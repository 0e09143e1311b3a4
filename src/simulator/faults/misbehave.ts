/** This file is misbehaving: every call is held, delayed, refused or spoilt as its fault says, and written into the log. */

import type { Context, MiddlewareHandler } from 'hono'
import { logCall } from '../call-log.ts'
import { endpointOf, readForm } from '../endpoints.ts'
import type { Simulation } from '../simulation.ts'
import { answerInstead, spoil } from './answers.ts'
import { waitForHolds } from './hold.ts'
import { takeFault } from './take.ts'
import type { Effects } from './vocabulary.ts'

/** What a request carries through the app. */
export interface SimulatorEnv {
  Variables: {
    /** Of the fault this call meets; empty without one. */
    effects: Effects
  }
}

/** Longer than anybody waits: this is "never". */
const HANG_MS = 15 * 60 * 1000

/** Makes the middleware that every call passes. */
export function misbehaving(simulation: Simulation): MiddlewareHandler<SimulatorEnv> {
  return async function misbehave(c, next) {
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
    } catch (gaveUp) {
      await log(simulation, c, { at, time, effects, status: 0 })
      throw gaveUp
    }
    const instead = answerInstead(effects)
    if (instead) {
      // workerd complains of a body that is left unread.
      await c.req.arrayBuffer()
      c.res = instead
    } else {
      await next()
      const answer = await spoil(effects, c.res)
      // Else Hono keeps the headers of the good answer.
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
