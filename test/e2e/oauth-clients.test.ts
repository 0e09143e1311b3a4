/** Independent OAuth client libraries and an independent OpenID provider against the production build. */

import { WWWAuthenticateChallengeError } from 'oauth4webapi'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenResponse } from '../../src/protocol/http.ts'
import type { Browser } from '../support/browser.ts'
import { type RunningIssuer, startIssuer } from './support/app-issuer.ts'
import { byOauth4webapi } from './support/by-oauth4webapi.ts'
import { byOpenidClient } from './support/by-openid-client.ts'
import {
  type DevBroker,
  newBrowser,
  PICK,
  sha256,
  startDevBroker,
  UPLOAD,
} from './support/dev-broker.ts'
import { frontendClients, openFrontend, refused, thrown } from './support/oauth-frontends.ts'
import type { OAuthLibrary } from './support/oauth-library.ts'
import { type RunningProvider, startProvider } from './support/provider.ts'
import { findPlace } from './support/start.ts'

const LIBRARIES: OAuthLibrary[] = [byOauth4webapi, byOpenidClient]

let provider: RunningProvider
let issuer: RunningIssuer
let broker: DevBroker

beforeAll(async () => {
  const place = await findPlace()
  provider = await startProvider(place)
  issuer = await startIssuer()
  const web = { origins: [`http://localhost:${place.port}`] }
  const CLIENTS = JSON.stringify({ web, ...frontendClients(issuer.settings) })
  broker = await startDevBroker(place, { ISSUER: provider.issuer, CLIENTS })
})

afterAll(async () => {
  for (const server of [broker, issuer, provider]) await server?.[Symbol.asyncDispose]()
})

const open = (library: OAuthLibrary, jwt?: string) =>
  openFrontend(library, { broker, provider }, jwt)

let users = 0

/** Names a new user. */
const newcomer = (): string => `user-${users++}`

