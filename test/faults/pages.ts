/** The pages of a run, in both modes, and their requests to the broker. */

import type { ErrorResponse } from '../../src/protocol/http.ts'
import { SESSION_COOKIE_PREFIX } from '../../src/session/cookies.ts'
import { type Answer, answerOf, broker, the } from '../support/broker.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { type Frontend, gallery, journal, openFrontend } from '../support/frontend.ts'
import { GOOGLE } from '../support/simulated-google.ts'
import type { Bundle } from './steps.ts'

const STUDIO = 'https://studio.broker.example'

/** The clients: two in each mode, of which one may only upload. */
export const CLIENTS = {
  web: { origins: [the.url] },
  studio: { origins: [STUDIO] },
  [gallery.id]: { origins: [gallery.origin], redirect_uris: [gallery.redirect_uri] },
  [journal.id]: {
    origins: [journal.origin],
    redirect_uris: [journal.redirect_uri],
    bundles: ['upload'],
  },
}

/** The pages, by number. */
export const PAGES = [
  { client: 'web', mode: 'cookie', origin: the.url },
  { client: 'web', mode: 'cookie', origin: the.url },
  { client: 'studio', mode: 'cookie', origin: STUDIO },
  { client: 'gallery', mode: 'oauth', origin: gallery.origin },
  { client: 'gallery', mode: 'oauth', origin: gallery.origin },
  { client: 'journal', mode: 'oauth', origin: journal.origin },
] as const

/** Scope set of each bundle, in canonical order. */
export const SCOPES: Record<Bundle, string> = {
  pick: the.pick,
  upload: the.upload,
  album: the.album,
}

/** The credentials of a login: a cookie jar, or the broker's refresh token. */
export interface Credentials {
  browser?: Browser
  refresh_token?: string
}

/** Where a user arrives who returns from Google. */
export type Return =
  /** At Google again. */
  | { at: URL }
  /** The page was closed before it redeemed the code. */
  | { closed: true }
  /** At the page: with a new login, with an error, or with both after a partial consent. */
  | { credentials?: Credentials; error?: string; answer?: Answer<object> }

/** Optional members of a token request. */
export interface TokenOptions {
  min_ttl?: number | undefined
  rejected?: string | undefined
}

/** A page in a browser. */
export interface Page {
  readonly client: string
  readonly mode: 'cookie' | 'oauth'
  readonly bundles: readonly Bundle[]
  /** Sends the user to Google; @returns the URL there, or the refusal of the broker */
  leave(bundle: Bundle): Promise<{ at: URL } | { answer: Answer<object> }>
  /** Returns with the callback of Google. */
  returnFromGoogle(callback: URL, closes: boolean): Promise<Return>
  ask(
    credentials: Credentials,
    scope: Bundle | 'broker',
    options: TokenOptions,
  ): Promise<Answer<object>>
  call(credentials: Credentials, method: string, path: string): Promise<Answer<object>>
  logOut(credentials: Credentials, all: boolean): Promise<Answer<object>>
}

/** Opens a page by its number. */
export async function openPage(number: number): Promise<Page> {
  const { client, mode, origin } = PAGES[number] ?? PAGES[0]
  if (mode === 'cookie') return cookiePage(client, origin)
  const registered = client === 'gallery' ? gallery : journal
  return oauthPage(registered, await openFrontend(registered))
}

