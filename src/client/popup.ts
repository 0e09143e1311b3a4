/** This file is the window in which a user consents: opened in the click, and its outcome told by our own page. */

import { BrokerError } from './errors.ts'
import type { Tabs } from './tabs.ts'
import type { Outcome } from './way.ts'

const FEATURES = 'popup,width=500,height=700'
const POLL_MS = 200

/** Opens the window; this has to happen in the click, before anything is waited for. */
export function openPopup(url = ''): Window | undefined {
  return window.open(url, '', FEATURES) ?? undefined
}

/**
 * Waits for the outcome of a consent.
 *
 * Our own page tells it by `BroadcastChannel` when the window is back on this origin, so it arrives when an
 * opener policy on the way has cut the window off. Such a window looks closed as well; but only a window that
 * was closed gives the focus back.
 *
 * @throws {BrokerError} `popup_closed`; or the reason of `signal`
 */
export function waitForOutcome(
  tabs: Tabs,
  popup: Window,
  state: string,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  return new Promise((resolve, reject) => {
    let sightings = 0 // the first may come before an outcome that was on its way
    const timer = setInterval(() => {
      if (popup.closed && document.hasFocus() && sightings++ > 0)
        settle(() => reject(new BrokerError('popup_closed')))
    }, POLL_MS)
    const stop = tabs.listen((news) => {
      if (news.kind === 'outcome' && news.outcome['state'] === state)
        settle(() => resolve(news.outcome))
    })
    const settle = (how: () => void): void => {
      clearInterval(timer)
      stop()
      popup.close()
      how()
    }
    const abort = (): void => settle(() => reject(signal?.reason))
    if (signal?.aborted) abort()
    signal?.addEventListener('abort', abort)
  })
}
