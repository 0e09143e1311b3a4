/** A user with a grant, in each of the three ways to authenticate; and holds on Google's token endpoint and on Web Crypto. */

import { vi } from 'vitest'
import type { Subject } from '../../src/subject/subject.ts'
import { ALBUM_CLIENT, type AppIssuer } from './app-issuer.ts'
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

export { until } from './hold.ts'

/** A cookie, a refresh token bound to a key, a user's JWT of an app. */
export const WAYS = ['cookie', 'oauth', 'jwt'] as const
type Way = (typeof WAYS)[number]

/** The client of those who come with a JWT. */
const talk = {
  id: 'talk',
  origin: 'https://talk.example',
  redirect_uri: 'https://talk.example/back',
} as const

/** Has the broker know a client for each way. */
export function configureWays(more: object = {}): void {
  const { origin, redirect_uri } = talk
  const entry = { ...ALBUM_CLIENT, origins: [origin], redirect_uris: [redirect_uri] }
  configureClients({ ...OAUTH_CLIENTS, [talk.id]: entry }, more)
}

/** Somebody with a credential. */
export interface Holder {
  way: Way
  /** Name in storage. */
  key: string
  stub: DurableObjectStub<Subject>
  /** Consents to a bundle. */
  connect(bundle: string): Promise<void>
  /** Sends the user off to consent, as far as the callback; @returns what delivers it, and what came of it. */
  depart(bundle: string): Promise<() => Promise<{ ok: boolean }>>
  ask(bundle?: string): Promise<Answer<{ access_token: string }>>
  /** Calls `DELETE` on a path; @returns the status. */
  end(path: string): Promise<number>
}

interface Stage {
  google: SimulatedGoogle
  issuer: AppIssuer
}

/** Makes a holder who has consented to nothing yet. */
export async function openHolder(
  way: Way,
  { google, issuer }: Stage,
  account: string = ADA,
): Promise<Holder> {
  if (way === 'cookie') return cookieHolder(google, account)
  const frontend = await openFrontend(way === 'jwt' ? talk : gallery)
  return way === 'oauth'
    ? sessionHolder(google, frontend, account)
    : userHolder({ google, issuer }, frontend, account)
}

async function cookieHolder(google: SimulatedGoogle, account: string): Promise<Holder> {
  const browser = google.browse()
  const depart: Holder['depart'] = async (bundle) => {
    const callback = await google.consent(await google.start(browser, bundle, '&client=web'), {
      account,
    })
    return async () => {
      const { searchParams } = await comeBack(google, browser, callback, account)
      return { ok: searchParams.get('connect') === 'ok' }
    }
  }
  return {
    way: 'cookie',
    ...(await subjectOf(account, 'web')),
    depart,
    connect: async (bundle) => expectOk(await (await depart(bundle))()),
    ask: async (bundle = the.bundle) => ask(browser, { bundle }),
    end: async (path) => (await browser.call('DELETE', the.url + path)).status,
  }
}

async function sessionHolder(
  google: SimulatedGoogle,
  frontend: Frontend,
  account: string,
): Promise<Holder> {
  const depart: Holder['depart'] = async (bundle) => {
    const deliver = await goAway(google, (await frontend.authorizeUrl(bundle)).href, account)
    return async () => {
      const code = await deliver()
      const { status, body } = await frontend.redeem(code)
      if (status === 200) frontend.refresh_token = body.refresh_token ?? ''
      return { ok: status === 200 }
    }
  }
  /** The last one it got, for when its refresh token is no longer taken. */
  let access_token = ''
  return {
    way: 'oauth',
    ...(await subjectOf(account, gallery.id)),
    depart,
    connect: async (bundle) => expectOk(await (await depart(bundle))()),
    ask: async (bundle = the.bundle) => frontend.ask(bundle),
    async end(path) {
      access_token = (await frontend.ask('broker')).body.access_token ?? access_token
      return (await frontend.call('DELETE', path, { access_token })).status
    },
  }
}

async function userHolder(
  { google, issuer }: Stage,
  frontend: Frontend,
  account: string,
): Promise<Holder> {
  const user = `user-${account}`
  const bearer = async () => ({
    proof: null,
    headers: { Authorization: `Bearer ${await issuer.jwt(user)}` },
  })
  const depart: Holder['depart'] = async (bundle) => {
    const { searchParams } = await frontend.authorizeUrl(bundle, { dpop_jkt: undefined })
    const fields = Object.fromEntries(searchParams)
    const pushed = await frontend.post<{ request_uri: string }>('/par', fields, await bearer())
    const query = new URLSearchParams({
      client_id: talk.id,
      request_uri: pushed.body.request_uri,
    })
    const deliver = await goAway(google, `${the.url}/authorize?${query}`, account)
    return async () => {
      const { status } = await frontend.redeem(await deliver(), {}, await bearer())
      return { ok: status === 200 }
    }
  }
  return {
    way: 'jwt',
    ...(await subjectOf(user, talk.id, ALBUM_CLIENT.issuer)),
    depart,
    connect: async (bundle) => expectOk(await (await depart(bundle))()),
    ask: async (bundle = the.bundle) =>
      frontend.post(
        '/token',
        {
          grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
          subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
          subject_token: await issuer.jwt(user),
          scope: bundle,
        },
        { proof: null },
      ),
    end: async (path) => (await frontend.call('DELETE', path, await bearer())).status,
  }
}

/** Sends a browser to consent; @returns what delivers its callback, and finds the code that comes of it. */
async function goAway(
  google: SimulatedGoogle,
  start: string,
  account: string,
): Promise<() => Promise<string>> {
  const browser = google.browse()
  const isAway = ({ origin }: URL): boolean => origin !== the.url
  const callback = await google.consent((await browser.visit(start, {}, isAway)).url, { account })
  return async () => {
    const { searchParams } = await comeBack(google, browser, callback, account)
    return searchParams.get('code') ?? 'none'
  }
}

/** Delivers a callback, and consents once more where Google had no refresh token to send. */
async function comeBack(
  google: SimulatedGoogle,
  browser: Browser,
  callback: URL,
  account: string,
): Promise<URL> {
  const isElsewhere = ({ origin, pathname }: URL): boolean =>
    origin !== the.url || pathname === '/app'
  const { url } = await browser.visit(callback, {}, isElsewhere)
  if (url.origin !== GOOGLE) return url
  return (await browser.visit(await google.consent(url, { account }), {}, isElsewhere)).url
}

function expectOk({ ok }: { ok: boolean }): void {
  if (!ok) throw new Error('the consent came to nothing')
}

/** What the token endpoint is asked for. */
type GrantType = 'authorization_code' | 'refresh_token'

/** The token endpoint, holding calls or answering something else. */
export interface Gate extends Omit<Hold, 'pass' | 'release'> {
  /** Lets all calls go on; with this answer, if one is given. */
  release(answer?: () => Response): void
}

/** Holds the requests of a grant type until they are released. Open, it only counts. */
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

/** Holds what a primitive of Web Crypto does from now on, until it is released. */
export function holdCrypto(primitive: 'encrypt' | 'decrypt' | 'sign'): Omit<Hold, 'pass'> {
  const work = crypto.subtle[primitive].bind(crypto.subtle) as (...args: unknown[]) => unknown
  const hold = createHold()
  vi.spyOn(crypto.subtle, primitive).mockImplementation(async (...args: unknown[]) => {
    await hold.pass()
    return work(...args) as never
  })
  return hold
}
