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
  | { kind: 'outcome'; outcome: Outcome }

/** The other tabs of this origin that use the same broker. */
export interface Tabs {
  post(message: TabMessage): void
  /** Calls a listener for each message. @returns a function that removes it */
  listen(listener: (message: TabMessage) => void): () => void
}

/** Joins the other tabs that use the same broker. Where the browser does not allow it, this tab is alone. */
export function joinTabs(name: string): Tabs {
  const channel = openChannel(name)
  if (!channel) return { post() {}, listen: () => () => {} }
  return {
    post: (message) => channel.postMessage(message),
    listen(listener) {
      const receive = ({ data }: MessageEvent<TabMessage>): void => listener(data)
      channel.addEventListener('message', receive)
      return () => channel.removeEventListener('message', receive)
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
