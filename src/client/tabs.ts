/** This file is the tabs of one browser: what each tells the others, in memory and by no storage. */

import type { BrokerError } from './broker-error.ts'
import type { Outcome } from './transport.ts'

/** An access token as it is held, in memory only (TMB-85). */
export interface HeldToken {
  access_token: string
  /** Milliseconds of this machine's clock, as is when it was asked for. */
  ends_at: number
  asked_at: number
}

/** What happened to what the user may have here. */
export type Change =
  | { type: 'connected'; bundle: string }
  | { type: 'disconnected'; bundle: string | undefined }
  | { type: 'signed-out' }
  /** A consent begun with a redirect ended so. */
  | { type: 'failed'; bundle: string; error: BrokerError }

/** What tabs tell each other. */
export type TabMessage =
  | { kind: 'token'; bundle: string; held: HeldToken }
  | { kind: 'token-wanted'; bundle: string }
  | { kind: 'change'; change: Change }
  | { kind: 'outcome'; outcome: Outcome }

/** The other tabs of this origin that use the same broker. */
export interface Tabs {
  post(news: TabMessage): void
  /** @returns what ends it */
  listen(heed: (news: TabMessage) => void): () => void
}

/** Joins the tabs of a broker. */
export function joinTabs(name: string): Tabs {
  const channel = new BroadcastChannel(name)
  return {
    post: (news) => channel.postMessage(news),
    listen(heed) {
      const listener = ({ data }: MessageEvent<TabMessage>): void => heed(data)
      channel.addEventListener('message', listener)
      return () => channel.removeEventListener('message', listener)
    },
  }
}
