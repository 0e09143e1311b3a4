/** Attacks on OAuth mode; those on the callback are in test/flow/callback.test.ts, those with JWTs in app-jwt.test.ts. */

import { runInDurableObject } from 'cloudflare:test'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { answerOf, broker, subjectOf, the } from '../support/broker.ts'
import {
  configureClients,
  type Frontend,
  gallery,
  journal,
  OAUTH_CLIENTS,
  openFrontend,
} from '../support/frontend.ts'
import { BEN, GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { alarm, dumpKv, later, stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle
let frontend: Frontend

beforeEach(async () => {
  configureClients()
  google = simulateGoogle()
  frontend = await openFrontend()
})

async function codeFor(who: Frontend, bundle = 'pick', account?: string): Promise<string> {
  const choice = account === undefined ? {} : { account }
  const back = await who.consent(google, google.browse(), bundle, choice)
  return back.searchParams.get('code') ?? ''
}

describe('a start link of an attacker', () => {
  it('gives the attacker nothing, even with the code, and begins no session for a victim', async () => {
    const attacker = await openFrontend()
    const code = await codeFor(attacker, 'pick', BEN)
    const victim = await openFrontend()
    expect((await victim.redeem(code)).body.error).toBe('invalid_grant')
    expect(await dumpKv()).toEqual(new Map())
  })

  it('earlier grants of the user survive when a pending grant is dropped', async () => {
    configureClients({ gallery: OAUTH_CLIENTS.gallery })
    await frontend.connect(google, 'pick')
    await codeFor(await openFrontend(), 'upload')
    later(61)
    await alarm((await subjectOf(the.sub, gallery.id)).stub)
    expect(google.calls('revoke')).toBe(0)
    later(3600)
    expect((await frontend.ask('pick')).status).toBe(200)
    expect((await frontend.ask('upload')).body.error).toBe('consent_required')
  })

  it('a navigation from another site without a click is confirmed first (TMB-09)', async () => {
    const headers = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'document' }
    const url = await frontend.authorizeUrl('pick')
    const { response, text } = await google.browse().visit(url, { headers })
    expect(response.status).toBe(200)
    expect(text).toContain('gallery.example')
    const clicked = { headers: { ...headers, 'Sec-Fetch-User': '?1' } }
    const went = await google.browse().visit(url, clicked, ({ origin }) => origin === GOOGLE)
    expect(went.url.origin).toBe(GOOGLE)
  })

  it.each(['iframe', 'frame', 'image', 'empty'])('is refused in a %s (TMB-09)', async (dest) => {
    const headers = { 'Sec-Fetch-Dest': dest }
    const page = await google.browse().visit(await frontend.authorizeUrl('pick'), { headers })
    expect([page.response.status, page.redirects]).toEqual([403, []])
  })
})

describe('code injection', () => {
  it('a code is redeemed once, and its reuse ends the session (RFC 6749 §4.1.2)', async () => {
    const code = await codeFor(frontend)
    const { body } = await frontend.redeem(code)
    frontend.refresh_token = body.refresh_token ?? ''
    expect((await frontend.ask('broker')).status).toBe(200)
    expect((await frontend.redeem(code)).body.error).toBe('invalid_grant')
    expect((await frontend.ask('broker')).body.error).toBe('invalid_grant')
  })

  it('a code that is redeemed fifty times at once is accepted at most once', async () => {
    const code = await codeFor(frontend)
    await frontend.redeem('x')
    const answers = await Promise.all(Array.from({ length: 50 }, async () => frontend.redeem(code)))
    expect(answers.filter(({ status }) => status === 200).length).toBeLessThanOrEqual(1)
    expect(answers.filter(({ body }) => body.error === 'invalid_grant').length).toBeGreaterThan(48)
    const { stub } = await subjectOf(the.sub, gallery.id)
    const sessions = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec('SELECT * FROM sessions').toArray(),
    )
    expect(sessions).toEqual([])
  })

  it('a code expires after a minute', async () => {
    const code = await codeFor(frontend)
    later(61)
    expect((await frontend.redeem(code)).body.error).toBe('invalid_grant')
  })

  it.each([
    { what: 'another verifier', form: { code_verifier: 'x'.repeat(43) } },
    { what: 'another redirect URI', form: { redirect_uri: 'https://gallery.example/other' } },
    { what: 'another client', form: { client_id: journal.id } },
  ])('a stolen code with $what is refused', async ({ form }) => {
    const code = await codeFor(frontend)
    const origin = form.client_id ? journal.origin : gallery.origin
    const { body } = await frontend.redeem(code, form, { headers: { Origin: origin } })
    expect(body.error).toBe('invalid_grant')
    expect((await frontend.redeem(code)).status).toBe(200)
  })

  it.each([
    { what: 'no verifier', form: { code_verifier: undefined } },
    { what: 'no redirect URI', form: { redirect_uri: undefined } },
    { what: 'a cookie-mode client', form: { client_id: 'web' } },
  ])('a code with $what is an invalid request', async ({ form }) => {
    const code = await codeFor(frontend)
    expect((await frontend.redeem(code, form)).body.error).toBe('invalid_request')
  })

  it('a stolen code and verifier are refused with another key (RFC 9449 §10)', async () => {
    const code = await codeFor(frontend)
    const thief = await openFrontend()
    const { code_verifier } = frontend
    expect((await thief.redeem(code, { code_verifier })).body.error).toBe('invalid_grant')
    expect((await frontend.redeem(code)).status).toBe(200)
  })

  it('without dpop_jkt, the session is bound to the key that redeems the code', async () => {
    const back = await frontend.consent(google, google.browse(), 'pick', {
      parameters: { dpop_jkt: undefined },
    })
    const { body } = await frontend.redeem(back.searchParams.get('code') ?? '')
    frontend.refresh_token = body.refresh_token ?? ''
    const thief = await openFrontend()
    thief.refresh_token = frontend.refresh_token
    expect((await thief.ask('pick')).body.error).toBe('invalid_grant')
    expect((await frontend.ask('pick')).status).toBe(200)
  })

  it.each([{ code_challenge_method: 'plain' }, { code_challenge: undefined }])(
    'a request with %j is refused (RFC 9700 §2.1.1)',
    async (parameters) => {
      const back = await frontend.consent(google, google.browse(), 'pick', { parameters })
      expect(back.searchParams.get('error')).toBe('invalid_request')
      expect(google.calls('token')).toBe(0)
    },
  )
})

