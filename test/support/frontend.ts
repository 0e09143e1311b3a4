/** A frontend on another site: a plain OAuth client with a DPoP key, written from the RFCs and not from our code. */

import {
  base64url,
  calculateJwkThumbprint,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
  SignJWT,
} from 'jose'
import type { OAuthTokenResponse, SessionResponse } from '../../src/protocol/http.ts'
import type { UserChoice } from '../../src/simulator/user.ts'
import { type Answer, answerOf, broker, the } from './broker.ts'
import type { Browser } from './browser.ts'
import { GOOGLE, type SimulatedGoogle } from './simulated-google.ts'
import { configure } from './worker.ts'

/** The canonical OAuth-mode client and its page. */
export const gallery = {
  id: 'gallery',
  origin: 'https://gallery.example',
  redirect_uri: 'https://gallery.example/back',
} as const

/** A second one, which may only upload. */
export const journal = {
  id: 'journal',
  origin: 'https://journal.example',
  redirect_uri: 'https://journal.example/',
} as const

/** Their entries in `CLIENTS`, beside a cookie-mode client. */
export const OAUTH_CLIENTS = {
  web: { origins: [the.url] },
  [gallery.id]: { origins: [gallery.origin], redirect_uris: [gallery.redirect_uri] },
  [journal.id]: {
    origins: [journal.origin],
    redirect_uris: [journal.redirect_uri],
    bundles: ['upload'],
  },
}

/** Configures the clients of the broker. */
export function configureClients(clients: object = OAUTH_CLIENTS, more: object = {}): void {
  configure({ CLIENTS: clients, ...more })
}

/** How a proof differs from a valid one. */
export interface ProofChange {
  header?: object
  claims?: Record<string, unknown>
  /** Signs with another key than the header names. */
  key?: CryptoKey
}

/** How a request to the broker differs from a valid one. */
export interface RequestChange {
  /** Other headers; `undefined` removes one. */
  headers?: Record<string, string | undefined>
  /** `null`: no proof; text: this proof. */
  proof?: ProofChange | string | null
  /** Does not retry with a nonce. */
  once?: boolean
  /** A JSON body. */
  json?: unknown
}

/** A page of a client, with its own key. */
export interface Frontend {
  /** With its private part. */
  readonly key: JWK
  readonly jkt: string
  readonly code_verifier: string
  /** Makes the authorization request. */
  authorizeUrl(bundle: string, change?: Fields): Promise<URL>
  /** Sends a user through the consent; @returns the last URL of the browser */
  consent(google: SimulatedGoogle, browser: Browser, bundle: string, change?: Change): Promise<URL>
  /** Redeems a code. */
  redeem(code: string, form?: Fields, change?: RequestChange): Promise<Answer<OAuthTokenResponse>>
  /** Consents, redeems the code, and stores the refresh token. */
  connect(google: SimulatedGoogle, bundle: string, change?: Change): Promise<OAuthTokenResponse>
  /** Asks for a token of a bundle with the stored refresh token. */
  ask(bundle: string, form?: Fields, change?: RequestChange): Promise<Answer<OAuthTokenResponse>>
  /** Calls the broker with a token of scope `broker`. */
  call<T = SessionResponse>(
    method: string,
    path: string,
    change?: RequestChange & { access_token?: string },
  ): Promise<Answer<T>>
  /** Posts a form. */
  post<T = OAuthTokenResponse>(
    path: string,
    fields: Fields,
    change?: RequestChange,
  ): Promise<Answer<T>>
  /** Makes a proof; by default for `POST /token`, with the stored nonce. */
  prove(change?: ProofChange & { method?: string; path?: string }): Promise<string>
  refresh_token: string
  nonce: string | undefined
}

/** Parameters of a request; `undefined` leaves one out. */
export type Fields = Record<string, string | undefined>
type Change = UserChoice & { parameters?: Fields }

