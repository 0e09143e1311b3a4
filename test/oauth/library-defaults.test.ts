/** Tests of what OAuth libraries send by themselves: it is served, or answered so that they understand it. */

import { describe, expect, it } from 'vitest'
import { ALBUM_CLIENT, EXCHANGE, openIssuer } from '../support/app-issuer.ts'
import { broker, the } from '../support/broker.ts'
import { configureClients, gallery, OAUTH_CLIENTS, openFrontend } from '../support/frontend.ts'
import { codeFor, frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'
import { BEN, GOOGLE } from '../support/simulated-google.ts'
import { dumpKv } from '../support/story.ts'

stageOAuthMode()

const isOutside = ({ origin }: URL): boolean => origin !== the.url

describe('the metadata', () => {
  it.each(['openid-configuration', 'oauth-authorization-server'])(
    'is at /.well-known/%s, for scripts of any origin (RFC 8414 §5)',
    async (name) => {
      const headers = { Origin: 'https://anywhere.example' }
      const response = await broker(new Request(`${the.url}/.well-known/${name}`, { headers }))
      expect(response.headers.get('Access-Control-Allow-Origin')).toBe('*')
      expect(await response.json()).toMatchObject({
        issuer: the.url,
        response_modes_supported: ['query', 'fragment', 'web_message'],
        token_endpoint_auth_methods_supported: ['none'],
      })
    },
  )
})

describe('a scope', () => {
  it.each(['openid pick', 'pick offline_access', 'openid  profile email pick'])(
    '"%s" is the bundle pick, also at the token endpoint',
    async (scope) => {
      const code = await codeFor(frontend, scope)
      const { body } = await frontend.redeem(code)
      expect(body.scope).toBe('pick')
      frontend.refresh_token = body.refresh_token ?? ''
      expect((await frontend.ask(scope)).body.scope).toBe('pick')
    },
  )

  it.each([undefined, 'openid', 'pick upload', 'nothing'])('%j is invalid_scope', async (scope) => {
    const back = await frontend.consent(google, google.browse(), 'pick', { parameters: { scope } })
    expect(back.searchParams.get('error')).toBe('invalid_scope')
  })
})

describe('a code without DPoP', () => {
  it('gives an access token alone, and begins no session', async () => {
    const code = await codeFor(frontend, 'pick', { parameters: { dpop_jkt: undefined } })
    const { status, body } = await frontend.redeem(code, {}, { proof: null })
    expect(status).toBe(200)
    expect(Object.keys(body).sort()).toEqual([
      ...['access_token', 'expires_in', 'google_scope', 'scope', 'token_type'],
    ])
  })

  it('is refused if the request named a key', async () => {
    const { body } = await frontend.redeem(await codeFor(frontend), {}, { proof: null })
    expect(body.error).toBe('invalid_dpop_proof')
  })
})

describe('the header DPoP-Nonce', () => {
  it('comes with use_dpop_nonce and with success, and with no other error', async () => {
    const code = await codeFor(frontend)
    const first = await frontend.redeem(code, {}, { once: true })
    expect([first.body.error, first.headers.has('DPoP-Nonce')]).toEqual(['use_dpop_nonce', true])
    const redeemed = await frontend.redeem(code)
    expect(redeemed.headers.has('DPoP-Nonce')).toBe(true)
    frontend.refresh_token = redeemed.body.refresh_token ?? ''
    const refused = await frontend.ask('upload')
    expect(refused.body.error).toBe('consent_required')
    expect(refused.headers.has('DPoP-Nonce')).toBe(false)
  })
})

describe('PAR', () => {
  it('is served to a public client without a credential', async () => {
    const { searchParams } = await frontend.authorizeUrl('pick')
    const fields = Object.fromEntries(searchParams)
    const pushed = await frontend.post<{ request_uri: string }>('/par', fields, { proof: null })
    expect(pushed.status).toBe(201)
    const { request_uri } = pushed.body
    const query = new URLSearchParams({ client_id: gallery.id, request_uri })
    const start = await google.browse().visit(`${the.url}/authorize?${query}`, {}, isOutside)
    expect(start.url.origin).toBe(GOOGLE)
  })
})

describe('what refuses a grant', () => {
  it.each([
    { bundle: 'upload', error: 'consent_required' },
    { bundle: 'album', error: 'access_denied' },
  ])('is 400 at the token endpoint: $error (RFC 6749 §5.2)', async ({ bundle, error }) => {
    const { web, gallery: client } = OAUTH_CLIENTS
    configureClients({ web, gallery: { ...client, bundles: ['pick', 'upload'] } })
    await frontend.connect(google, 'pick')
    const { status, body } = await frontend.ask(bundle)
    expect([status, body.error]).toEqual([400, error])
  })
})

describe('prompt', () => {
  it.each(['document', 'iframe'])('none is interaction_required, in a %s', async (dest) => {
    const url = await frontend.authorizeUrl('pick', { prompt: 'none' })
    const init = { headers: { 'Sec-Fetch-Dest': dest, 'Sec-Fetch-Site': 'cross-site' } }
    const { url: back, response } = await google.browse().visit(url, init, isOutside)
    expect(back.origin).toBe(gallery.origin)
    expect(back.searchParams.get('error')).toBe('interaction_required')
    expect(response.headers.getSetCookie()).toEqual([])
  })

  it('none with web_message in a frame is answered by redirect, as no page is shown in frames', async () => {
    const url = await frontend.authorizeUrl('pick', {
      prompt: 'none',
      response_mode: 'web_message',
    })
    const init = { headers: { 'Sec-Fetch-Dest': 'iframe' } }
    const { url: back } = await google.browse().visit(url, init, isOutside)
    expect(back.searchParams.get('error')).toBe('interaction_required')
  })

  it('none beside a pushed request starts nothing in a frame, also for an approved key (TMB-09)', async () => {
    const browser = google.browse()
    await browser.visit(await frontend.authorizeUrl('pick'), {}, isOutside) // approves the key
    const { searchParams } = await frontend.authorizeUrl('pick')
    const fields = Object.fromEntries(searchParams)
    const { body } = await frontend.post<{ request_uri: string }>('/par', fields, { proof: null })
    const query = new URLSearchParams({
      client_id: gallery.id,
      prompt: 'none',
      request_uri: body.request_uri,
    })
    const init = { headers: { 'Sec-Fetch-Dest': 'iframe' } }
    const { response, url } = await browser.visit(`${the.url}/authorize?${query}`, init, isOutside)
    expect([response.status, url.origin]).toEqual([403, the.url])
  })

  it.each(['login', 'select_account', 'login consent'])(
    '%s lets the user choose',
    async (prompt) => {
      const url = await frontend.authorizeUrl('pick', { prompt })
      const { url: at } = await google.browse().visit(url, {}, isOutside)
      expect(at.searchParams.get('prompt')).toContain('select_account')
    },
  )
})

it('response_mode=fragment answers in the fragment', async () => {
  const parameters = { response_mode: 'fragment' }
  const back = await frontend.consent(google, google.browse(), 'pick', { parameters })
  const answer = new URLSearchParams(back.hash.slice(1))
  expect([back.search, answer.get('iss')]).toEqual(['', the.url])
  expect((await frontend.redeem(answer.get('code') ?? '')).status).toBe(200)
})

it('a redirect has no plus for a space, which some libraries do not read as one', async () => {
  const change = { cancel: true, parameters: { state: 'a b' } }
  const back = await frontend.consent(google, google.browse(), 'pick', change)
  expect(back.search).toContain('error_description=The%20user%20refused.&state=a%20b')
})

describe('the client', () => {
  const basic = (text: string) => ({ headers: { Authorization: `Basic ${btoa(text)}` } })

  it('can name itself by HTTP Basic with an empty password (RFC 6749 §2.3.1)', async () => {
    const form = { client_id: undefined, redirect_uri: undefined }
    const { status } = await frontend.redeem(await codeFor(frontend), form, basic('gallery:'))
    expect(status).toBe(200)
  })

  it.each(['gallery:secret', 'gallery', ':', 'other:'])('is refused by Basic %j', async (text) => {
    const { status, body } = await frontend.redeem(await codeFor(frontend), {}, basic(text))
    expect(status).toBe(400)
    expect(['invalid_request', 'invalid_grant']).toContain(body.error)
  })
})

it('POST /revoke answers an empty object, which libraries read', async () => {
  await frontend.connect(google, 'pick')
  const fields = { token: frontend.refresh_token, client_id: gallery.id }
  const { status, body } = await frontend.post('/revoke', fields, { proof: null })
  expect([status, body]).toEqual([200, {}])
})

it('connect_url is left out for users with a JWT, whose requests are pushed', async () => {
  configureClients({ gallery: ALBUM_CLIENT })
  const subject_token = await (await openIssuer()).jwt('ada')
  const form = { ...EXCHANGE, subject_token, scope: 'pick', client_id: gallery.id }
  const { body } = await frontend.post('/token', form, { proof: null })
  expect(body).toMatchObject({ error: 'consent_required', bundle: 'pick' })
  expect(body).not.toHaveProperty('connect_url')
})

describe('sessions', () => {
  it('a new consent with the same key ends the session before it', async () => {
    await frontend.connect(google, 'pick')
    const old = frontend.refresh_token
    await frontend.connect(google, 'upload')
    expect((await frontend.ask('pick')).status).toBe(200)
    frontend.refresh_token = old
    expect((await frontend.ask('pick')).body.error).toBe('invalid_grant')
  })

  it('a consent in another browser ends none', async () => {
    await frontend.connect(google, 'pick')
    await (await openFrontend()).connect(google, 'pick')
    expect((await frontend.ask('pick')).status).toBe(200)
  })

  it.each([
    { path: '/session', others: 200 },
    { path: '/session?all=true', others: 400 },
  ])('DELETE $path ends sessions in OAuth mode, too (TMB-94)', async ({ path, others }) => {
    const other = await openFrontend()
    await other.connect(google, 'pick')
    await frontend.connect(google, 'pick')
    expect((await frontend.call('DELETE', path)).status).toBe(204)
    expect((await frontend.ask('pick')).body.error).toBe('invalid_grant')
    expect((await other.ask('pick')).status).toBe(others)
  })
})

describe('a login_hint that is the sub of an account', () => {
  it('allows no other account, and nothing changes', async () => {
    const parameters = { login_hint: the.sub }
    const choice = { account: BEN, parameters }
    const back = await frontend.consent(google, google.browse(), 'pick', choice)
    expect(back.searchParams.get('error')).toBe('account_mismatch')
    expect(await dumpKv()).toEqual(new Map())
  })

  it('is only a hint where the user is to choose', async () => {
    const parameters = { login_hint: the.sub, prompt: 'select_account' }
    const back = await frontend.consent(google, google.browse(), 'pick', {
      account: BEN,
      parameters,
    })
    expect(back.searchParams.has('code')).toBe(true)
  })
})
