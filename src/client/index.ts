/** This file is the SDK: one object that connects, hands out tokens and calls Google Photos, in either mode. */

import type { SessionResponse } from '../protocol/http.ts'
import { BrokerError } from './broker-error.ts'
import { random } from './bytes.ts'
import { createCookieTransport } from './cookie-transport.ts'
import { apisAt, type GoogleApis, mayHaveToken } from './google-apis.ts'
import { createOAuthTransport } from './oauth-transport.ts'
import { takeOutcome } from './outcome.ts'
import { openPopup, postOutcome, waitForOutcome, whileOpen } from './popup.ts'
import { type Change, joinTabs } from './tabs.ts'
import { createTokens, type TokenOptions } from './tokens.ts'
import type { Outcome, Transport } from './transport.ts'

export type { BrokerErrorCode } from './broker-error.ts'
export type { Change } from './tabs.ts'
export type { TokenOptions } from './tokens.ts'
export { BrokerError }

/** Where the broker is, and who is asking. */
export interface BrokerOptions {
  /** `BASE_URL` of the broker. */
  url: string
  /** The client's id in `CLIENTS`; needed on another site, and where there are several. */
  client?: string
  /** Where users come back to on another site, as in `CLIENTS`; this page without its query if left out. */
  redirectUri?: string
  /** A simulator on this machine, in the place of Google. */
  simulator?: string
}

/** How to connect. */
export interface ConnectOptions {
  signal?: AbortSignal
  /** Lets the user choose among accounts. */
  selectAccount?: boolean
}

/** A broker, as a page uses it. */
export interface Broker {
  /**
   * Has the user consent to a bundle, in a popup; where popups are blocked the page itself goes there and
   * comes back to where it was, which `on('change')` tells. Call it in a click. Whoever goes on in a popup that
   * looked closed, or was waited for no longer, is connected all the same; `on('change')` tells that too.
   *
   * @throws {BrokerError} `access_denied`, `consent_required` (a box was left unticked), `popup_closed`, …
   */
  connect(bundle: string, options?: ConnectOptions): Promise<void>
  /** Gets an access token that lives long enough; asks the broker only if no tab holds one. */
  token(bundle: string, options?: TokenOptions): Promise<string>
  /**
   * Fetches from Google Photos with a token of a bundle, and once more with another if Google refuses it.
   *
   * @throws {TypeError} for any other address: the token goes nowhere else
   */
  fetch(bundle: string, url: string | URL, init?: RequestInit): Promise<Response>
  /** Says who is connected to what. */
  session(signal?: AbortSignal): Promise<SessionResponse>
  /** Gets addresses at which pages can show media of Google Photos, for 15 minutes. */
  media(bundle: string, urls: readonly string[], signal?: AbortSignal): Promise<string[]>
  /** Forgets one bundle here, or disconnects from Google for good. */
  disconnect(bundle?: string): Promise<void>
  /** Ends the session in every tab at once, also without a network; the broker hears of it when it can. */
  signOut(): Promise<void>
  /** Tells of changes, in other tabs too. @returns what ends it */
  on(event: 'change', listener: (change: Change) => void): () => void
  /** Where Google's APIs are. */
  readonly apis: GoogleApis
}

/** What a page that went to a consent itself has to find again. */
interface PendingNavigation {
  state: string
  bundle: string
  href: string
}

/** What the broker calls its own token, in the place of a bundle's name. */
const BROKER_SCOPE = 'broker'