describe('mix-up', () => {
  it('every response has the issuer, errors included (RFC 9207 §2)', async () => {
    const ok = await frontend.consent(google, google.browse(), 'pick')
    const no = await frontend.consent(google, google.browse(), 'pick', { cancel: true })
    const bad = await frontend.consent(google, google.browse(), 'nothing')
    for (const url of [ok, no, bad]) expect(url.searchParams.get('iss')).toBe(the.url)
  })
})

describe('an open redirect', () => {
  it.each([
    'https://evil.example/back',
    'https://gallery.example/back/',
    'https://gallery.example/back?x=1',
    'https://gallery.example/other/../back',
    'https://gallery.example.evil.example/back',
    'http://gallery.example/back',
    'javascript:alert(1)',
    journal.redirect_uri,
    undefined,
  ])('redirect_uri %j is not redirected to (TMB-68; RFC 9700 §2.1)', async (redirect_uri) => {
    const start = await frontend.authorizeUrl('pick', { redirect_uri })
    const page = await google.browse().visit(start)
    expect([page.response.status, page.redirects]).toEqual([400, []])
  })

  it('an unknown client or a cookie-mode client is not redirected to', async () => {
    for (const client_id of ['unknown', 'web', '__proto__', 'constructor', undefined]) {
      const page = await google.browse().visit(await frontend.authorizeUrl('pick', { client_id }))
      expect([page.response.status, page.redirects]).toEqual([400, []])
    }
  })

  it.each(['redirect_uri', 'client_id'])('a repeated %s is not redirected to', async (name) => {
    const start = await frontend.authorizeUrl('pick')
    start.searchParams.append(name, start.searchParams.get(name) ?? '')
    expect((await google.browse().visit(start)).redirects).toEqual([])
  })

  it.each([
    {
      what: 'a response type that is not code',
      change: { response_type: 'token' },
      error: 'unsupported_response_type',
    },
    { what: 'no response type', change: { response_type: undefined }, error: 'invalid_request' },
    { what: 'a fragment', change: { response_mode: 'fragment' }, error: 'invalid_request' },
    { what: 'a request object', change: { request: 'x' }, error: 'invalid_request' },
    { what: 'the reserved bundle', change: { scope: 'broker' }, error: 'invalid_scope' },
    { what: 'no bundle', change: { scope: undefined }, error: 'invalid_request' },
    { what: 'a prompt we do not know', change: { prompt: 'none' }, error: 'invalid_request' },
    { what: 'a key that is none', change: { dpop_jkt: 'x' }, error: 'invalid_request' },
  ])('$what is reported to the redirect URI (RFC 6749 §4.1.2.1)', async ({ change, error }) => {
    const back = await frontend.consent(google, google.browse(), 'pick', { parameters: change })
    expect(back.origin + back.pathname).toBe(gallery.redirect_uri)
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error,
      state: 'state-of-the-frontend',
      iss: the.url,
    })
    expect(google.calls('token')).toBe(0)
  })

  it.each([
    { what: 'too long', state: 'x'.repeat(513) },
    { what: 'with control characters', state: 'a\r\nb' },
  ])('a state that is $what is not returned', async ({ state }) => {
    const back = await frontend.consent(google, google.browse(), 'pick', { parameters: { state } })
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'invalid_request',
      iss: the.url,
    })
  })
})