/** Opens a frontend, with a new key or one that it had before. */
export async function openFrontend(
  client: { id: string; origin: string; redirect_uri: string } = gallery,
  had?: JWK,
): Promise<Frontend> {
  const made = had ?? (await newKey())
  const { d: _private, ...jwk } = made
  const privateKey = await importJWK(made, 'ES256')
  const random = (): string => base64url.encode(crypto.getRandomValues(new Uint8Array(32)))

  const send = async (
    method: string,
    path: string,
    init: RequestInit,
    change: RequestChange,
  ): Promise<Answer<never>> => {
    const headers = new Headers({ Origin: client.origin, ...(init.headers as object) })
    for (const [name, value] of Object.entries(change.headers ?? {})) {
      if (value === undefined) headers.delete(name)
      else headers.set(name, value)
    }
    const { proof = {} } = change
    const bearer = headers.get('Authorization')?.replace(/^DPoP /, '')
    const ath = headers.get('Authorization')?.startsWith('DPoP ') ? await sha256(bearer ?? '') : ''
    if (typeof proof === 'string') headers.set('DPoP', proof)
    else if (proof !== null) {
      const claims = { ...(ath === '' ? {} : { ath }), ...proof.claims }
      headers.set('DPoP', await frontend.prove({ method, path, ...proof, claims }))
    }
    const answer = await answerOf<never>(
      await broker(new Request(the.url + path, { ...init, method, headers })),
    )
    frontend.nonce = answer.headers.get('DPoP-Nonce') ?? frontend.nonce
    const wantsNonce = (answer.body as { error?: string }).error === 'use_dpop_nonce'
    return wantsNonce && !change.once ? send(method, path, init, { ...change, once: true }) : answer
  }

  const frontend: Frontend = {
    key: made,
    jkt: await calculateJwkThumbprint(jwk),
    code_verifier: random(),
    refresh_token: '',
    nonce: undefined,
    async authorizeUrl(bundle, change = {}) {
      const parameters = {
        client_id: client.id,
        redirect_uri: client.redirect_uri,
        response_type: 'code',
        scope: bundle,
        state: 'state-of-the-frontend',
        code_challenge: await sha256(frontend.code_verifier),
        code_challenge_method: 'S256',
        dpop_jkt: frontend.jkt,
        ...change,
      }
      const url = new URL(`${the.url}/authorize`)
      url.search = encode(parameters).toString()
      return url
    },
    async consent(google, browser, bundle, { parameters = {}, ...choice } = {}) {
      const start = await frontend.authorizeUrl(bundle, parameters)
      const isBack = (url: URL): boolean => url.origin === client.origin
      const isGoogle = (url: URL): boolean => url.origin === GOOGLE
      const stop = (url: URL): boolean => isBack(url) || isGoogle(url)
      let page = await browser.visit(start, {}, stop)
      while (isGoogle(page.url))
        page = await browser.visit(await google.consent(page.url, choice), {}, stop)
      return page.url
    },
    redeem: (code, form = {}, change = {}) =>
      frontend.post(
        '/token',
        {
          ...{ grant_type: 'authorization_code', code, code_verifier: frontend.code_verifier },
          ...{ client_id: client.id, redirect_uri: client.redirect_uri, ...form },
        },
        change,
      ),
    async connect(google, bundle, change) {
      const back = await frontend.consent(google, google.browse(), bundle, change)
      const { status, body } = await frontend.redeem(back.searchParams.get('code') ?? '')
      if (status !== 200) throw new Error(`the code was answered with ${status} ${body.error}`)
      frontend.refresh_token = body.refresh_token ?? ''
      return body
    },
    ask: (bundle, form = {}, change = {}) =>
      frontend.post(
        '/token',
        {
          ...{ grant_type: 'refresh_token', refresh_token: frontend.refresh_token },
          ...{ client_id: client.id, scope: bundle, ...form },
        },
        change,
      ),
    async call(method, path, { access_token, ...change } = {}) {
      const token = access_token ?? (await frontend.ask('broker')).body.access_token
      const headers = { Authorization: `DPoP ${token}` }
      if (change.json === undefined) return send(method, path, { headers }, change)
      const typed = { ...headers, 'Content-Type': 'application/json' }
      return send(method, path, { headers: typed, body: JSON.stringify(change.json) }, change)
    },
    post(path, fields, change = {}) {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      return send('POST', path, { headers, body: encode(fields).toString() }, change)
    },
    async prove({ method = 'POST', path = '/token', header = {}, claims = {}, key } = {}) {
      const proof = {
        jti: crypto.randomUUID(),
        htm: method,
        htu: new URL(path, the.url).href.replace(/[?#].*/, ''),
        iat: Math.floor(Date.now() / 1000),
        ...(frontend.nonce === undefined ? {} : { nonce: frontend.nonce }),
        ...claims,
      }
      return new SignJWT(proof)
        .setProtectedHeader({ typ: 'dpop+jwt', alg: 'ES256', jwk, ...header })
        .sign(key ?? privateKey, { crit: { x: false } })
    },
  }
  return frontend
}

async function newKey(): Promise<JWK> {
  return exportJWK((await generateKeyPair('ES256', { extractable: true })).privateKey)
}

function encode(fields: Fields): URLSearchParams {
  const given = Object.entries(fields).filter(([, value]) => value !== undefined)
  return new URLSearchParams(given as [string, string][])
}

/** SHA-256 in base64url. */
export async function sha256(text: string): Promise<string> {
  return base64url.encode(
    new Uint8Array(await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))),
  )
}
