/** This file is how a page finds that its user is back from a consent: by what the broker added to its URL. */

import type { Outcome } from './transport.ts'

/** Parameters the broker adds, in either mode; and the name of our own. */
const NAMES = ['connect', 'bundle', 'error', 'ptb', 'code', 'state', 'iss']

/** Takes the outcome of a consent off the page's URL; `undefined` when there is none of ours. */
export function takeOutcome(): Outcome | undefined {
  const url = new URL(location.href)
  const outcome: Outcome = Object.fromEntries(url.searchParams)
  const state = outcome['ptb'] ?? outcome['state'] ?? ''
  if (!/^[pr]\.[\w-]{43}$/.test(state)) return undefined
  for (const name of NAMES) url.searchParams.delete(name)
  history.replaceState(null, '', url)
  return { ...outcome, state }
}
