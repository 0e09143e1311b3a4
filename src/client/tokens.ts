/** This file is the access tokens of a page: in memory, asked for once by all tabs together, renewed before they end. */

import { BrokerError } from './broker-error.ts'
import { sha256 } from './bytes.ts'
import { untilAborted } from './pause.ts'
import type { HeldToken, Tabs } from './tabs.ts'
import type { Transport } from './transport.ts'

/** What a caller may say of the token it wants. */
export interface TokenOptions {
  /** Seconds of life it has at least, 0 to 1800; 300 if left out. */
  minTtl?: number | undefined
  /** An access token that Google has just refused. */
  rejected?: string | undefined
  signal?: AbortSignal | undefined
}

/** The tokens of a page. */
export interface Tokens {
  get(bundle: string, options?: TokenOptions): Promise<string>
  /** Forgets every token at once, and whatever is on its way: that is asked for anew. */
  clear(): void
  /** Whether there was a session, as far as tokens tell. */
  isEmpty(): boolean
}

const DEFAULT_MIN_TTL_SECONDS = 300

/** A token with less life than this is renewed behind the answer; a little later in some tabs than in others. */
const AHEAD_SECONDS = 480 + Math.random() * 120

/** So long another tab has to say that it holds what is wanted. */
const ASK_MS = 150

/** Keeps the tokens of a page. */
export function createTokens(name: string, transport: Transport, tabs: Tabs): Tokens {
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

  tabs.listen((news) => {
    // A tab that was busy or frozen may not have heard of an end yet.
    if (news.kind === 'token' && news.held.asked_at > cleared_at) held.set(news.bundle, news.held)
    if (news.kind !== 'token-wanted') return
    const token = held.get(news.bundle)
    if (token) tabs.post({ kind: 'token', bundle: news.bundle, held: token })
  })

  /** Asks the broker; what arrives after a sign-out is dropped (TMB-88). */
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
    tabs.post({ kind: 'token', bundle, held: token })
    return token
  }

  /** Lets another tab that holds a token say so. */
  const askTabs = (bundle: string): Promise<void> =>
    new Promise((resolve) => {
      const stop = tabs.listen((news) => {
        if (news.kind === 'token' && news.bundle === bundle) done()
      })
      const done = (): void => {
        stop()
        resolve()
      }
      setTimeout(done, ASK_MS)
      tabs.post({ kind: 'token-wanted', bundle })
    })

  /** One request of all tabs at a time; whoever had to wait asks first whether it is needed still. */
  const renew = async (bundle: string, options: TokenOptions): Promise<HeldToken> => {
    const lock = `${name} ${bundle}`
    const first = await navigator.locks.request(lock, { ifAvailable: true }, async (free) =>
      free ? issue(bundle, options) : undefined,
    )
    if (first) return first
    return navigator.locks.request(lock, async () => {
      await askTabs(bundle)
      return find(bundle, options) ?? issue(bundle, options)
    })
  }

  const shared = (bundle: string, options: TokenOptions): Promise<HeldToken> => {
    const joined =
      running.get(bundle) ?? renew(bundle, options).finally(() => running.delete(bundle))
    running.set(bundle, joined)
    return joined
  }

  return {
    async get(bundle, options = {}) {
      const token = find(bundle, options)
      if (token) {
        if (!lives(token, AHEAD_SECONDS)) void shared(bundle, {}).catch(() => {})
        return token.access_token
      }
      const run = (): Promise<HeldToken> => untilAborted(shared(bundle, options), options.signal)
      const { access_token } = await run()
      const isRefused = access_token === options.rejected // it was on its way before Google refused it
      return isRefused ? (await run()).access_token : access_token
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
