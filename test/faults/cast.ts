/** This file is the cast: the pages of three kinds of frontend in both modes, and what a page can do at the broker. */

import type { ErrorResponse } from '../../src/protocol/http.ts'
import { SESSION_COOKIE_PREFIX } from '../../src/session/cookies.ts'
import { type Answer, answerOf, broker, the } from '../support/broker.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import {
  type Frontend,
  gallery,
  journal,
  openFrontend,
  type RequestChange,
} from '../support/frontend.ts'
import { GOOGLE } from '../support/simulated-google.ts'
import type { Bundle } from './steps.ts'

const STUDIO = 'https://studio.broker.example'

/** The entries of the cast in `CLIENTS`: two frontends per mode, one of which may only upload. */
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

/** Whose page it is; the number of a page is its place here. */
export const CAST = [
  { client: 'web', mode: 'cookie', origin: the.url },
  { client: 'web', mode: 'cookie', origin: the.url },
  { client: 'studio', mode: 'cookie', origin: STUDIO },
  { client: 'gallery', mode: 'oauth', origin: gallery.origin },
  { client: 'gallery', mode: 'oauth', origin: gallery.origin },
  { client: 'journal', mode: 'oauth', origin: journal.origin },
] as const

/** Scopes of the configured bundles, canonical. */
export const SCOPES: Record<Bundle, string> = {
  pick: the.pick,
  upload: the.upload,
  album: the.album,
}

/** What a page holds once it is logged in: a jar of cookies, or the broker's refresh token. */
export interface Credentials {
  browser?: Browser
  refresh_token?: string
  /** The code they came of, which will not do again. */
  code?: string
}

/** Where a person ended who came back from Google. */
export type Arrival =
  /** At Google once more. */
  | { at: URL }
  /** Nowhere: the page was closed with a code in its URL. */
  | { closed: true }
  /** At the page: with a new login, with an error, or with both after a partial consent. */
  | { credentials?: Credentials; error?: string; answer?: Answer<object> }

/** What may be said when a token is asked for. */
export interface Wish {
  min_ttl?: number | undefined
  rejected?: string | undefined
}

/** A page, open in a browser. */
export interface Page {
  readonly client: string
  readonly mode: 'cookie' | 'oauth'
  readonly bundles: readonly Bundle[]
  /** Sends its person to Google; or says why not. */
  leave(bundle: Bundle): Promise<{ at: URL } | { answer: Answer<object> }>
  /** Has its person come back with what Google said. */
  comeBack(callback: URL, closes: boolean): Promise<Arrival>
  ask(credentials: Credentials, bundle: Bundle, wish: Wish): Promise<Answer<object>>
  call(credentials: Credentials, method: string, path: string): Promise<Answer<object>>
  logOut(credentials: Credentials, all: boolean): Promise<Answer<object>>
  redeem(code: string): Promise<Answer<object>>
}

/** Opens the page of a number. */
export async function openPage(number: number): Promise<Page> {
  const { client, mode, origin } = CAST[number] ?? CAST[0]
  const browser = openBrowser(broker)
  const isAway = (url: URL): boolean =>
    url.origin === GOOGLE || (url.origin === origin && url.pathname === '/app')
  if (mode === 'cookie') return cookiePage(client, origin, browser, isAway)
  const registered = client === 'gallery' ? gallery : journal
  return oauthPage(registered, await openFrontend(registered), browser)
}

