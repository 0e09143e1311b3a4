/**
 * The model: which grants and sessions the broker must, may and must not hold, according to its answers.
 *
 * After a lost answer the model holds both possibilities and demands neither.
 */

import type { Credentials } from './pages.ts'

/** A user of a client. */
export interface Subject {
  sub: string
  client: string
}

/** A consent, from the moment its user was sent to Google. */
export interface Flow extends Subject {
  /** When its user was sent to Google; consents are ordered by it. */
  began: number
  /** Its code was never redeemed: no token of it may be issued. */
  isOpen?: boolean
  /** The broker certainly holds its grant: not replaced, forgotten or disconnected. */
  isHeld?: boolean
}

/** The end of a session, a bundle or all grants of a user. */
export interface Ending extends Subject {
  kind: 'session' | 'forgotten' | 'disconnected'
  /** With `forgotten`: the scope set. */
  scope?: string
  /** When it was requested. */
  at: number
  /** Since when KV holds no older record. */
  clean_at?: number
}

/** A login of a page. */
export interface Login extends Subject {
  credentials: Credentials
  created_at: number
  /** When its last accepted request was sent, and when its last request was. */
  used_at: number
  tried_at: number
  state: 'live' | 'maybe' | 'ended'
  ending?: Ending
}

/** The possibility that there is no grant. */
export const NONE = 'none'

/** The model. All times are `Date.now()` of the run. */
export interface Model {
  /** Every consent by its code. */
  readonly flows: Map<string, Flow>
  readonly logins: Login[]
  readonly endings: Ending[]
  /** @returns the codes of the consents that the grant of a scope set may come from */
  possible(sub: string, client: string, scope: string): ReadonlySet<string>
  /** @returns the only such code; `undefined` if there are several, or may be none */
  certain(sub: string, client: string, scope: string): string | undefined
  /** The broker may have stored another consent. */
  mayHold(flow: Flow, scope: string, code: string): void
  /** The broker has stored it in place of any other. */
  holds(flow: Flow, scope: string, code: string): void
  /** A consent brought no refresh token: the broker certainly holds the old grant. */
  keepsOld(flow: Flow, scope: string): void
  /** The broker may have lost any grant of a user. */
  mayLose(subject: Subject): void
  /** An ending was requested and not answered yet. */
  mayEnd(ending: Ending): void
  /** The broker has confirmed an ending. */
  ends(ending: Ending): void
  login(login: Omit<Login, 'state' | 'used_at' | 'tried_at' | 'created_at'>): Login
}

const DAY_MS = 24 * 60 * 60 * 1000
const IDLE_MS = 7 * DAY_MS
const TTL_MS = 30 * DAY_MS

/** How far the broker's time of last use may be behind; it is updated once an hour. */
const SLACK_MS = 2 * 60 * 60 * 1000

/** Creates an empty model. */
export function createModel(): Model {
  const grants = new Map<string, Set<string>>()
  const keyOf = (sub: string, client: string, scope: string): string => `${sub} ${client} ${scope}`
  const setOf = (sub: string, client: string, scope: string): Set<string> => {
    const key = keyOf(sub, client, scope)
    const set = grants.get(key) ?? new Set([NONE])
    grants.set(key, set)
    return set
  }
  const grantsOf = ({ sub, client }: Subject): Set<string>[] => {
    const prefix = keyOf(sub, client, '')
    return [...grants].filter(([key]) => key.startsWith(prefix)).map(([, set]) => set)
  }
  /** @returns the grants that an ending ends */
  const touched = ({ kind, scope, ...subject }: Ending): Set<string>[] => {
    if (kind === 'session') return []
    return kind === 'forgotten'
      ? [setOf(subject.sub, subject.client, scope ?? '')]
      : grantsOf(subject)
  }

  const release = (codes: ReadonlySet<string>): void => {
    for (const code of codes) {
      const flow = model.flows.get(code)
      if (flow) flow.isHeld = false
    }
  }

  const model: Model = {
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
      release(setOf(flow.sub, flow.client, scope))
      flow.isHeld = true
      grants.set(keyOf(flow.sub, flow.client, scope), new Set([code]))
    },
    keepsOld: ({ sub, client }, scope) => void setOf(sub, client, scope).delete(NONE),
    mayLose(subject) {
      for (const set of grantsOf(subject)) set.add(NONE)
    },
    mayEnd(ending) {
      for (const set of touched(ending)) {
        if (ending.kind === 'forgotten') release(set)
        set.add(NONE)
      }
      if (ending.kind === 'disconnected')
        for (const login of model.logins)
          if (isSameSubject(login, ending) && login.state === 'live') login.state = 'maybe'
    },
    ends(ending) {
      model.endings.push(ending)
      for (const set of touched(ending)) {
        for (const code of set)
          if ((model.flows.get(code)?.began ?? 0) <= ending.at) set.delete(code)
        if (set.size === 0) set.add(NONE)
      }
      if (ending.kind === 'disconnected')
        for (const login of model.logins)
          if (isSameSubject(login, ending) && login.created_at <= ending.at) endLogin(login, ending)
    },
    login(made) {
      const at = Date.now()
      const login: Login = { ...made, created_at: at, used_at: at, tried_at: at, state: 'live' }
      model.logins.push(login)
      return login
    },
  }
  return model
}

/** Ends a login for good. */
export function endLogin(login: Login, ending: Ending): void {
  if (login.state === 'ended') return
  login.state = 'ended'
  login.ending = ending
}

/** @returns whether the broker must accept a login */
export function isSurelyLive({ state, created_at, used_at }: Login): boolean {
  const at = Date.now()
  return (
    state === 'live' && at < created_at + TTL_MS - SLACK_MS && at < used_at + IDLE_MS - SLACK_MS
  )
}

/** @returns since when the broker must reject a login; `undefined` while it may accept it */
export function endedSince({ state, ending, created_at, tried_at }: Login): number | undefined {
  if (state === 'ended' && ending) return ending.at
  const over = Math.min(created_at + TTL_MS, tried_at + IDLE_MS)
  return Date.now() >= over + 1000 ? over : undefined
}

/** @returns whether two things belong to the same user of the same client */
export function isSameSubject(one: Subject, other: Subject): boolean {
  return one.sub === other.sub && one.client === other.client
}
