/** The fault that applies to a call: the first of the list that matches. */

import type { Simulation } from '../simulation.ts'
import { type Effects, matches } from './vocabulary.ts'

/** Effects on the redirect to the app, which is a later request than the authorization request. */
const ON_THE_REDIRECT = ['error', 'iss', 'state'] as const

/** Takes the fault for a call from the list; no effects if none matches. */
export function takeFault(simulation: Simulation, at: string): Effects {
  return take(simulation, at, (effects) => at !== 'authorize' || !isOnTheRedirect(effects))
}

/** Takes the fault for a redirect to the app from the list. */
export function takeRedirectFault(simulation: Simulation): Effects {
  return take(simulation, 'authorize', isOnTheRedirect)
}

function take(
  { world }: Simulation,
  at: string,
  isApplicable: (effects: Effects) => boolean,
): Effects {
  const index = world.faults.findIndex((fault) => matches(fault.at, at) && isApplicable(fault.do))
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
