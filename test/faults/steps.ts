/** This file is the steps of a run: what people, frontends, clocks and machines do, as plain data. */

/** Where a person agrees, or does not. */
export interface Answering {
  account: 'ada' | 'ben'
  /** `some`: leaves the last box unticked. */
  agrees: 'all' | 'some' | 'none'
  /** Seconds the access is limited to. */
  lasts?: number | undefined
  /** The page is closed before it redeems the code that it is sent, in OAuth mode. */
  closes?: boolean
}

/** One thing that happens. Every step can happen at any time; one that makes no sense then, does nothing. */
export type Step =
  /** A whole consent, from the page and back to it. */
  | ({ do: 'connect'; page: number; bundle: Bundle } & Answering)
  /** A person is sent to Google, and stays there for a while. */
  | { do: 'leave'; page: number; bundle: Bundle }
  /** Somebody who left comes back. */
  | ({ do: 'return'; page: number } & Answering)
  /** Tabs of one page ask for tokens, all at once. */
  | {
      do: 'ask'
      page: number
      bundles: Bundle[]
      tabs: number
      min_ttl?: number | undefined
      /** Says that Google refused the last token. */
      rejects: boolean
      /** Asks with the credentials that this page had before. */
      before: boolean
    }
  | { do: 'look'; page: number; before: boolean }
  | { do: 'log out'; page: number; all: boolean }
  | { do: 'forget'; page: number; bundle: Bundle }
  | { do: 'disconnect'; page: number }
  /** A code that was redeemed is redeemed again. */
  | { do: 'redeem again'; page: number }
  /** A person removes the app under "connections" at Google. */
  | { do: 'remove app'; account: 'ada' | 'ben' }
  /** What Google has to tell of that arrives; however late, and maybe twice. */
  | { do: 'hear'; twice: boolean }
  | { do: 'wait'; seconds: number }
  /** Alarms that are due go off. */
  | { do: 'alarms' }
  /** The Durable Object of a page's user dies, with whatever it is at, and begins anew. */
  | { do: 'crash'; page: number }
  /** It is put away when it has nothing to do. */
  | { do: 'evict'; page: number }
  | { do: 'travel'; to: string }
  /** The next calls at a place of Google's meet a fault. */
  | { do: 'fault'; fault: string; times: number }
  /** Google keeps every call at a place waiting, before it has heard or before it answers. */
  | { do: 'hold'; at: string; when: 'before' | 'after' }
  | { do: 'release' }
  | { do: 'kv'; is: KvState }
  /** Records of KV change places: all of a page's user, or the only one with somebody else's. */
  | { do: 'swap'; page: number }

export type Bundle = 'pick' | 'upload' | 'album'
export type KvState = 'well' | 'unreadable' | 'unwritable' | 'down' | 'mute'

/** How a run is set up. */
export interface Schedule {
  consistency: 'edge' | 'strict'
  publishing: 'production' | 'testing'
  steps: Step[]
}

/** Writes a step as a person reads it. */
export function tellStep({ do: kind, ...rest }: Step): string {
  const told = Object.entries(rest)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join('+') : String(value)}`)
  return [kind, ...told].join(' ')
}
