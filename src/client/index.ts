/** The SDK: a broker that asks for consent, gets access tokens and calls Google Photos, in either mode. */

import type { MediaResponse } from '../protocol/http.ts'
import type { Broker, BrokerOptions } from './broker.ts'
import { BrokerError } from './broker-error.ts'
import { random } from './bytes.ts'
import { createCookieTransport } from './cookie-transport.ts'
import { findApis, type GoogleApis, isLoopback, mayHaveToken } from './google-apis.ts'
import { createOAuthTransport } from './oauth-transport.ts'
import { takeOutcome } from './outcome.ts'
import { openPopup, postOutcome, waitForOutcome, whileOpen } from './popup.ts'
import { type Change, joinTabs } from './tabs.ts'
import { createTokens } from './tokens.ts'
import type { Outcome, Transport } from './transport.ts'

export type { Broker, BrokerOptions, ConnectOptions } from './broker.ts'
export type { BrokerErrorCode } from './broker-error.ts'
export type { Change } from './tabs.ts'
export type { TokenOptions } from './tokens.ts'
export { BrokerError }

/** A consent without a popup: where the page was, to be read when the user comes back. */
interface PendingNavigation {
  state: string
  bundle: string
  href: string
}

/** The `scope` that stands for the broker's own access token, in place of a bundle's name. */
const BROKER_SCOPE = 'broker'

/**
 * Makes a broker: in cookie mode on the broker's own site, else in OAuth mode. Make one when the page loads, also on the
 * page at `redirectUri`: the result of a consent arrives there.
 *
 * @example
 * const broker = createBroker({ url: 'https://broker.example.com', client: 'gallery' })
 * @throws {TypeError} if `client` is missing in OAuth mode
 */
