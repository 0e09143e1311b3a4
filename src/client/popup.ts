/** The popup in which a user consents, and how its outcome reaches the page that opened it. */

import { BrokerError } from './broker-error.ts'
import { pause } from './pause.ts'
import type { Tabs } from './tabs.ts'
import type { Outcome } from './transport.ts'

const FEATURES = 'popup,width=500,height=700'
/** How often the popup is checked for being closed, in milliseconds. */
const POLL_MS = 200
/** How long the popup waits for the page to confirm the outcome, in milliseconds. */
const CONFIRMATION_MS = 5000

/**
 * Opens an empty popup, which is sent to its address later: only a click opens one, and the address takes longer.
 *
 * @returns `null` if the browser blocks it; some blockers hand back a window that is closed
 */
export function openPopup(): Window | null {
  const popup = window.open('', '', FEATURES)
  return popup && !popup.closed ? popup : null
}

/** Waits for the outcome of a consent, and confirms it to the popup. */
export async function waitForOutcome(tabs: Tabs, state: string): Promise<Outcome> {
  const outcome = await nextOutcome(tabs, state)
  tabs.post({ kind: 'outcome', outcome })
  return outcome
}

function nextOutcome(tabs: Tabs, state: string | undefined): Promise<Outcome> {
  return new Promise((resolve) => {
    tabs.listen((message) => {
      if (message.kind === 'outcome' && message.outcome['state'] === state) resolve(message.outcome)
    })
  })
}

/**
 * Waits for an outcome while the popup is open, and closes the popup.
 *
 * A Cross-Origin-Opener-Policy can cut the popup off from this page, and then it looks closed. So it counts as closed
 * only when this page has the focus too.
 *
 * @throws {BrokerError} `popup_closed`: the user closed the popup, or left it after it was cut off; the reason of `signal`
 */
export async function whileOpen(
  popup: Window,
  outcome: Promise<Outcome>,
  signal: AbortSignal | undefined,
): Promise<void> {
  try {
    while (!(await Promise.race([outcome, pause(POLL_MS, signal)])))
      if (popup.closed && document.hasFocus()) throw new BrokerError('popup_closed')
  } finally {
    popup.close()
  }
}

/**
 * Sends the outcome to the page that waits for it. If this popup closed at once, a busy page could take it for closed by
 * the user.
 *
 * @returns whether that page has confirmed it; one that was reloaded does not
 */
export async function postOutcome(tabs: Tabs, outcome: Outcome): Promise<boolean> {
  const confirmed = nextOutcome(tabs, outcome['state']).then(() => true)
  tabs.post({ kind: 'outcome', outcome })
  return Promise.race([confirmed, pause(CONFIRMATION_MS).then(() => false)])
}
