/** Tests of requirements of RFCs that no other test of OAuth mode covers. */

import { beforeEach, describe, expect, it } from 'vitest'
import { ALBUM_CLIENT, openIssuer } from '../support/app-issuer.ts'
import { answerOf, broker, subjectOf, the } from '../support/broker.ts'
import {
  configureClients,
  type Frontend,
  gallery,
  OAUTH_CLIENTS,
  openFrontend,
  sha256,
} from '../support/frontend.ts'
import { GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { aMinute, stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle
let frontend: Frontend

beforeEach(async () => {
  configureClients()
  google = simulateGoogle()
  frontend = await openFrontend()
})

/** Requests `/authorize`, without following the redirect. */
async function authorize(url: URL): Promise<{ status: number; location: URL | undefined }> {
  const { status, headers } = await broker(new Request(url, { redirect: 'manual' }))
  const location = headers.get('Location')
  return { status, location: location === null ? undefined : new URL(location) }
}

describe('the authorization endpoint', () => {
  it('ignores unknown parameters (RFC 6749 §3.1)', async () => {
    const { location } = await authorize(
      await frontend.authorizeUrl('pick', { nonce: 'n', audience: 'a', unknown: 'u' }),
    )
    expect(location?.origin).toBe(GOOGLE)
    expect(location?.href).not.toContain('unknown')
  })

  it.each(['state', 'prompt', 'dpop_jkt', 'response_mode', 'request_uri'])(
    'treats an empty %s as omitted (RFC 6749 §3.1)',
    async (name) => {
      const { location } = await authorize(await frontend.authorizeUrl('pick', { [name]: '' }))
      expect(location?.origin).toBe(GOOGLE)
    },
  )

  it.each(['scope', 'state', 'unknown'])(
    'reports a repeated %s to the redirect URI (RFC 6749 §4.1.2.1)',
    async (name) => {
      const url = await frontend.authorizeUrl('pick', { unknown: 'u' })
      url.searchParams.append(name, url.searchParams.get(name) ?? '')
      const { location } = await authorize(url)
      expect(location?.origin).toBe(gallery.origin)
      expect(location?.searchParams.get('error')).toBe('invalid_request')
    },
  )

  it('keeps the query of a redirect URI (RFC 6749 §3.1.2)', async () => {
    const redirect_uri = 'https://gallery.example/back?tab=my%20photos&flag'
    const client = { origins: [gallery.origin], redirect_uris: [redirect_uri] }
    configureClients({ gallery: client })
    const other = await openFrontend({ ...gallery, redirect_uri })
    const back = await other.consent(google, google.browse(), 'pick')
    expect(back.href.startsWith(`${redirect_uri}&`)).toBe(true)
    expect((await other.redeem(back.searchParams.get('code') ?? '')).status).toBe(200)
  })

  it('returns the state unchanged (RFC 6749 §4.1.2)', async () => {
    const state = ' %41+&=#?"\\~;/:@'
    const back = await frontend.consent(google, google.browse(), 'pick', { parameters: { state } })
    expect(back.searchParams.get('state')).toBe(state)
  })

  it('returns no state if none was sent (RFC 6749 §4.1.2)', async () => {
    const back = await frontend.consent(google, google.browse(), 'pick', {
      parameters: { state: undefined },
    })
    expect([...back.searchParams.keys()].sort()).toEqual(['code', 'iss'])
  })

  it('puts no token into a URL (RFC 9700 §2.1.2, §4.3.2)', async () => {
    const back = await frontend.consent(google, google.browse(), 'pick')
    const { body } = await frontend.redeem(back.searchParams.get('code') ?? '')
    for (const token of [body.access_token, body.refresh_token])
      expect(back.href).not.toContain(token)
    expect(back.hash).toBe('')
  })
})

describe('PKCE', () => {
  const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

  async function codeFor(code_challenge: string): Promise<string> {
    const parameters = { code_challenge }
    const back = await frontend.consent(google, google.browse(), 'pick', { parameters })
    return back.searchParams.get('code') ?? ''
  }

  it('accepts the verifier and challenge of RFC 7636 Appendix B', async () => {
    const code = await codeFor(CHALLENGE)
    expect((await frontend.redeem(code, { code_verifier: VERIFIER })).status).toBe(200)
  })

  it('does not accept the challenge as its own verifier, as plain would (RFC 7636 §4.6)', async () => {
    const code = await codeFor(CHALLENGE)
    const { body } = await frontend.redeem(code, { code_verifier: CHALLENGE })
    expect(body.error).toBe('invalid_grant')
  })

  it.each([
    { what: 'of the largest length', code_verifier: '~.-_'.repeat(32), status: 200 },
    { what: 'that is one character longer', code_verifier: 'x'.repeat(129), status: 400 },
    { what: 'with other characters', code_verifier: '+'.repeat(43), status: 400 },
    { what: 'with a line feed', code_verifier: `${'x'.repeat(43)}\n`, status: 400 },
  ])('answers a verifier $what with $status (RFC 7636 §4.1)', async ({ code_verifier, status }) => {
    const code = await codeFor(await sha256(code_verifier))
    expect((await frontend.redeem(code, { code_verifier })).status).toBe(status)
  })

  it('refuses a request without a method, which means plain (RFC 7636 §4.3, §4.4.1)', async () => {
    const { location } = await authorize(
      await frontend.authorizeUrl('pick', { code_challenge_method: undefined }),
    )
    expect(location?.searchParams.get('error')).toBe('invalid_request')
  })
})

describe('the token endpoint', () => {
  it.each([
    'password',
    'client_credentials',
    'urn:ietf:params:oauth:grant-type:device_code',
    'AUTHORIZATION_CODE',
  ])('does not support the grant type %s (RFC 6749 §5.2, RFC 9700 §2.4)', async (grant_type) => {
    const form = { grant_type, client_id: gallery.id, username: 'ada', password: 'x' }
    const { status, body } = await frontend.post('/token', form)
    expect([status, body.error]).toEqual([400, 'unsupported_grant_type'])
  })

  it('requires exactly one grant type (RFC 6749 §3.2)', async () => {
    for (const body of ['client_id=gallery', 'grant_type=refresh_token&grant_type=refresh_token']) {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const answer = await answerOf(
        await broker(new Request(`${the.url}/token`, { method: 'POST', headers, body })),
      )
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
    }
  })

  it('treats empty parameters as omitted, and ignores unknown ones (RFC 6749 §3.2)', async () => {
    await frontend.connect(google, 'pick')
    const { status, body } = await frontend.ask('', { min_ttl: '', rejected: '', unknown: 'x' })
    expect([status, body.scope]).toEqual([200, 'pick'])
  })

  it('uses the bundle of the session if scope is omitted (RFC 6749 §6)', async () => {
    await frontend.connect(google, 'pick')
    await frontend.connect(google, 'upload')
    const { body } = await frontend.ask('pick', { scope: undefined })
    expect(body).toMatchObject({ scope: 'upload', google_scope: the.upload })
  })

  it('forbids to store its answers, errors included (RFC 6749 §5.1)', async () => {
    const refused = await frontend.ask('pick', { refresh_token: 'x' })
    await frontend.connect(google, 'pick')
    const { status, headers } = await frontend.ask('pick')
    expect([refused.status, status]).toEqual([400, 200])
    expect(headers.get('Pragma')).toBe('no-cache')
    for (const answer of [refused.headers, headers]) {
      expect(answer.get('Cache-Control')).toBe('no-store')
      expect(answer.get('Content-Type')).toMatch(/^application\/json/)
    }
  })

  it('describes errors in the allowed characters (RFC 6749 §5.2)', async () => {
    for (const form of [{ grant_type: 'x' }, { scope: 'none' }, { refresh_token: 'x' }]) {
      const { body } = await frontend.ask('pick', form)
      expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
    }
  })
})

describe('revocation', () => {
  const revoke = (token: string | undefined, more: Record<string, string | undefined> = {}) =>
    frontend.post('/revoke', { token, client_id: gallery.id, ...more }, { proof: null })

  it.each(['access_token', 'unknown_type', undefined])(
    'revokes a refresh token with the hint %s (RFC 7009 §2.1)',
    async (token_type_hint) => {
      await frontend.connect(google, 'pick')
      expect((await revoke(frontend.refresh_token, { token_type_hint })).status).toBe(200)
      expect((await frontend.ask('broker')).body.error).toBe('invalid_grant')
    },
  )

  it('ends the session and its access tokens, by a token of either type (RFC 7009 §2.1)', async () => {
    const { stub } = await subjectOf(the.sub, gallery.id)
    for (const which of ['refresh_token', 'access_token'] as const) {
      const session = await openFrontend()
      await session.connect(google, 'pick')
      const { body } = await session.ask('broker')
      expect((await revoke(body[which])).status).toBe(200)
      await aMinute(stub)
      const { access_token } = body
      expect((await session.call('GET', '/session', { access_token })).status).toBe(401)
      expect((await session.ask('broker')).body.error).toBe('invalid_grant')
    }
  })

  it('requires a token and a client (RFC 7009 §2.1, RFC 6749 §3.2.1)', async () => {
    for (const { status, body } of [await revoke(undefined), await revoke('x', { client_id: '' })])
      expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})

describe('the metadata', () => {
  it('is not found at the path of another issuer (RFC 8414 §3.3)', async () => {
    const place = `${the.url}/.well-known/oauth-authorization-server`
    configureClients(OAUTH_CLIENTS, { BASE_URL: `${the.url}/photos-auth` })
    expect((await broker(new Request(place))).status).toBe(404)
    expect((await broker(new Request(`${place}/other`))).status).toBe(404)
  })
})

describe('a protected resource', () => {
  it('accepts no token in the query (RFC 9700 §4.3.2, RFC 6750 §2.3)', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const claims = { ath: await sha256(access_token) }
    const DPoP = await frontend.prove({ method: 'GET', path: '/session', claims })
    const url = `${the.url}/session?access_token=${access_token}`
    const headers = { DPoP, Origin: gallery.origin }
    expect((await broker(new Request(url, { headers }))).status).toBe(401)
  })

  it('accepts the scheme in any case (RFC 9110 §11.1)', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const claims = { ath: await sha256(access_token) }
    const DPoP = await frontend.prove({ method: 'GET', path: '/session', claims })
    const headers = { Authorization: `dpop ${access_token}`, DPoP }
    expect((await broker(new Request(`${the.url}/session`, { headers }))).status).toBe(200)
  })
})

describe('an app’s user', () => {
  const EXCHANGE = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  }

  async function open() {
    configureClients({ gallery: ALBUM_CLIENT, journal: OAUTH_CLIENTS.journal })
    const jwt = await (await openIssuer()).jwt('ada')
    return { jwt, headers: { Authorization: `Bearer ${jwt}` } }
  }

  async function push(
    headers: Record<string, string>,
    change: Record<string, string | undefined> = {},
    proof: object | null = null,
  ) {
    const { searchParams } = await frontend.authorizeUrl('pick', { dpop_jkt: undefined, ...change })
    const fields = Object.fromEntries(searchParams)
    return frontend.post<{ request_uri: string }>('/par', fields, { headers, proof })
  }

  async function consent(request_uri: string, more: Record<string, string> = {}): Promise<URL> {
    const browser = google.browse()
    const query = new URLSearchParams({ client_id: gallery.id, request_uri, ...more })
    const stop = ({ origin }: URL): boolean => origin !== the.url
    const start = await browser.visit(`${the.url}/authorize?${query}`, {}, stop)
    return (await browser.visit(await google.consent(start.url), {}, stop)).url
  }

  it('gets what was pushed, whatever other parameters the URL has (RFC 9126 §4, RFC 9101 §6.3)', async () => {
    const { headers } = await open()
    const { request_uri } = (await push(headers)).body
    const more = {
      redirect_uri: 'https://evil.example/',
      state: 'another',
      scope: 'upload',
      code_challenge: 'x'.repeat(43),
    }
    const back = await consent(request_uri, more)
    expect(back.origin).toBe(gallery.origin)
    expect(back.searchParams.get('state')).toBe('state-of-the-frontend')
    const code = back.searchParams.get('code') ?? ''
    const { body } = await frontend.redeem(code, {}, { headers, proof: null })
    expect(body.scope).toBe('pick')
  })

  it('gets errors of /par as JSON with no-store (RFC 9126 §2.3)', async () => {
    const { headers } = await open()
    const answer = await push(headers, { scope: 'none' })
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_scope'])
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    const good = await push(headers)
    expect([good.status, good.headers.get('Cache-Control')]).toEqual([201, 'no-store'])
  })

  it('can bind the code by a proof at /par (RFC 9449 §10.1)', async () => {
    const { headers } = await open()
    const { request_uri } = (await push(headers, {}, {})).body
    const code = (await consent(request_uri)).searchParams.get('code') ?? ''
    const thief = await openFrontend()
    const { code_verifier } = frontend
    const stolen = await thief.redeem(code, { code_verifier }, { headers })
    expect(stolen.body.error).toBe('invalid_grant')
    expect((await frontend.redeem(code, {}, { headers })).status).toBe(200)
  })

  it('is refused if the proof at /par has another key than dpop_jkt (RFC 9449 §10.1)', async () => {
    const { headers } = await open()
    const other = await openFrontend()
    const { status, body } = await push(headers, { dpop_jkt: other.jkt }, {})
    expect([status, body.error]).toEqual([400, 'invalid_dpop_proof'])
    expect((await push(headers, { dpop_jkt: frontend.jkt }, {})).status).toBe(201)
  })

  it.each(['subject_token', 'subject_token_type'])(
    'cannot exchange a token without %s (RFC 8693 §2.1)',
    async (name) => {
      const { jwt } = await open()
      const form = { ...EXCHANGE, subject_token: jwt, scope: 'pick', [name]: undefined }
      const { status, body } = await frontend.post('/token', form, { proof: null })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    },
  )
})