export function createBroker({ url, client, redirectUri }: BrokerOptions): Broker {
  const base = new URL(url, location.href).href.replace(/\/+$/, '')
  const name = `photos-token-broker ${base} ${client ?? ''}`
  const transport = chooseTransport(base, client, redirectUri)
  const tabs = joinTabs(name)
  const tokens = createTokens(name, transport, tabs)
  let apis: Promise<GoogleApis> | undefined
  const listeners = new Set<(change: Change) => void>()

  const apply = (change: Change): void => {
    if (change.type !== 'failed') tokens.clear() // the account may have changed
    if (change.type === 'signed-out') transport.forget()
    for (const listener of listeners) listener(change)
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
  const withSession = async <T>(work: () => Promise<T>): Promise<T> => {
    await Promise.all([isReady, finishing])
    const attempt = async (): Promise<T> => {
      if (isSignedOut()) throw new BrokerError('login_required')
      return work()
    }
    const hasEnded = (error: unknown): boolean =>
      error instanceof BrokerError && error.code === 'login_required'
    try {
      return await attempt().catch((error) => {
        if (hasEnded(error)) return attempt()
        throw error
      })
    } catch (error) {
      if (hasEnded(error) && !tokens.isEmpty()) publish({ type: 'signed-out' })
      throw error
    }
  }

  /** The broker's own token is cached, shared and cleared like those of Google. */
  const call: Transport['call'] = (method, path, json, signal) =>
    withSession(() =>
      transport.call(method, path, json, signal, () => tokens.get(BROKER_SCOPE, { signal })),
    )

  /** The last consent that came back, until its code is redeemed: a call right after it waits. */
  let finishing: Promise<void> | undefined
  const finish = (bundle: string, outcome: Outcome): Promise<void> => {
    const finished = redeem(bundle, outcome)
    finishing = finished.catch(() => {})
    return finished
  }
  const redeem = async (bundle: string, outcome: Outcome): Promise<void> => {
    if (outcome['error']) throw new BrokerError(outcome['error'] as 'server_error', { bundle })
    await transport.finish(outcome)
    delete localStorage[name]
    publish({ type: 'connected', bundle })
  }

  /** Whether the user signed out here and the broker does not know it yet. */
  const isSignedOut = (): boolean => name in localStorage
  const settleSignOut = async (): Promise<void> => {
    try {
      if (isSignedOut()) await transport.signOut()
      delete localStorage[name]
    } catch {} // tried again at the next `connect`, load or `online` event
  }

  const resume = async (outcome: Outcome): Promise<void> => {
    if (outcome['state']?.startsWith('p.')) return postOutcome(tabs, outcome)
    const navigation: PendingNavigation = JSON.parse(sessionStorage[name] ?? '{}')
    delete sessionStorage[name]
    if (navigation.state !== outcome['state']) return
    const { bundle, href } = navigation
    try {
      await finish(bundle, outcome)
    } catch (error) {
      if (error instanceof BrokerError) apply({ type: 'failed', bundle, error })
    }
    if (new URL(href).pathname === location.pathname) history.replaceState(null, '', href)
    else location.replace(href)
  }

  const returned = takeOutcome()
  const isReady = returned
    ? Promise.resolve()
        .then(() => resume(returned))
        .catch(() => {})
    : settleSignOut()
  addEventListener('online', () => void settleSignOut())

  const broker: Broker = {
    apis() {
      apis ??= findApis(base)
      apis.catch(() => {
        apis = undefined
      })
      return apis
    },
    async connect(bundle, { signal, selectAccount = false } = {}) {
      void settleSignOut()
      const id = random()
      const url = transport.connectUrl(bundle, `p.${id}`, selectAccount)
      const popup = openPopup(url)
      if (!popup) {
        const state = `r.${id}`
        const navigation: PendingNavigation = { state, bundle, href: location.href }
        sessionStorage[name] = JSON.stringify(navigation)
        location.assign(url.replace(`p.${id}`, state))
        return new Promise(() => {}) // the page is leaving
      }
      const outcome = waitForOutcome(tabs, `p.${id}`)
      const finished = outcome.then((received) => finish(bundle, received))
      await Promise.all([finished, whileOpen(popup, outcome, signal)])
    },
    token: (bundle, options) => withSession(() => tokens.get(bundle, options)),
    async fetch(bundle, url, init = {}) {
      const target = new URL(url)
      if (!mayHaveToken(target, await broker.apis())) throw new TypeError('not a Photos API')
      const signal = init.signal ?? undefined
      const attempt = async (rejected?: string): Promise<[Response, string]> => {
        const token = await broker.token(bundle, { signal, rejected })
        const headers = new Headers(init.headers)
        headers.set('Authorization', `Bearer ${token}`)
        return [await fetch(target, { ...init, headers, redirect: 'error' }), token]
      }
      const [response, token] = await attempt()
      const isRefused = response.status === 401 && !(init.body instanceof ReadableStream)
      return isRefused ? (await attempt(token))[0] : response
    },
    async session(signal) {
      return (await call('GET', '/session', undefined, signal)).json()
    },
    async media(bundle, urls, signal) {
      const response = await call('POST', '/media', { bundle, urls }, signal)
      const { media }: MediaResponse = await response.json()
      const refused = media.find(({ error }) => error)
      if (refused?.error && !media.some(({ url }) => url))
        throw new BrokerError(refused.error, { ...refused, bundle })
      return media.map(({ url = '' }) => url)
    },
    async disconnect(bundle) {
      await call('DELETE', bundle ? `/grants/${bundle}` : '/grants')
      publish({ type: 'disconnected', bundle })
      if (!bundle) await broker.signOut()
    },
    async signOut() {
      localStorage[name] = 'signed-out'
      publish({ type: 'signed-out' })
      await settleSignOut()
    },
    on(_event, listener) {
      listeners.add(listener)
      return () => void listeners.delete(listener)
    },
  }
  return broker
}

function chooseTransport(
  base: string,
  client: string | undefined,
  redirectUri: string | undefined,
): Transport {
  const isLocal = client === 'local' && isLoopback(base) // the client of `npm start` for any page on this machine
  const isNear = isSameSite(new URL(base).hostname, location.hostname)
  if (redirectUri === undefined && isNear && !isLocal) return createCookieTransport(base, client)
  if (!client) throw new TypeError('client is missing')
  return createOAuthTransport(base, client, redirectUri ?? location.origin + location.pathname)
}

/** Whether a page is on the broker's host, or on or below the domain that contains the broker's host name. */
function isSameSite(broker: string, page: string): boolean {
  const domain = broker.replace(/^[^.]+/, '')
  const isDomain = /\..+\.\D/.test(domain)
  return broker === page || (isDomain && `.${page}`.endsWith(domain))
}