describe('CORS and CSRF', () => {
  const ORIGINS = [
    'null',
    'https://evil.example',
    'https://gallery.example:8443',
    'https://GALLERY.example',
    'https://gallery.example.evil.example',
    the.url,
  ]
  const PATHS = ['/token', '/par', '/revoke']

  it.each(ORIGINS)(
    'a request from %s is refused without CORS headers (TMB-35, TMB-36)',
    async (origin) => {
      await frontend.connect(google, 'pick')
      const { access_token } = (await frontend.ask('broker')).body
      const headers = { Origin: origin }
      const outbound = vi.mocked(fetch).mock.calls.length
      for (const answer of [
        await frontend.ask('pick', {}, { headers }),
        await frontend.redeem('x', {}, { headers }),
        await frontend.post(
          '/revoke',
          { token: frontend.refresh_token, client_id: gallery.id },
          { headers },
        ),
        ...(origin === the.url
          ? []
          : [await frontend.call('DELETE', '/grants', { access_token, headers })]),
      ]) {
        expect([answer.status, answer.body.error]).toEqual([403, 'access_denied'])
        expect(answer.headers.has('Access-Control-Allow-Origin')).toBe(false)
      }
      expect(vi.mocked(fetch).mock.calls).toHaveLength(outbound)
      expect((await frontend.ask('pick')).status).toBe(200)
    },
  )

  it.each(PATHS)('a preflight of another origin to %s is refused', async (path) => {
    const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' }
    const answer = await broker(new Request(the.url + path, { method: 'OPTIONS', headers }))
    expect(answer.status).toBe(403)
    expect(answer.headers.has('Access-Control-Allow-Origin')).toBe(false)
  })

  it.each([...PATHS, '/session', '/grants', '/grants/pick'])(
    'a preflight of the client’s origin to %s gets a fixed list without credentials (TMB-35, TMB-39)',
    async (path) => {
      const { status, headers } = await broker(
        new Request(the.url + path, {
          method: 'OPTIONS',
          headers: {
            Origin: gallery.origin,
            'Access-Control-Request-Method': 'POST',
            'Access-Control-Request-Headers': 'x-evil',
          },
        }),
      )
      expect(status).toBe(204)
      expect(headers.get('Access-Control-Allow-Origin')).toBe(gallery.origin)
      expect(headers.get('Access-Control-Allow-Headers')).toBe('Authorization, Content-Type, DPoP')
      expect(headers.get('Access-Control-Max-Age')).toBe('600')
      expect(headers.has('Access-Control-Allow-Credentials')).toBe(false)
    },
  )

  it('the origin of an OAuth client cannot use cookie mode (TMB-39)', async () => {
    const headers = { Origin: gallery.origin, 'Access-Control-Request-Method': 'POST' }
    const url = `${the.url}/session/token`
    expect((await broker(new Request(url, { method: 'OPTIONS', headers }))).status).toBe(403)
    const answer = await answerOf(await broker(new Request(url, { method: 'POST', headers })))
    expect(answer.status).toBe(403)
    expect(answer.headers.has('Access-Control-Allow-Origin')).toBe(false)
  })

  it.each(PATHS)('at %s an unknown origin is refused before its body is read', async (path) => {
    const headers = { Origin: 'https://evil.example', 'Content-Type': 'text/plain' }
    const { status } = await frontend.post(path, {}, { headers, proof: null })
    expect(status).toBe(403)
  })

  it('one client cannot revoke a token of another (RFC 7009 §2.1)', async () => {
    await frontend.connect(google, 'pick')
    const form = { token: frontend.refresh_token, client_id: journal.id }
    const headers = { Origin: journal.origin }
    const { body } = await frontend.post('/revoke', form, { headers, proof: null })
    expect(body.error).toBe('invalid_grant')
    expect((await frontend.ask('broker')).status).toBe(200)
  })

  it('the code and tokens of one client are refused from the origin of another (TMB-44)', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const headers = { Origin: journal.origin }
    const code = await codeFor(frontend, 'upload')
    expect((await frontend.redeem(code, {}, { headers })).status).toBe(403)
    expect((await frontend.ask('pick', {}, { headers })).status).toBe(403)
    expect((await frontend.call('GET', '/session', { access_token, headers })).status).toBe(403)
  })

  it.each(['application/json', 'text/plain'])('%s is not accepted as a form', async (type) => {
    await frontend.connect(google, 'pick')
    const headers = { 'Content-Type': type }
    const { status, body } = await frontend.ask('pick', {}, { headers })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})

describe('escalation of scope or client', () => {
  it.each(['__proto__', 'PICK', 'pick upload', 'none'])(
    'the scope %j is refused (TMB-06)',
    async (scope) => {
      await frontend.connect(google, 'pick')
      expect((await frontend.ask(scope)).body.error).toBe('invalid_scope')
    },
  )

  it('a bundle of another client is refused at every endpoint (TMB-44)', async () => {
    const other = await openFrontend(journal)
    const back = await other.consent(google, google.browse(), 'pick')
    expect(back.searchParams.get('error')).toBe('access_denied')
    await other.connect(google, 'upload')
    expect((await other.ask('pick')).body.error).toBe('access_denied')
    expect((await other.call('DELETE', '/grants/pick')).body).toMatchObject({
      error: 'access_denied',
    })
  })

  it('a bundle never gets the token of a wider bundle (TMB-46)', async () => {
    const { access_token } = await frontend.connect(google, 'album')
    const { status, body } = await frontend.ask('upload')
    expect(status).toBe(200)
    expect(body.google_scope).toBe(the.upload)
    expect(body.access_token).not.toBe(access_token)
  })
})
