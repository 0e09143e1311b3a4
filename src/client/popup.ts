/** This file is the window in which a user consents: opened in the click, and its outcome told by our own page. */

import { BrokerError } from './broker-error.ts'
import { pause } from './pause.ts'
import type { Tabs } from './tabs.ts'
import type { Outcome } from './transport.ts'

const FEATURES = 'popup,width=500,height=700'
const POLL_MS = 200

/** So long the window stays when nobody waits for it any more. */
const UNHEARD_MS = 5000

/** Opens the window; this has to happen in the click, before anything is waited for. */
export function openPopup(url?: string): Window | null {
  return window.open(url, '', FEATURES)
}

/** Hears what came of a consent, and tells it back to the window. */
export async function waitForOutcome(tabs: Tabs, state: string): Promise<Outcome> {
  const outcome = await nextOutcome(tabs, state)
  tabs.post({ kind: 'outcome', outcome })
  return outcome
}

function nextOutcome(tabs: Tabs, state: string | undefined): Promise<Outcome> {
  return new Promise((resolve) => {
    tabs.listen((news) => {
      if (news.kind === 'outcome' && news.outcome['state'] === state) resolve(news.outcome)
    })
  })
}

/**
 * Waits for an outcome as long as its window is open, and closes the window.
 *
 * An opener policy on the way may cut the window off, and then it looks closed; but only a window that was closed
 * gives the focus back. A user who takes the focus back may go on in the window: its outcome can still come.
 *
 * @throws {BrokerError} `popup_closed`; or the reason of `signal`
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
 * Tells the outcome to the page that waits for it, and closes this window once that page has told it back: to a
 * busy page, a window that closes at once looks as if its user had closed it.
 */
export async function postOutcome(tabs: Tabs, outcome: Outcome): Promise<void> {
  const toldBack = nextOutcome(tabs, outcome['state'])
  tabs.post({ kind: 'outcome', outcome })
  await Promise.race([toldBack, pause(UNHEARD_MS)])
  window.close()
}
