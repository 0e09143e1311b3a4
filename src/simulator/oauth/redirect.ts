/** The redirect to the app with a code or an error, as Google sends it or as a fault changes it. */

import type { Context } from 'hono'
import { takeRedirectFault } from '../faults/take.ts'
import type { Effects } from '../faults/vocabulary.ts'
import type { Simulation } from '../simulation.ts'
import type { AuthorizationRequest } from './authorization-request.ts'

const WRONG_ISSUER = 'https://accounts.evil.example'

/** Redirects the browser to the app with `parameters` and the `state` of the request. */
export function redirectToClient(
  simulation: Simulation,
  c: Context,
  request: AuthorizationRequest,
  parameters: Record<string, string>,
): Response {
  const effects = takeRedirectFault(simulation)
  const url = new URL(request.redirect_uri)
  const { error } = effects
  const state = states(request.state, effects.state)
  for (const value of state) url.searchParams.append('state', value)
  for (const iss of issuers(simulation, effects.iss)) url.searchParams.append('iss', iss)
  for (const [name, value] of Object.entries(error === undefined ? parameters : { error })) {
    url.searchParams.append(name, value)
  }
  return c.redirect(url.href)
}

function states(state: string | undefined, fault: Effects['state']): string[] {
  if (fault === 'wrong') return ['another-state']
  if (state === undefined || fault === 'absent') return []
  return fault === 'duplicated' ? [state, state] : [state]
}

/** Values of the `iss` parameter (RFC 9207). */
function issuers({ origin, world }: Simulation, fault: Effects['iss']): string[] {
  switch (fault ?? (world.settings.iss_on_redirect ? 'present' : 'absent')) {
    case 'absent':
      return []
    case 'present':
      return [origin]
    case 'empty':
      return ['']
    case 'wrong':
      return [WRONG_ISSUER]
    case 'duplicated':
      return [origin, WRONG_ISSUER]
    case 'without_https':
      return [origin.replace(/^https?:\/\//, '')]
  }
}
