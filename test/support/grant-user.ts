/** A user with a grant, for each of the three authentication methods; and holds on Google's token endpoint and on Web Crypto. */

import { vi } from 'vitest'
import type { Subject } from '../../src/subject/subject.ts'
import { ALBUM_CLIENT, type AppIssuer, EXCHANGE } from './app-issuer.ts'
import { type Answer, ask, subjectOf, the } from './broker.ts'
import type { Browser } from './browser.ts'
import {
  configureClients,
  type Frontend,
  gallery,
  OAUTH_CLIENTS,
  openFrontend,
} from './frontend.ts'
import { createHold, type Hold } from './hold.ts'
import { intercept } from './internet.ts'
import { ADA, GOOGLE, type SimulatedGoogle } from './simulated-google.ts'

/** The methods: a session cookie, a refresh token bound to a key, a JWT of the app's user. */
export const AUTH_METHODS = ['cookie', 'oauth', 'jwt'] as const
type AuthMethod = (typeof AUTH_METHODS)[number]

/** The client whose users have a JWT. */
export const talk = {
  id: 'talk',
  origin: 'https://talk.example',
  redirect_uri: 'https://talk.example/back',
} as const

/** Configures a client for each method. */
export function configureAuthMethods(more: object = {}): void {
  const { origin, redirect_uri } = talk
  const entry = { ...ALBUM_CLIENT, origins: [origin], redirect_uris: [redirect_uri] }
  configureClients({ ...OAUTH_CLIENTS, [talk.id]: entry }, more)
}

/** A user at a client. */
export interface GrantUser {
  method: AuthMethod
  /** Its name in storage. */
  key: string
  stub: DurableObjectStub<Subject>
  /** Consents to a bundle. */
  connect(bundle: string): Promise<void>
  /** Consents up to the callback; @returns a function that delivers the callback */
  startConsent(bundle: string): Promise<() => Promise<{ ok: boolean }>>
  ask(bundle?: string): Promise<Answer<{ access_token: string }>>
  /** Calls `DELETE` on a path; @returns the status. */
  end(path: string): Promise<number>
}

interface Hosts {
  google: SimulatedGoogle
  issuer: AppIssuer
}

/** Opens a user without a grant. */
export async function openGrantUser(
  method: AuthMethod,
  { google, issuer }: Hosts,
  account: string = ADA,
): Promise<GrantUser> {
  if (method === 'cookie') return openCookieUser(google, account)
  const frontend = await openFrontend(method === 'jwt' ? talk : gallery)
  return method === 'oauth'
    ? openOAuthUser(google, frontend, account)
    : openJwtUser({ google, issuer }, frontend, account)
}

async function openCookieUser(google: SimulatedGoogle, account: string): Promise<GrantUser> {
  const browser = google.browse()
  const startConsent: GrantUser['startConsent'] = async (bundle) => {
    const callback = await google.consent(await google.start(browser, bundle, '&client=web'), {
      account,
    })
    return async () => {
      const { searchParams } = await deliverCallback(google, browser, callback, account)
      return { ok: searchParams.get('connect') === 'ok' }
    }
  }
  return {
    method: 'cookie',
    ...(await subjectOf(account, 'web')),
    ...consentBy(startConsent),
    ask: async (bundle = the.bundle) => ask(browser, { bundle }),
    end: async (path) => (await browser.call('DELETE', the.url + path)).status,
  }
}

async function openOAuthUser(
  google: SimulatedGoogle,
  frontend: Frontend,
  account: string,
): Promise<GrantUser> {
  const startConsent: GrantUser['startConsent'] = async (bundle) => {
    const deliver = await consentUpToCallback(
      google,
      (await frontend.authorizeUrl(bundle)).href,
      account,
    )
    return async () => {
      const code = await deliver()
      const { status, body } = await frontend.redeem(code)
      if (status === 200) frontend.refresh_token = body.refresh_token ?? ''
      return { ok: status === 200 }
    }
  }
  /** The last one, for calls after the refresh token has ended. */
  let access_token = ''
  return {
    method: 'oauth',
    ...(await subjectOf(account, gallery.id)),
    ...consentBy(startConsent),
    ask: async (bundle = the.bundle) => frontend.ask(bundle),
    async end(path) {
      access_token = (await frontend.ask('broker')).body.access_token ?? access_token
      return (await frontend.call('DELETE', path, { access_token })).status
    },
  }
}

