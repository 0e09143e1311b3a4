/** The steps of a run as plain data: actions of users, frontends and machines. */

/** What a user does on the consent page. */
export interface ConsentChoice {
  account: 'ada' | 'ben'
  /** `some`: leaves the last box unticked. */
  agrees: 'all' | 'some' | 'none'
  /** Time limit of the access, in seconds. */
  lasts?: number | undefined
  /** In OAuth mode: the page is closed before it redeems the code. */
  closes?: boolean
}

/** A step. It is possible at any time; where it makes no sense, it does nothing. */
export type Step =
  /** A whole consent. */
  | ({ do: 'connect'; page: number; bundle: Bundle } & ConsentChoice)
  /** A user is sent to Google. */
  | { do: 'leave'; page: number; bundle: Bundle }
  /** The user returns. */
  | ({ do: 'return'; page: number } & ConsentChoice)
  /** Tabs of one page ask for tokens at the same time. */
  | {
      do: 'ask'
      page: number
      bundles: Bundle[]
      tabs: number
      min_ttl?: number | undefined
      /** Sends the last token as `rejected`. */
      rejects: boolean
      /** Uses the credentials of the previous login. */
      before: boolean
    }
  | { do: 'read session'; page: number; before: boolean }
  | { do: 'log out'; page: number; all: boolean }
  | { do: 'forget'; page: number; bundle: Bundle }
  | { do: 'disconnect'; page: number }
  /** A user removes the app at Google. */
  | { do: 'remove app'; account: 'ada' | 'ben' }
  /** The oldest event of Google is delivered, however late, and maybe twice. */
  | { do: 'deliver event'; twice: boolean }
  | { do: 'wait'; seconds: number }
  | { do: 'alarms' }
  /** The Durable Object of a page's user dies and starts again. */
  | { do: 'crash'; page: number }
  /** Writes of the Durable Object of a page's user fail: after `skip` of them, the next `times`. */
  | { do: 'storage fails'; page: number; skip: number; times: number }
  /** The next reads of KV happen at another location. */
  | { do: 'travel'; to: string }
  /** The next calls of an endpoint of Google meet a fault. */
  | { do: 'fault'; fault: string; times: number }
  /** Every call of an endpoint is held, before or after Google processes it. */
  | { do: 'hold'; at: string; when: 'before' | 'after' }
  | { do: 'release' }
  | { do: 'kv'; is: KvState }

export type Bundle = 'pick' | 'upload' | 'album'
export type KvState = 'up' | 'unreadable' | 'unwritable' | 'down' | 'answers lost'

/** A run as plain data. */
export interface Schedule {
  consistency: 'edge' | 'strict'
  publishing: 'production' | 'testing'
  steps: Step[]
}

/** Formats a step for a person. */
export function formatStep({ do: kind, ...rest }: Step): string {
  const fields = Object.entries(rest)
    .filter(([, value]) => value !== undefined && value !== false)
    .map(([name, value]) => `${name}=${Array.isArray(value) ? value.join('+') : String(value)}`)
  return [kind, ...fields].join(' ')
}
