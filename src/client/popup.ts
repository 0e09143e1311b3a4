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
/** How long a popup that stays open waits for its next address, in milliseconds. */
const NEXT_MS = 60_000

/**
 * Opens an empty popup, which is sent to its address later: only a click opens one, and the address takes longer.
 *
 * @returns `null` if the browser blocks it; some blockers hand back a window that is closed
 */
export function openPopup(): Window | null {
  if (typeof window === 'undefined') throw new BrokerError('no_page')
  const popup = window.open('', '', FEATURES)
  return popup && !popup.closed ? popup : null
}

/** Waits for the outcome of a consent, and confirms it to the popup. With `stays`, the popup then waits for its next address. */
export async function waitForOutcome(
  tabs: Tabs,
  state: string,
  popup: Window,
  stays: boolean,
): Promise<Outcome> {
  const { outcome } = await nextMessage(tabs, 'outcome', state)
  tabs.post({ kind: 'outcome', state, outcome, stays }, popup)
  return outcome
}

/**
 * Waits for an outcome while the popup is open.
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
  while (!(await Promise.race([outcome, pause(POLL_MS, signal)])))
    if (popup.closed && document.hasFocus()) throw new BrokerError('popup_closed')
}

/**
 * Sends the outcome to the page that waits for it, and goes where that page sends this popup. If the popup closed at once,
 * a busy page could take it for closed by the user.
 *
 * @returns whether that page has confirmed the outcome; one that was reloaded does not
 */
export async function postOutcome(tabs: Tabs, state: string, outcome: Outcome): Promise<boolean> {
  const confirmed = nextMessage(tabs, 'outcome', state)
  const sent = nextMessage(tabs, 'go', state)
  tabs.post({ kind: 'outcome', state, outcome }, window.opener)
  const confirmation = await Promise.race([confirmed, pause(CONFIRMATION_MS)])
  if (!confirmation?.stays) return confirmation !== undefined
  const { url } = (await Promise.race([sent, pause(NEXT_MS)])) ?? {}
  if (url) location.replace(url)
  if (url) await new Promise(() => {}) // the page is leaving, and must not close its window
  return true
}

/** Waits for a message about a consent. */
function nextMessage<K extends 'outcome' | 'go'>(tabs: Tabs, kind: K, state: string) {
  return new Promise<Parameters<Tabs['post']>[0] & { kind: K }>((resolve) => {
    const stop = tabs.listen((message) => {
      if (message.kind !== kind || message.state !== state) return
      stop()
      resolve(message as Parameters<Tabs['post']>[0] & { kind: K })
    })
  })
}