function cookiePage(client: string, origin: string): Page {
  const browser = openBrowser(broker)
  const isOutside = (url: URL): boolean => url.origin === GOOGLE || isApp(url)
  const isApp = (url: URL): boolean => url.origin === origin && url.pathname === '/app'
  const site = origin === the.url ? 'same-origin' : 'same-site'
  const headers = { Origin: origin, 'Sec-Fetch-Site': site }
  const cookie = `${SESSION_COOKIE_PREFIX}${client}=`
  const call: Page['call'] = async ({ browser: own = browser }, method, path) =>
    answerOf(await own.call(method, the.url + path, undefined, headers))
  return {
    client,
    mode: 'cookie',
    bundles: ['pick', 'upload', 'album'],
    async leave(bundle) {
      const query = new URLSearchParams({ bundle, client, return_to: `${origin}/app` })
      const start = `${the.url}/connect?${query}`
      const { url, response, text } = await browser.visit(start, {}, isOutside)
      return url.origin === GOOGLE ? { at: url } : { answer: refusal(response, text) }
    },
    async returnFromGoogle(callback) {
      const { url, response, text } = await browser.visit(callback, {}, isOutside)
      if (url.origin === GOOGLE) return { at: url }
      if (!isApp(url)) return { answer: refusal(response, text) }
      const error = url.searchParams.get('error')
      const set = response.headers.getSetCookie().find((line) => line.startsWith(cookie))
      const isNew = set !== undefined && !/;\s*max-age=0/i.test(set)
      return {
        ...(isNew ? { credentials: { browser: copyOf(browser) } } : {}),
        ...(error === null ? {} : { error }),
      }
    },
    ask: async ({ browser: own = browser }, bundle, options) =>
      answerOf(await own.call('POST', `${the.url}/session/token`, { bundle, ...options }, headers)),
    call,
    logOut: (credentials, all) => call(credentials, 'DELETE', `/session${all ? '?all=true' : ''}`),
  }
}

function oauthPage({ id, origin }: { id: string; origin: string }, frontend: Frontend): Page {
  const browser = openBrowser(broker)
  const isOutside = (url: URL): boolean => url.origin === GOOGLE || url.origin === origin
  const ask: Page['ask'] = ({ refresh_token }, scope, { min_ttl, rejected }) =>
    frontend.ask(scope, {
      ...{ refresh_token, rejected },
      min_ttl: min_ttl === undefined ? undefined : String(min_ttl),
    })
  return {
    client: id,
    mode: 'oauth',
    bundles: id === 'journal' ? ['upload'] : ['pick', 'upload', 'album'],
    async leave(bundle) {
      const start = await frontend.authorizeUrl(bundle)
      const { url, response, text } = await browser.visit(start, {}, isOutside)
      if (url.origin === GOOGLE) return { at: url }
      return { answer: refusal(response, text, url.searchParams.get('error')) }
    },
    async returnFromGoogle(callback, closes) {
      const { url, response, text } = await browser.visit(callback, {}, isOutside)
      if (url.origin === GOOGLE) return { at: url }
      if (url.origin !== origin) return { answer: refusal(response, text) }
      const code = url.searchParams.get('code')
      if (code === null) return { error: url.searchParams.get('error') ?? '(none)' }
      if (closes) return { closed: true }
      const answer: Answer<object> = await frontend.redeem(code)
      if (answer.status !== 200) return { answer }
      const { refresh_token } = answer.body as { refresh_token?: string }
      return { answer, credentials: { refresh_token: refresh_token ?? '' } }
    },
    ask,
    async call(credentials, method, path) {
      const token = await ask(credentials, 'broker', {})
      if (token.status !== 200) return token
      const { access_token = '' } = token.body as { access_token?: string }
      return frontend.call<object>(method, path, { access_token })
    },
    logOut: ({ refresh_token }) =>
      frontend.post<object>('/revoke', { client_id: id, token: refresh_token }, { proof: null }),
  }
}

/** Opens another browser with the same cookies. */
function copyOf(browser: Browser): Browser {
  const copy = openBrowser(broker)
  for (const [host, cookies] of browser.jar) copy.jar.set(host, new Map(cookies))
  return copy
}

/** @returns an answer that is no redirect */
function refusal(response: Response, text: string, error: string | null = null): Answer<object> {
  const { status, headers } = response
  const isJson = headers.get('Content-Type')?.startsWith('application/json')
  const body = isJson ? (JSON.parse(text) as ErrorResponse) : { error: error ?? '(none)' }
  return { status, headers, body: body as Answer<object>['body'] }
}
