/**
 * This file is the model: what the broker must hold, may hold and must not hold, as far as its answers told.
 *
 * An answer that got lost leaves two possibilities, and both are kept: from then on neither is demanded. So the
 * model is never wrong, only at times undecided.
 */

import type { Credentials } from './cast.ts'

/** A consent on its way: from the moment its person was sent to Google. */
export interface Flow {
  sub: string
  client: string
  /** Story time at which its person was sent off; also its place in the order of things. */
  began: number
  /** Its code was never redeemed: nobody may have anything of it. */
  isOpen?: boolean
  /** It is certainly the broker's, until it is disconnected: neither replaced nor, maybe, forgotten. */
  isHeld?: boolean
}

/** Something that ended at the broker. */
export interface Ending {
  kind: 'session' | 'forgotten' | 'disconnected'
  sub: string
  client: string
  /** With `forgotten`: the scope set. */
  scope?: string
  /** Story time at which it was asked for. */
  at: number
  /** Story time since when the broker owes KV nothing that is older. */
  clean_at?: number
}

/** A login of a page. */
export interface Login {
  page: number
  sub: string
  client: string
  credentials: Credentials
  created_at: number
  /** Story time of the last request that was let in, and of the last that was sent. */
  used_at: number
  tried_at: number
  state: 'live' | 'maybe' | 'ended'
  ending?: Ending
}

/** Stands for "there is no grant" among the possibilities. */
export const NONE = 'none'

/** What is known. */
export interface Belief {
  /** Every consent that was begun, by its code. */
  readonly flows: Map<string, Flow>
  readonly logins: Login[]
  readonly endings: Ending[]
  /** The codes of the consents that the grant of a scope set may be of. */
  possible(sub: string, client: string, scope: string): ReadonlySet<string>
  /** The one code it is certainly of. */
  certain(sub: string, client: string, scope: string): string | undefined
  /** Another consent may have been kept. */
  mayHold(flow: Flow, scope: string, code: string): void
  /** It was kept: nothing else is. */
  holds(flow: Flow, scope: string, code: string): void
  /** Without a refresh token of its own a consent leaves the old grant; that there is one, is certain now. */
  holdsOld(flow: Flow, scope: string): void
  /** An ending was asked for; its answer is not there yet. */
  mayEnd(ending: Ending): void
  /** It was answered. */
  ends(ending: Ending): void
  login(login: Omit<Login, 'state' | 'used_at' | 'tried_at' | 'created_at'>): Login
}

const DAY_MS = 24 * 60 * 60 * 1000
const IDLE_MS = 7 * DAY_MS
const TTL_MS = 30 * DAY_MS
/** The broker notes the use of a session by the hour. */
const SLACK_MS = 2 * 60 * 60 * 1000

/** Begins with nothing. */
export function createBelief(): Belief {
  const grants = new Map<string, Set<string>>()
  const keyOf = (sub: string, client: string, scope: string): string => `${sub} ${client} ${scope}`
  const setOf = (sub: string, client: string, scope: string): Set<string> => {
    const key = keyOf(sub, client, scope)
    const set = grants.get(key) ?? new Set([NONE])
    grants.set(key, set)
    return set
  }
  /** The grants an ending is about. */
  const touched = ({ kind, sub, client, scope }: Ending): Set<string>[] => {
    if (kind === 'session') return []
    if (kind === 'forgotten') return [setOf(sub, client, scope ?? '')]
    const prefix = keyOf(sub, client, '')
    return [...grants].filter(([key]) => key.startsWith(prefix)).map(([, set]) => set)
  }

  const letGo = (codes: ReadonlySet<string>): void => {
    for (const code of codes) {
      const flow = belief.flows.get(code)
      if (flow) flow.isHeld = false
    }
  }

  const belief: Belief = {
    flows: new Map(),
    logins: [],
    endings: [],
    possible: setOf,
    certain(sub, client, scope) {
      const [code, another] = setOf(sub, client, scope)
      return code === NONE || another !== undefined ? undefined : code
    },
    mayHold: ({ sub, client }, scope, code) => void setOf(sub, client, scope).add(code),
    holds(flow, scope, code) {
      letGo(setOf(flow.sub, flow.client, scope))
      flow.isHeld = true
      grants.set(keyOf(flow.sub, flow.client, scope), new Set([code]))
    },
    holdsOld: ({ sub, client }, scope) => void setOf(sub, client, scope).delete(NONE),
    mayEnd(ending) {
      for (const set of touched(ending)) {
        if (ending.kind === 'forgotten') letGo(set)
        set.add(NONE)
      }
      if (ending.kind === 'disconnected')
        for (const login of belief.logins)
          if (isOf(login, ending) && login.state === 'live') login.state = 'maybe'
    },
    ends(ending) {
      belief.endings.push(ending)
      for (const set of touched(ending)) {
        for (const code of set)
          if ((belief.flows.get(code)?.began ?? 0) <= ending.at) set.delete(code)
        if (set.size === 0) set.add(NONE)
      }
      if (ending.kind === 'disconnected')
        for (const login of belief.logins)
          if (isOf(login, ending) && login.created_at <= ending.at) endLogin(login, ending)
    },
    login(made) {
      const at = Date.now()
      const login: Login = { ...made, created_at: at, used_at: at, tried_at: at, state: 'live' }
      belief.logins.push(login)
      return login
    },
  }
  return belief
}

/** Ends a login for good. */
export function endLogin(login: Login, ending: Ending): void {
  if (login.state === 'ended') return
  login.state = 'ended'
  login.ending = ending
}

/** Whether the broker has to let a login in. */
export function isSurelyLive({ state, created_at, used_at }: Login): boolean {
  const at = Date.now()
  return (
    state === 'live' && at < created_at + TTL_MS - SLACK_MS && at < used_at + IDLE_MS - SLACK_MS
  )
}

/** Since when the broker may not let a login in; nothing while it may. */
export function deadSince({ state, ending, created_at, tried_at }: Login): number | undefined {
  if (state === 'ended' && ending) return ending.at
  const over = Math.min(created_at + TTL_MS, tried_at + IDLE_MS)
  return Date.now() >= over + 1000 ? over : undefined
}

function isOf(
  one: { sub: string; client: string },
  other: { sub: string; client: string },
): boolean {
  return one.sub === other.sub && one.client === other.client
}
