/** The outcome of a consent, read from the URL of the page that the user comes back to. */

import type { Outcome } from './transport.ts'

/** Parameters that the broker adds in either mode, and `ptb`, which the SDK adds in cookie mode. */
const NAMES = ['connect', 'bundle', 'error', 'ptb', 'code', 'state', 'iss']

/** Reads the outcome of a consent from the page's URL, and removes it there; `undefined` if the SDK began none. */
export function takeOutcome(): Outcome | undefined {
  const url = new URL(location.href)
  const outcome: Outcome = Object.fromEntries(url.searchParams)
  const state = outcome['ptb'] ?? outcome['state'] ?? ''
  if (!/^[pr]\.[\w-]{43}$/.test(state)) return undefined
  for (const name of NAMES) url.searchParams.delete(name)
  history.replaceState(null, '', url)
  return { ...outcome, state }
}