function cookiePage(
  client: string,
  origin: string,
  browser: Browser,
  isAway: (url: URL) => boolean,
): Page {
  const site = origin === the.url ? 'same-origin' : 'same-site'
  const headers = { Origin: origin, 'Sec-Fetch-Site': site }
  const cookie = SESSION_COOKIE_PREFIX + client
  const cookiesOf = ({ jar }: Browser): Map<string, string> =>
    jar.get(new URL(the.url).hostname) ?? new Map<string, string>()
  /** The session that an answer begins. */
  const sessionIn = ({ headers }: Response): string | undefined =>
    headers
      .getSetCookie()
      .filter((line) => line.startsWith(`${cookie}=`) && !/;\s*max-age=0/i.test(line))
      .map((line) => line.slice(cookie.length + 1).split(';')[0])[0]
  const call: Page['call'] = async ({ browser: theirs = browser }, method, path) =>
    answerOf(await theirs.call(method, the.url + path, undefined, headers))
  return {
    client,
    mode: 'cookie',
    bundles: ['pick', 'upload', 'album'],
    async leave(bundle) {
      const query = new URLSearchParams({ bundle, client, return_to: `${origin}/app` })
      const { url, response, text } = await browser.visit(`${the.url}/connect?${query}`, {}, isAway)
      return url.origin === GOOGLE ? { at: url } : { answer: refusal(response, text) }
    },
    async comeBack(callback) {
      const { url, response, text } = await browser.visit(callback, {}, isAway)
      if (url.origin === GOOGLE) return { at: url }
      if (!isAway(url)) return { answer: refusal(response, text) }
      const error = url.searchParams.get('error')
      const session = sessionIn(response)
      // Where two come back at once, whoever is noted last is logged in.
      if (session !== undefined) cookiesOf(browser).set(cookie, session)
      return {
        ...(session === undefined ? {} : { credentials: { browser: copyOf(browser) } }),
        ...(error === null ? {} : { error }),
      }
    },
    ask: async ({ browser: theirs = browser }, bundle, wish) =>
      answerOf(await theirs.call('POST', `${the.url}/session/token`, { bundle, ...wish }, headers)),
    call,
    logOut: (credentials, all) => call(credentials, 'DELETE', `/session${all ? '?all=true' : ''}`),
    redeem: () => Promise.reject(new Error('there are no codes in cookie mode')),
  }
}

function oauthPage(
  { id, origin }: { id: string; origin: string },
  frontend: Frontend,
  browser: Browser,
): Page {
  const isAway = (url: URL): boolean => url.origin === GOOGLE || url.origin === origin
  const ask = (
    refresh_token: string | undefined,
    scope: string,
    { min_ttl, rejected }: Wish = {},
  ): Promise<Answer<object>> =>
    frontend.ask(scope, {
      refresh_token,
      min_ttl: min_ttl === undefined ? undefined : String(min_ttl),
      rejected,
    })
  return {
    client: id,
    mode: 'oauth',
    bundles: id === 'journal' ? ['upload'] : ['pick', 'upload', 'album'],
    async leave(bundle) {
      const { url, response, text } = await browser.visit(
        await frontend.authorizeUrl(bundle),
        {},
        isAway,
      )
      if (url.origin === GOOGLE) return { at: url }
      return { answer: refusal(response, text, url.searchParams.get('error')) }
    },
    async comeBack(callback, closes) {
      const { url, response, text } = await browser.visit(callback, {}, isAway)
      if (url.origin === GOOGLE) return { at: url }
      if (url.origin !== origin) return { answer: refusal(response, text) }
      const code = url.searchParams.get('code')
      if (code === null) return { error: url.searchParams.get('error') ?? '(none)' }
      if (closes) return { closed: true }
      const answer: Answer<object> = await frontend.redeem(code)
      if (answer.status !== 200) return { answer }
      const { refresh_token } = answer.body as { refresh_token?: string }
      return { answer, credentials: { code, ...(refresh_token ? { refresh_token } : {}) } }
    },
    ask: ({ refresh_token }, bundle, wish) => ask(refresh_token, bundle, wish),
    async call({ refresh_token }, method, path) {
      const own = await ask(refresh_token, 'broker')
      if (own.status !== 200) return own
      const { access_token = '' } = own.body as { access_token?: string }
      const change: RequestChange & { access_token: string } = { access_token }
      return frontend.call<object>(method, path, change)
    },
    logOut: ({ refresh_token }) =>
      frontend.post<object>('/revoke', { client_id: id, token: refresh_token }, { proof: null }),
    redeem: (code) => frontend.redeem(code),
  }
}

/** Another browser with the same cookies, as a thief or a forgotten tab has it. */
function copyOf(browser: Browser): Browser {
  const copy = openBrowser(broker)
  for (const [host, cookies] of browser.jar) copy.jar.set(host, new Map(cookies))
  return copy
}

/** An answer that should have been a redirect. */
function refusal(response: Response, text: string, error: string | null = null): Answer<object> {
  const { status, headers } = response
  const isJson = headers.get('Content-Type')?.startsWith('application/json')
  const body = isJson ? (JSON.parse(text) as ErrorResponse) : { error: error ?? '(none)' }
  return { status, headers, body: body as Answer<object>['body'] }
}
