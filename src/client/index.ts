/** The SDK: a broker that asks for consent, gets access tokens and calls Google Photos, in either mode. */

import type { MediaResponse, SessionResponse } from '../protocol/http.ts'
import type { Broker, BrokerOptions } from './broker.ts'
import { BrokerError, type BrokerErrorCode } from './broker-error.ts'
import { chooseTransport } from './choose-transport.ts'
import { openConsents } from './consents.ts'
import { callApi, findApis, findTarget, type GoogleApis } from './google-apis.ts'
import { openMemo } from './memo.ts'
import { untilAborted } from './pause.ts'
import { type Change, joinTabs } from './tabs.ts'
import { createTokens } from './tokens.ts'

export type { BundleStatus, ConsentReason, LikelyCause, SessionResponse } from '../protocol/http.ts'
export type { Broker, BrokerOptions, ConnectOptions } from './broker.ts'
export type { BrokerErrorCode } from './broker-error.ts'
export type { GoogleApis } from './google-apis.ts'
export type { Change } from './tabs.ts'
export type { TokenOptions } from './tokens.ts'
export { BrokerError }

/** The `scope` that stands for the broker's own access token, in place of a bundle's name. */
const BROKER_SCOPE = 'broker'

/** The key of the memo for a sign-out that the broker does not know yet. */
const SIGNED_OUT = ' signed-out'

/**
 * Makes a broker: in cookie mode on the broker's own site, else in OAuth mode. Equal options give the same one. Call it
 * when the page loads, also on the page at `redirectUri`: the result of a consent arrives there. On a server it can be made too, and every method then
 * throws `no_page`.
 *
 * @example
 * const broker = createBroker({ url: 'https://broker.example.com', client: 'gallery' })
 * @throws {TypeError} if `client` is missing in OAuth mode
 */
export function createBroker(options: BrokerOptions): Broker {
  if (typeof document === 'undefined') return withoutPage()
  const { url, client, redirectUri } = options
  const key = JSON.stringify([url, client, redirectUri])
  const broker = brokers.get(key) ?? openBroker(options)
  brokers.set(key, broker)
  return broker
}

/** The brokers of this page: a component and the app around it share one. */
const brokers = new Map<string, Broker>()