async function openJwtUser(
  { google, issuer }: Hosts,
  frontend: Frontend,
  account: string,
): Promise<GrantUser> {
  const user = `user-${account}`
  const bearer = async () => ({
    proof: null,
    headers: { Authorization: `Bearer ${await issuer.jwt(user)}` },
  })
  const startConsent: GrantUser['startConsent'] = async (bundle) => {
    const { searchParams } = await frontend.authorizeUrl(bundle, { dpop_jkt: undefined })
    const fields = Object.fromEntries(searchParams)
    const pushed = await frontend.post<{ request_uri: string }>('/par', fields, await bearer())
    const query = new URLSearchParams({
      client_id: talk.id,
      request_uri: pushed.body.request_uri,
    })
    const deliver = await consentUpToCallback(google, `${the.url}/authorize?${query}`, account)
    return async () => {
      const { status } = await frontend.redeem(await deliver(), {}, await bearer())
      return { ok: status === 200 }
    }
  }
  return {
    method: 'jwt',
    ...(await subjectOf(user, talk.id, ALBUM_CLIENT.issuer)),
    ...consentBy(startConsent),
    ask: async (bundle = the.bundle) =>
      frontend.post(
        '/token',
        { ...EXCHANGE, subject_token: await issuer.jwt(user), scope: bundle },
        { proof: null },
      ),
    end: async (path) => (await frontend.call('DELETE', path, await bearer())).status,
  }
}

/** Consents in a new browser; @returns a function that delivers the callback and returns the code */
async function consentUpToCallback(
  google: SimulatedGoogle,
  start: string,
  account: string,
): Promise<() => Promise<string>> {
  const browser = google.browse()
  const isOutside = ({ origin }: URL): boolean => origin !== the.url
  const callback = await google.consent((await browser.visit(start, {}, isOutside)).url, {
    account,
  })
  return async () => {
    const { searchParams } = await deliverCallback(google, browser, callback, account)
    return searchParams.get('code') ?? 'none'
  }
}

/** Delivers a callback, and consents again if the broker sends the user back for a refresh token. */
async function deliverCallback(
  google: SimulatedGoogle,
  browser: Browser,
  callback: URL,
  account: string,
): Promise<URL> {
  const isOutside = ({ origin, pathname }: URL): boolean =>
    origin !== the.url || pathname === '/app'
  const { url } = await browser.visit(callback, {}, isOutside)
  if (url.origin !== GOOGLE) return url
  return (await browser.visit(await google.consent(url, { account }), {}, isOutside)).url
}

function consentBy(
  startConsent: GrantUser['startConsent'],
): Pick<GrantUser, 'connect' | 'startConsent'> {
  return {
    startConsent,
    async connect(bundle) {
      const deliver = await startConsent(bundle)
      if (!(await deliver()).ok) throw new Error('the consent failed')
    },
  }
}

type GrantType = 'authorization_code' | 'refresh_token'

/** A hold on the token endpoint. */
export interface Gate extends Omit<Hold, 'pass' | 'release'> {
  /** Releases all calls, with another answer if one is given. */
  release(answer?: () => Response): void
}

/** Holds the requests of a grant type until they are released; with `isHeld` false it only counts them. */
export function gate(grant_type: GrantType, isHeld = true): Gate {
  const hold = createHold({ isOpen: !isHeld })
  let answering: (() => Response) | undefined
  intercept(async (request, next) => {
    const body = request.method === 'POST' ? await request.clone().text() : ''
    if (new URLSearchParams(body).get('grant_type') !== grant_type) return next(request)
    await hold.pass()
    return answering ? answering() : next(request)
  })
  return {
    calls: hold.calls,
    arrived: hold.arrived,
    release(answer) {
      answering = answer
      hold.release()
    },
  }
}

/** Holds a primitive of Web Crypto from now on, until it is released. */
export function holdCrypto(primitive: 'encrypt' | 'decrypt' | 'sign'): Omit<Hold, 'pass'> {
  const work = crypto.subtle[primitive].bind(crypto.subtle) as (...args: unknown[]) => unknown
  const hold = createHold()
  vi.spyOn(crypto.subtle, primitive).mockImplementation(async (...args: unknown[]) => {
    await hold.pass()
    return work(...args) as never
  })
  return hold
}