/** Makes a broker. The mode is found by itself: on the broker's own site the cookie, else OAuth. */
export function createBroker({ url, client, redirectUri, simulator }: BrokerOptions): Broker {
  const base = new URL(url, location.href).href.replace(/\/+$/, '')
  const name = `photos-token-broker ${base} ${client ?? ''}`
  const transport = chooseTransport(base, client, redirectUri)
  const tabs = joinTabs(name)
  const tokens = createTokens(name, transport, tabs)
  const apis = apisAt(simulator)
  const listeners = new Set<(change: Change) => void>()

  const apply = (change: Change): void => {
    if (change.type !== 'failed') tokens.clear() // it may be another account from now on
    for (const listener of listeners) listener(change)
  }
  const announce = (change: Change): void => {
    tabs.post({ kind: 'change', change })
    apply(change)
  }
  tabs.listen((news) => news.kind === 'change' && apply(news.change))

  /**
   * A consent in another tab replaces the session a call was sent with, so it is made once more; a session
   * that is over is over in every tab, also before the broker hears of it (TMB-88).
   */
  const guarded = async <T>(work: () => Promise<T>): Promise<T> => {
    await isReady
    const attempt = async (): Promise<T> => {
      if (isSignedOut()) throw new BrokerError('login_required')
      return work()
    }
    const isOver = (error: unknown): boolean =>
      error instanceof BrokerError && error.code === 'login_required'
    try {
      return await attempt().catch((error) => {
        if (isOver(error)) return attempt()
        throw error
      })
    } catch (error) {
      if (isOver(error) && !tokens.isEmpty()) announce({ type: 'signed-out' })
      throw error
    }
  }

  /** The broker's own token is held, shared and forgotten as Google's are. */
  const call: Transport['call'] = (method, path, json, signal) =>
    guarded(() =>
      transport.call(method, path, json, signal, () => tokens.get(BROKER_SCOPE, { signal })),
    )

  const finish = async (bundle: string, outcome: Outcome): Promise<void> => {
    if (outcome['error']) throw new BrokerError(outcome['error'] as 'server_error', { bundle })
    await transport.finish(outcome)
    delete localStorage[name]
    announce({ type: 'connected', bundle })
  }

  /** A sign-out that the broker has not heard of holds here all the same. */
  const isSignedOut = (): boolean => name in localStorage
  const settleSignOut = async (): Promise<void> => {
    try {
      if (isSignedOut()) await transport.signOut()
      delete localStorage[name]
    } catch {} // later, then
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

  const outcome = takeOutcome()
  const isReady = outcome
    ? Promise.resolve()
        .then(() => resume(outcome))
        .catch(() => {})
    : settleSignOut()
  addEventListener('online', () => void settleSignOut())

  const broker: Broker = {
    apis,
    async connect(bundle, { signal, selectAccount = false } = {}) {
      void settleSignOut()
      const id = random()
      const url = transport.connectUrl(bundle, `p.${id}`, selectAccount)
      const popup = openPopup(url)
      if (!popup) {
        const departure: PendingNavigation = { state: `r.${id}`, bundle, href: location.href }
        sessionStorage[name] = JSON.stringify(departure)
        location.assign(url.replace(`p.${id}`, departure.state))
        return new Promise(() => {}) // the page is about to go
      }
      const hearing = waitForOutcome(tabs, `p.${id}`)
      const finished = hearing.then((outcome) => finish(bundle, outcome))
      await Promise.all([finished, whileOpen(popup, hearing, signal)])
    },
    token: (bundle, options) => guarded(() => tokens.get(bundle, options)),
    async fetch(bundle, url, init = {}) {
      const target = new URL(url)
      if (!mayHaveToken(target, apis)) throw new TypeError('not a Google Photos API')
      const signal = init.signal ?? undefined
      const attempt = async (rejected?: string): Promise<[Response, string]> => {
        const token = await broker.token(bundle, { signal, rejected })
        const headers = new Headers(init.headers)
        headers.set('Authorization', `Bearer ${token}`)
        return [await fetch(target, { ...init, headers, redirect: 'error' }), token]
      }
      const [response, token] = await attempt()
      const isOver = response.status === 401 && !(init.body instanceof ReadableStream)
      return isOver ? (await attempt(token))[0] : response
    },
    async session(signal) {
      return (await call('GET', '/session', undefined, signal)).json()
    },
    async media(bundle, urls, signal) {
      const response = await call('POST', '/media', { bundle, urls }, signal)
      const { media } = (await response.json()) as { media: { url: string }[] }
      return media.map(({ url }) => url)
    },
    async disconnect(bundle) {
      await call('DELETE', bundle ? `/grants/${bundle}` : '/grants')
      announce({ type: 'disconnected', bundle })
      if (!bundle) await broker.signOut()
    },
    async signOut() {
      localStorage[name] = 'signed out'
      announce({ type: 'signed-out' })
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
  if (redirectUri === undefined && isSameSite(new URL(base).hostname, location.hostname))
    return createCookieTransport(base, client)
  if (!client) throw new TypeError('client is missing')
  return createOAuthTransport(base, client, redirectUri ?? location.origin + location.pathname)
}

/** Whether a page is beside the broker: on its host, or on or below the domain that the broker's name is in. */
function isSameSite(broker: string, page: string): boolean {
  const domain = broker.replace(/^[^.]+/, '')
  const isDomain = /\..+\.\D/.test(domain)
  return broker === page || (isDomain && `.${page}`.endsWith(domain))
}