function openBroker({ url, client, redirectUri }: BrokerOptions): Broker {
  const base = new URL(url, location.href).href.replace(/\/+$/, '')
  const name = `photos-token-broker ${base} ${client ?? ''}`
  const transport = chooseTransport(base, client, redirectUri)
  const memo = openMemo(name)
  const tabs = joinTabs(name)
  const tokens = createTokens(name, transport, tabs, memo)
  let apis: Promise<GoogleApis> | undefined
  const listeners = new Set<(change: Change) => void>()
  /** What came of a redirect, for the first listener: a page may add it later. */
  let kept: Change | undefined

  const apply = (change: Change): void => {
    if (change.type !== 'failed') tokens.clear() // the account may have changed
    for (const listener of listeners) {
      try {
        listener(change)
      } catch (error) {
        reportError(error) // the others hear it all the same
      }
    }
  }
  const publish = (change: Change): void => {
    tabs.post({ kind: 'change', change })
    apply(change)
  }
  tabs.listen((message) => message.kind === 'change' && apply(message.change))

  /**
   * Makes a call, and once more after `login_required`, because a consent in another tab may have replaced the
   * session. A session that has ended has ended in every tab, also before the broker knows it (TMB-88).
   */
  const withSession = async <T>(
    work: () => Promise<T>,
    signal: AbortSignal | undefined,
  ): Promise<T> => {
    await untilAborted(consents.settled(), signal)
    const attempt = async (): Promise<T> => {
      if (isSignedOut()) throw new BrokerError('login_required')
      return work()
    }
    try {
      return await attempt().catch((error) => {
        if (hasCode(error, 'login_required')) return attempt()
        throw error
      })
    } catch (error) {
      if (hasCode(error, 'login_required') && !tokens.isEmpty()) publish({ type: 'signed-out' })
      throw error
    }
  }

  /** Calls an endpoint. The broker's own token is cached, shared and cleared like those of Google. */
  const call = <T>(
    method: string,
    path: string,
    {
      json,
      signal,
      check,
    }: { json?: object; signal?: AbortSignal | undefined; check?(answer: T): boolean },
  ): Promise<T> => {
    let used: string | undefined // the second attempt needs another one
    const ownToken = async (): Promise<string> => {
      used = await tokens.get(BROKER_SCOPE, { signal, rejected: used })
      return used
    }
    return withSession(async () => {
      const answer = (await transport.call(method, path, json, signal, ownToken)) as T
      if (check && !check(answer)) throw new BrokerError('temporarily_unavailable') // something else answered
      return answer
    }, signal)
  }

  /** Whether the user signed out here and the broker does not know it yet. */
  const isSignedOut = (): boolean => memo.get(SIGNED_OUT) !== undefined
  let signingOut = new AbortController()
  const settleSignOut = async (): Promise<void> => {
    try {
      if (isSignedOut()) await transport.signOut(signingOut.signal)
      memo.set(SIGNED_OUT, undefined)
    } catch {} // tried again at the next `connect`, load or `online` event
  }

  const consents = openConsents({
    ...{ transport, memo, tabs, settleSignOut },
    signedIn() {
      memo.set(SIGNED_OUT, undefined)
      signingOut.abort() // sent again, it would end the new session
      signingOut = new AbortController()
    },
    announce(change, isKept) {
      if (change.type === 'failed') apply(change)
      else publish(change)
      if (isKept && listeners.size === 0) kept = change
    },
  })
  addEventListener('online', () => void settleSignOut())

  addEventListener('pageshow', ({ persisted }) => {
    if (!persisted) return // else from the back/forward cache: it heard nothing of the other tabs
    consents.abandon()
    const hadTokens = !tokens.isEmpty()
    tokens.clear()
    if (!hadTokens) return
    broker.session().catch((error) => {
      if (hasCode(error, 'login_required')) apply({ type: 'signed-out' })
    })
  })

  const broker: Broker = {
    apis() {
      apis ??= findApis(base)
      apis.catch(() => {
        apis = undefined
      })
      return apis
    },
    connect: consents.connect,
    token: (bundle, options) => withSession(() => tokens.get(bundle, options), options?.signal),
    async fetch(bundle, url, init = {}) {
      const target = findTarget(url, await broker.apis())
      const reason = { error_description: 'This is no address of a Photos API.', bundle }
      if (!target) throw new BrokerError('invalid_request', reason)
      const signal = init.signal ?? undefined
      const attempt = async (rejected?: string): Promise<[Response, string]> => {
        const token = await broker.token(bundle, { signal, rejected })
        return [await callApi(target, init, token), token]
      }
      const [response, token] = await attempt()
      const isRefused = response.status === 401 && !(init.body instanceof ReadableStream)
      return isRefused ? (await attempt(token))[0] : response
    },
    session: (signal) =>
      call<SessionResponse>('GET', '/session?optional=true', {
        signal,
        check(answer) {
          if (answer === undefined) throw new BrokerError('login_required')
          return typeof answer?.sub === 'string'
        },
      }),
    async media(bundle, urls, signal) {
      const { media } = await call<MediaResponse>('POST', '/media', {
        json: { bundle, urls },
        signal,
        check: (answer) => Array.isArray(answer?.media),
      })
      const refused = media.find(({ error }) => error)
      if (refused?.error && !media.some(({ url }) => url))
        throw new BrokerError(refused.error, { ...refused, bundle })
      return media.map(({ url = '' }) => url)
    },
    async disconnect(bundle) {
      if (bundle === '') throw new BrokerError('invalid_request', { bundle })
      await call(
        'DELETE',
        bundle === undefined ? '/grants' : `/grants/${encodeURIComponent(bundle)}`,
        {
          check: (answer) => answer === undefined,
        },
      )
      publish({ type: 'disconnected', bundle })
      if (bundle === undefined) await broker.signOut()
    },
    async signOut() {
      memo.set(SIGNED_OUT, true)
      publish({ type: 'signed-out' })
      await settleSignOut()
    },
    on(_event, listener) {
      listeners.add(listener)
      const change = kept
      kept = undefined
      if (change) queueMicrotask(() => listener(change))
      return () => void listeners.delete(listener)
    },
  }
  return broker
}

/** The broker on a server, where pages are rendered: it can be passed on, and only its use fails. */
function withoutPage(): Broker {
  const fail = (): Promise<never> => Promise.reject(new BrokerError('no_page'))
  const methods = ['apis', 'connect', 'token', 'fetch', 'session', 'media', 'disconnect', 'signOut']
  const failing = Object.fromEntries(methods.map((method) => [method, fail]))
  return { ...(failing as unknown as Broker), on: () => () => {} }
}

function hasCode(error: unknown, code: BrokerErrorCode): boolean {
  return error instanceof BrokerError && error.code === code
}
