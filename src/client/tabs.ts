/** Messages between the tabs of one origin, in memory only: tokens, changes and outcomes of consents. */

import type { BrokerError } from './broker-error.ts'
import type { Outcome } from './transport.ts'

/** A cached access token, in memory only (TMB-85). Times are milliseconds of this machine's clock. */
export interface HeldToken {
  access_token: string
  ends_at: number
  /** When the request for it was sent. */
  asked_at: number
}

/** A change of the session or of a grant, in this tab or another. */
export type Change =
  /** The user consented to the bundle. */
  | { type: 'connected'; bundle: string }
  /** The broker forgot the bundle; without one, everything. */
  | { type: 'disconnected'; bundle: string | undefined }
  /** The session has ended. */
  | { type: 'signed-out' }
  /** A consent without a popup failed. */
  | { type: 'failed'; bundle: string; error: BrokerError }

/** A message from one tab to the others. */
export type TabMessage =
  | { kind: 'token'; bundle: string; held: HeldToken }
  | { kind: 'token-wanted'; bundle: string }
  | { kind: 'change'; change: Change }
  /** What came of a consent, from its popup; and the same as the confirmation to the popup, which may stay open. */
  | { kind: 'outcome'; state: string; outcome: Outcome; stays?: boolean }
  /** The address that a popup goes to next; without one, it closes. */
  | { kind: 'go'; state: string; url?: string }

/** The other tabs of this origin that use the same broker. */
export interface Tabs {
  /**
   * Sends a message to the other tabs, and by itself to one window: a popup of a frame on another site keeps its storage
   * apart from that of the frame, and hears no other message.
   */
  post(message: TabMessage, beside?: Window | null): void
  /** Calls a listener for each message. @returns a function that removes it */
  listen(listener: (message: TabMessage) => void): () => void
}

/** Joins the other tabs that use the same broker. Where the browser does not allow it, only windows are reached. */
export function joinTabs(name: string): Tabs {
  const channel = openChannel(name)
  return {
    post(message, beside) {
      channel?.postMessage(message)
      beside?.postMessage({ name, message }, location.origin)
    },
    listen(listener) {
      const receive = ({ data }: MessageEvent<TabMessage>): void => listener(data)
      const receiveFromWindow = ({ origin, data }: MessageEvent): void => {
        if (origin === location.origin && data?.name === name) listener(data.message)
      }
      channel?.addEventListener('message', receive)
      addEventListener('message', receiveFromWindow)
      return () => {
        channel?.removeEventListener('message', receive)
        removeEventListener('message', receiveFromWindow)
      }
    },
  }
}

function openChannel(name: string): BroadcastChannel | undefined {
  try {
    return new BroadcastChannel(name)
  } catch {
    return undefined // site data is blocked
  }
}
