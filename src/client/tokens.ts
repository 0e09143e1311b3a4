/** The access tokens of a page: cached in memory, shared by all tabs, renewed before they end. */

import { BrokerError } from './broker-error.ts'
import { sha256 } from './bytes.ts'
import type { Memo } from './memo.ts'
import { untilAborted } from './pause.ts'
import type { HeldToken, Tabs } from './tabs.ts'
import type { Transport } from './transport.ts'

/** Options of `token`. */
export interface TokenOptions {
  /** The least time that the token has left, in seconds: 0 to 1800. Default: 300. */
  minTtl?: number | undefined
  /** An access token that Google refused with 401: the broker then gets another one. */
  rejected?: string | undefined
  /** Ends the wait of this call; other callers still get the token. */
  signal?: AbortSignal | undefined
}

/** The token cache of a page. */
export interface Tokens {
  /** Gets a token from this tab, another tab or the broker. */
  get(bundle: string, options?: TokenOptions): Promise<string>
  /** Removes every token, and aborts the requests that are on their way. */
  clear(): void
  /** Whether this tab has no token. */
  isEmpty(): boolean
}

const DEFAULT_MIN_TTL_SECONDS = 300
/** A token with less time left is renewed in the background, in seconds. It differs so that tabs do not renew at once. */
const AHEAD_SECONDS = 480 + Math.random() * 120
/** How long a tab waits while another asks the broker, in milliseconds. */
const LOCK_MS = 5_000
/** A token that another tab got so recently is asked for there first: tabs often open together. In milliseconds. */
const JUST_NOW_MS = 2_000
/** How long another tab has to answer with its token, in milliseconds. */
const ASK_TABS_MS = 150

/** Makes the token cache of a page. `name` is that of its locks. */
export function createTokens(name: string, transport: Transport, tabs: Tabs, memo: Memo): Tokens {
  const held = new Map<string, HeldToken>()
  const running = new Map<string, Promise<HeldToken>>()
  let life = new AbortController()
  let cleared_at = 0

  const find = (bundle: string, { minTtl, rejected }: TokenOptions): HeldToken | undefined => {
    const token = held.get(bundle)
    const isGood =
      token && token.access_token !== rejected && lives(token, minTtl ?? DEFAULT_MIN_TTL_SECONDS)
    return isGood ? token : undefined
  }

  tabs.listen((message) => {
    if (message.kind !== 'token-wanted') return
    const token = held.get(message.bundle)
    if (token) tabs.post({ kind: 'token', bundle: message.bundle, held: token })
  })

  /** Gets a token from the broker; one that arrives after a sign-out is dropped (TMB-88). */
  const issue = async (bundle: string, { minTtl, rejected }: TokenOptions): Promise<HeldToken> => {
    const { signal } = life
    const asked_at = Date.now()
    const issued = await transport.issue({
      bundle,
      min_ttl: minTtl,
      rejected: rejected && (await sha256(rejected)),
      signal,
    })
    signal.throwIfAborted()
    const { access_token, expires_in } = issued
    const token = { access_token, ends_at: Date.now() + expires_in * 1000, asked_at }
    held.set(bundle, token)
    memo.set(` issued ${bundle}`, Date.now())
    return token
  }

  /** Asks the other tabs for their token, and waits a moment. No token is taken that was not asked for. */
  const askTabs = (bundle: string): Promise<void> =>
    new Promise((resolve) => {
      const stop = tabs.listen((message) => {
        if (message.kind !== 'token' || message.bundle !== bundle) return
        // A frozen tab may still send a token of the session that has ended.
        if (message.held.asked_at > cleared_at) held.set(bundle, message.held)
        done()
      })
      const done = (): void => {
        stop()
        resolve()
      }
      setTimeout(done, ASK_TABS_MS)
      tabs.post({ kind: 'token-wanted', bundle })
    })

  /** Does work with the lock of a bundle; without it, if there is none to get, as where site data is blocked. */
  const withLock = async <T>(
    bundle: string,
    options: LockOptions,
    work: (lock: Lock | null) => Promise<T>,
  ): Promise<T | undefined> => {
    let hasBegun = false
    try {
      return await navigator.locks.request(`${name} ${bundle}`, options, (lock) => {
        hasBegun = true
        return work(lock)
      })
    } catch (error) {
      if (hasBegun) throw error
      return undefined
    }
  }

  /** Lets one tab at a time ask the broker; a tab that had to wait asks the other tabs first. */
  const renew = async (bundle: string, options: TokenOptions): Promise<HeldToken> => {
    const first = await withLock(bundle, { ifAvailable: true }, async (free) => {
      const issued_at = memo.get<number>(` issued ${bundle}`) ?? 0
      const isTold = Math.abs(Date.now() - issued_at) < JUST_NOW_MS && !held.has(bundle)
      return free && !isTold ? issue(bundle, options) : undefined
    })
    if (first) return first
    const hanging = new AbortController() // a request that hangs in one tab holds up no other
    const timer = setTimeout(() => hanging.abort(), LOCK_MS)
    const next = await withLock(bundle, { signal: hanging.signal }, async () => {
      clearTimeout(timer)
      await askTabs(bundle)
      return find(bundle, options) ?? issue(bundle, options)
    })
    return next ?? issue(bundle, options)
  }

  const renewOnce = (bundle: string, options: TokenOptions): Promise<HeldToken> => {
    const joined =
      running.get(bundle) ?? renew(bundle, options).finally(() => running.delete(bundle))
    running.set(bundle, joined)
    return joined
  }

  return {
    async get(bundle, options = {}) {
      const token = find(bundle, options)
      if (token) {
        if (!lives(token, AHEAD_SECONDS)) void renewOnce(bundle, {}).catch(() => {})
        return token.access_token
      }
      const run = (): Promise<HeldToken> => untilAborted(renewOnce(bundle, options), options.signal)
      const isJoined = running.has(bundle) // it began with other options: ask once more if it does not fit
      const { access_token } = await run()
      const isFit = !isJoined || find(bundle, options)
      return isFit ? access_token : (await run()).access_token
    },
    isEmpty: () => held.size === 0,
    clear() {
      held.clear()
      cleared_at = Date.now()
      life.abort(new BrokerError('login_required'))
      life = new AbortController()
      running.clear()
    },
  }
}

function lives({ ends_at }: HeldToken, seconds: number): boolean {
  return ends_at - Date.now() > seconds * 1000
}
