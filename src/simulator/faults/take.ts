/** This file is which fault a call meets: the first of the list that fits it, as often as it says. */

import type { Simulation } from '../simulation.ts'
import { type Effects, matches } from './vocabulary.ts'

/** Effects on the redirect back to the app, which happens long after the authorization request. */
const ON_THE_REDIRECT = ['error', 'iss', 'state'] as const

/** Takes the fault that a call meets off the list; no effects when there is none. */
export function takeFault(simulation: Simulation, at: string): Effects {
  return take(simulation, at, (effects) => at !== 'authorize' || !isOnTheRedirect(effects))
}

/** Takes the fault that a redirect back to the app meets. */
export function takeRedirectFault(simulation: Simulation): Effects {
  return take(simulation, 'authorize', isOnTheRedirect)
}

function take({ world }: Simulation, at: string, fits: (effects: Effects) => boolean): Effects {
  const index = world.faults.findIndex((fault) => matches(fault.at, at) && fits(fault.do))
  const fault = world.faults[index]
  if (!fault) return {}
  if (fault.times !== 'always') {
    fault.times -= 1
    if (fault.times < 1) world.faults.splice(index, 1)
  }
  return fault.do
}

function isOnTheRedirect(effects: Effects): boolean {
  return ON_THE_REDIRECT.some((name) => effects[name] !== undefined)
}
