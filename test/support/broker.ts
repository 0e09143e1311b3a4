/** The broker in tests: canonical values, its HTTP interface, and a shortcut to a logged-in browser. */

import { env, exports } from 'cloudflare:workers'
import { expect } from 'vitest'
import { now } from '../../src/clock.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import type { ErrorResponse, SessionResponse, TokenResponse } from '../../src/protocol/http.ts'
import { scopeSet } from '../../src/scope/scopes.ts'
import { sealSession } from '../../src/session/session-cookie.ts'
import type { Consent } from '../../src/subject/grant.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { type Browser, type Internet, openBrowser } from './browser.ts'
import { inTests } from './worker.ts'

/** The canonical values; a test names only those it is about. */
export const the = {
  url: 'https://broker.example',
  client: 'default',
  bundle: 'pick',
  sub: '110248495921238986420',
  pick: 'https://www.googleapis.com/auth/photospicker.mediaitems.readonly',
  upload: 'https://www.googleapis.com/auth/photoslibrary.appendonly',
  album:
    'https://www.googleapis.com/auth/photoslibrary.appendonly https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata',
} as const

/** The scopes of the bundles that wrangler.toml configures. */
const SCOPES: Record<string, string> = { pick: the.pick, upload: the.upload, album: the.album }

/** @returns the configuration of the broker */
export function theConfig(): Config {
  return readConfig(inTests(env)).config
}

/** Sends a request to the broker. */
export const broker: Internet = async (request) => exports.default.fetch(request)

/** Opens a browser that reaches the broker and other hosts, by origin. */
export function browse(others: Record<string, Internet> = {}): Browser {
  return openBrowser(async (request) => {
    const { origin } = new URL(request.url)
    const internet = origin === the.url ? broker : others[origin]
    if (!internet) throw new Error(`no host is known at ${origin}`)
    return internet(request)
  })
}

/** Opens another browser with a copy of the cookies. */
export function copyOf(browser: Browser): Browser {
  const copy = browse()
  for (const [host, cookies] of browser.jar) copy.jar.set(host, new Map(cookies))
  return copy
}

/** The Durable Object of a subject. */
export async function subjectOf(
  sub: string = the.sub,
  client: string = the.client,
  issuer: string = theConfig().issuer,
): Promise<{ key: string; stub: DurableObjectStub<Subject> }> {
  const key = await theConfig().pseudonyms.subjectKey({ client, iss: issuer, sub })
  return { key, stub: env.SUBJECTS.getByName(key) as unknown as DurableObjectStub<Subject> }
}

/** Makes a consent that grants everything that was requested, with changes. */
export function consentTo(
  requested_scope: string = the.pick,
  { tokens, ...more }: Partial<Omit<Consent, 'tokens'>> & { tokens?: object } = {},
): Consent {
  return {
    ...{ sub: the.sub, requested_scope, began_at: now(), begins_session: true, ...more },
    tokens: {
      ...{ access_token: 'canary-access-token', refresh_token: 'canary-refresh-token' },
      ...{ expires_in: 3599, expires_at: now() + 3599, scope: requested_scope, ...tokens },
    },
  }
}

/** Brings a consent to the object of its subject; @returns the new session */
export async function beginSession(
  stub: DurableObjectStub<Subject>,
  consent: Consent,
): Promise<{ id: string; family_id: string }> {
  const accepted = await stub.acceptConsent(consent)
  if (!accepted.ok || !('session' in accepted.value) || !accepted.value.session)
    throw new Error('no session began')
  return accepted.value.session
}

/** Logs a browser in without Google, with a new grant of a bundle; @returns the browser */
export async function logIn(
  browser: Browser,
  {
    sub = the.sub as string,
    client = the.client as string,
    bundle = the.bundle as string,
    expires_in = 3599,
    access_token = 'canary-access-token',
    refresh_token = 'canary-refresh-token',
  } = {},
): Promise<Browser> {
  const config = theConfig()
  const { key, stub } = await subjectOf(sub, client)
  const scope = scopeSet((SCOPES[bundle] ?? bundle).split(' ')).join(' ')
  const tokens = { access_token, refresh_token, expires_in, expires_at: now() + expires_in }
  const { id } = await beginSession(stub, consentTo(scope, { sub, tokens }))
  const exp = now() + config.session_ttl_seconds
  const cookie = await sealSession(config, { ...{ id, client, sub, exp }, subject: key })
  const [name = '', value = ''] = (cookie.split(';')[0] ?? '').split('=')
  const jar = browser.jar.get(new URL(the.url).hostname) ?? new Map<string, string>()
  browser.jar.set(new URL(the.url).hostname, jar.set(name, value))
  return browser
}

/** Asks for a token as a frontend does. */
export async function ask(
  browser: Browser,
  body: object = { bundle: the.bundle },
  headers: Record<string, string> = {},
): Promise<Answer<TokenResponse>> {
  return answerOf(await browser.call('POST', `${the.url}/session/token`, body, headers))
}

/** Calls `GET /session`. */
export async function askSession(browser: Browser): Promise<Answer<SessionResponse>> {
  return answerOf(await browser.call('GET', `${the.url}/session`))
}

/** Calls `DELETE` on a path, such as `/session`; @returns the status */
export async function end(browser: Browser, path: string): Promise<number> {
  return (await browser.call('DELETE', the.url + path)).status
}

/** A response with its JSON body. */
export interface Answer<T> {
  status: number
  headers: Headers
  body: T & Partial<ErrorResponse>
}

/** Reads a response, whose body must be JSON or empty. */
export async function answerOf<T = unknown>(response: Response): Promise<Answer<T>> {
  const text = await response.text()
  if (text !== '') expect(response.headers.get('Content-Type')).toMatch(/^application\/json/)
  const { status, headers } = response
  return { status, headers, body: text === '' ? ({} as never) : JSON.parse(text) }
}