describe.each(LIBRARIES)('$name', (library) => {
  it('discovers the broker (RFC 8414)', async () => {
    const { client } = await open(library)
    expect(client.metadata).toMatchObject({
      issuer: broker.url,
      token_endpoint: `${broker.url}/token`,
      dpop_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
    })
  })

  it('redeems a code with PKCE and DPoP, after a nonce challenge', async () => {
    const { client, consent, wire } = await open(library)
    const begun = await client.begin('pick')
    const back = await consent(begun, newcomer())
    const tokens = await client.redeem(begun, back)
    expect(tokens).toMatchObject({ scope: 'pick', google_scope: PICK })
    expect(tokens.token_type.toLowerCase()).toBe('bearer')
    expect(tokens.expires_in).toBeGreaterThan(3500)
    expect(tokens.refresh_token).toEqual(expect.any(String))
    expect(wire).toEqual(['POST /token 400', 'POST /token 200'])
    expect(await refused(client.redeem(begun, back))).toMatchObject({
      status: 400,
      body: { error: 'invalid_grant' },
    })
  })

  it('refreshes for two bundles, each from its own consent', async () => {
    const { client, connect } = await open(library)
    const login = newcomer()
    const first = await connect('pick', login)
    expect(await refused(client.refresh(first, 'upload'))).toMatchObject({
      status: 400,
      body: {
        error: 'consent_required',
        bundle: 'upload',
        reason: 'never_granted',
        missing_scope: UPLOAD,
        connect_url: `${broker.url}/authorize?client_id=gallery&scope=upload`,
      },
    })
    const second = await connect('upload', login)
    const pick = await client.refresh(second, 'pick')
    const upload = await client.refresh(second, 'upload')
    expect(pick).toMatchObject({ scope: 'pick', google_scope: PICK })
    expect(upload).toMatchObject({ scope: 'upload', google_scope: UPLOAD })
    expect(pick.access_token).not.toBe(upload.access_token)
    expect(await refused(client.refresh(first, 'pick'))).toMatchObject({
      body: { error: 'invalid_grant' }, // a new consent of the same key ends the session before it
    })
  })

  it('gets a new access token when the old one lives too short', async () => {
    const { client, connect } = await open(library)
    provider.access_token_seconds = 900
    const refresh_token = await connect('pick', newcomer())
    provider.access_token_seconds = 3600
    const before = provider.granted.length
    const old = await client.refresh(refresh_token, 'pick')
    expect(old.expires_in).toBeLessThanOrEqual(900)
    expect(provider.granted.slice(before)).toEqual([])
    const fresh = await client.refresh(refresh_token, 'pick', { min_ttl: '1200' })
    expect(fresh.access_token).not.toBe(old.access_token)
    expect(fresh.expires_in).toBeGreaterThan(3500)
    expect(provider.granted.slice(before)).toEqual(['refresh_token'])
  })

  it('calls the broker with a token bound to its key, which another key cannot use', async () => {
    const [owner, thief] = [await open(library), await open(library)]
    const login = newcomer()
    const refresh_token = await owner.connect('pick', login)
    const token = await owner.client.refresh(refresh_token, 'broker')
    expect(token).toMatchObject({ token_type: 'dpop', scope: 'broker' })
    expect([599, 600]).toContain(token.expires_in) // by a real clock
    const { access_token } = token
    const response = await owner.client.call(access_token, 'GET', `${broker.url}/session`)
    expect(response.status).toBe(200)
    expect(await response.json()).toMatchObject({
      sub: login,
      client: 'gallery',
      bundles: { pick: { status: 'ready' }, upload: { status: 'consent_required' } },
    })
    const error = await thrown(thief.client.call(access_token, 'GET', `${broker.url}/session`))
    expect(thief.wire).toEqual(['GET /session 401', 'GET /session 401']) // the first asks for a nonce
    expect(error).toBeInstanceOf(WWWAuthenticateChallengeError)
    expect((error as WWWAuthenticateChallengeError).cause).toMatchObject([
      { scheme: 'dpop', parameters: { error: 'invalid_token' } },
    ])
  })

  it('revokes its refresh token, which is refused from then on (RFC 7009)', async () => {
    const { client, connect } = await open(library)
    const refresh_token = await connect('pick', newcomer())
    await client.revoke(refresh_token)
    for (const scope of ['broker', 'upload'])
      expect(await refused(client.refresh(refresh_token, scope))).toMatchObject({
        status: 400,
        body: { error: 'invalid_grant' },
      })
    await client.revoke(refresh_token)
    await client.revoke('unknown')
  })

  it('receives access_denied when the user denies', async () => {
    const { client, deny, wire } = await open(library)
    const begun = await client.begin('pick')
    const back = await deny(begun)
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'access_denied',
      error_description: 'The user refused.',
      state: begun.state,
      iss: broker.url,
    })
    expect(await thrown(client.redeem(begun, back))).toMatchObject({
      name: 'AuthorizationResponseError',
      error: 'access_denied',
    })
    expect(wire).toEqual([])
  })

  it.each([
    { what: 'without iss', iss: undefined },
    { what: 'of another issuer', iss: 'https://evil.example' },
  ])('takes no code $what to the broker (RFC 9207 §2.4)', async ({ iss }) => {
    const { client, consent, wire } = await open(library)
    const begun = await client.begin('pick')
    const back = await consent(begun, newcomer())
    if (iss === undefined) back.searchParams.delete('iss')
    else back.searchParams.set('iss', iss)
    expect(await thrown(client.redeem(begun, back))).toBeInstanceOf(Error)
    expect(wire).toEqual([])
  })

  it('pushes, redeems, exchanges and disconnects for a user with a JWT', async () => {
    const jwt = await issuer.jwt(newcomer(), library === byOauth4webapi ? 'RS256' : 'ES256')
    const { client, consent, wire } = await open(library, jwt)
    expect(await refused(client.exchange(jwt, 'pick'))).toMatchObject({
      status: 400,
      body: { error: 'consent_required', reason: 'never_granted' },
    })
    const begun = await client.push('pick')
    expect([...begun.url.searchParams.keys()].sort()).toEqual(['client_id', 'request_uri'])
    const tokens = await client.redeem(begun, await consent(begun, newcomer()))
    expect(tokens).toMatchObject({ scope: 'pick', google_scope: PICK })
    expect(tokens).not.toHaveProperty('refresh_token')
    expect(await client.exchange(jwt, 'pick')).toMatchObject({
      scope: 'pick',
      google_scope: PICK,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    })
    const gone = await client.call(jwt, 'DELETE', `${broker.url}/grants`, true)
    expect(gone.status).toBe(204)
    expect(wire).toContain('POST /par 201')
  })

  it('receives a challenge for a wrong JWT (RFC 6750 §3)', async () => {
    const { client } = await open(library, 'x.y.z')
    const error = await thrown(client.push('pick'))
    expect(error).toBeInstanceOf(WWWAuthenticateChallengeError)
    expect((error as WWWAuthenticateChallengeError).cause).toMatchObject([
      { scheme: 'bearer', parameters: { error: 'invalid_token' } },
    ])
  })
})

describe('cookie mode against oidc-provider', () => {
  async function connectCookie(browser: Browser, bundle: string): Promise<URL> {
    const query = `bundle=${bundle}&client=web&return_to=/app`
    const page = await browser.visit(`${broker.url}/connect?${query}`)
    return (await provider.consent(browser, page, newcomer())).url
  }

  async function ask(browser: Browser, rejected?: string): Promise<[number, TokenResponse]> {
    const body = rejected === undefined ? {} : { rejected: await sha256(rejected) }
    const url = `${broker.url}/session/token`
    const response = await browser.call('POST', url, { bundle: 'pick', ...body })
    return [response.status, await response.json()]
  }

  it('refreshes with rotation, and takes a grant that the provider revoked for ended', async () => {
    const browser = newBrowser()
    expect((await connectCookie(browser, 'pick')).search).toBe('?connect=ok&bundle=pick')
    let [status, { access_token }] = await ask(browser)
    const before = provider.granted.length
    for (let round = 0; round < 3; round++) {
      const last = access_token
      ;[status, { access_token }] = await ask(browser, last)
      expect(status).toBe(200)
      expect(access_token).not.toBe(last)
    }
    expect(provider.granted.slice(before)).toEqual(Array(3).fill('refresh_token'))
    await provider.endAllGrants()
    expect(await ask(browser, access_token)).toMatchObject([
      403,
      { error: 'consent_required', reason: 'ended', likely_cause: 'revoked_by_user' },
    ])
  })
})
