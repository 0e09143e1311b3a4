/** What tests of OAuth mode begin with: the simulator as Google, and a frontend of `gallery`, both new for each test. */

import { beforeEach } from 'vitest'
import { configureClients, type Frontend, openFrontend } from './frontend.ts'
import { type SimulatedGoogle, simulateGoogle } from './simulated-google.ts'
import { stage } from './story.ts'

/** Those of the running test. A file that imports them sees each new value. */
export let google: SimulatedGoogle
export let frontend: Frontend

/** Gives every test of a file a new environment, with these clients, a Google and a frontend. */
export function stageOAuthMode(clients?: object): void {
  stage()
  beforeEach(async () => {
    configureClients(clients)
    google = simulateGoogle()
    frontend = await openFrontend()
  })
}

/** Consents in a new browser; @returns the code */
export async function codeFor(
  who: Frontend,
  bundle = 'pick',
  change?: Parameters<Frontend['consent']>[3],
): Promise<string> {
  const back = await who.consent(google, google.browse(), bundle, change)
  return back.searchParams.get('code') ?? ''
}
