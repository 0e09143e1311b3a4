/** This file is the attacks on OAuth mode: security-checklist.md section 5, numbers 1 to 5, 8, 9 and 11; 10 is app-jwt.test.ts. */

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

describe('1, login CSRF', () => {
  it('a callback that another browser began does nothing (TMB-04, TMB-10)', async () => {
    const attacker = google.browse()
    const stop = ({ origin }: URL): boolean => origin !== the.url
    const start = await attacker.visit(await frontend.authorizeUrl('pick'), {}, stop)
    const callback = await google.consent(start.url)
    const page = await google.browse().visit(callback)
    expect([page.response.status, page.redirects]).toEqual([400, []])
    expect(google.calls('token')).toBe(0)
  })

  it('an attacker’s code in the victim’s page is no session of the victim’s', async () => {
    const attacker = await openFrontend()
    const code = await codeFor(attacker, 'pick', BEN)
    const { status, body } = await frontend.redeem(code)
    expect([status, body.error]).toEqual([400, 'invalid_grant'])
  })
})

describe('2, a phished start link', () => {
  it('gives the attacker nothing, even with the code in hand', async () => {
    const attacker = await openFrontend()
    const code = await codeFor(attacker)
    const victim = await openFrontend()
    expect((await victim.redeem(code)).body.error).toBe('invalid_grant')
    expect(await dumpKv()).toEqual(new Map())
  })

  it('until the code is redeemed, nobody can use the grant, and after a minute it is gone', async () => {
    configureClients({ gallery: OAUTH_CLIENTS.gallery })
    const code = await codeFor(frontend)
    expect(await dumpKv()).toEqual(new Map())
    const { stub } = await subjectOf(the.sub, gallery.id)
    later(61)
    await alarm(stub)
    expect((await frontend.redeem(code)).body.error).toBe('invalid_grant')
    expect(google.calls('revoke')).toBe(1)
    expect(await dumpKv()).toEqual(new Map())
  })

  it('what the user granted before lives on when a pending grant is dropped', async () => {
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

  it('a navigation that another site began without a click is asked about first (TMB-09)', async () => {
    const headers = { 'Sec-Fetch-Site': 'cross-site', 'Sec-Fetch-Dest': 'document' }
    const url = await frontend.authorizeUrl('pick')
    const { response, text } = await google.browse().visit(url, { headers })
    expect(response.status).toBe(200)
    expect(text).toContain('gallery.example')
    const clicked = { headers: { ...headers, 'Sec-Fetch-User': '?1' } }
    const went = await google.browse().visit(url, clicked, ({ origin }) => origin === GOOGLE)
    expect(went.url.origin).toBe(GOOGLE)
  })

  it.each(['iframe', 'frame', 'image', 'empty'])('is not begun in a %s (TMB-09)', async (dest) => {
    const headers = { 'Sec-Fetch-Dest': dest }
    const page = await google.browse().visit(await frontend.authorizeUrl('pick'), { headers })
    expect([page.response.status, page.redirects]).toEqual([403, []])
  })
})

describe('3, code injection', () => {
  it('a code is good once, and when it comes again what it began ends (RFC 6749 §4.1.2)', async () => {
    const code = await codeFor(frontend)
    const { body } = await frontend.redeem(code)
    frontend.refresh_token = body.refresh_token ?? ''
    expect((await frontend.ask('broker')).status).toBe(200)
    expect((await frontend.redeem(code)).body.error).toBe('invalid_grant')
    expect((await frontend.ask('broker')).body.error).toBe('invalid_grant')
  })

  it('fifty who redeem it at once are one and forty-nine', async () => {
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

  it('is over after a minute', async () => {
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
    { what: 'a short verifier', form: { code_verifier: 'x'.repeat(42) } },
    { what: 'no redirect URI', form: { redirect_uri: undefined } },
    { what: 'no client', form: { client_id: undefined } },
    { what: 'a cookie-mode client', form: { client_id: 'web' } },
  ])('with $what it is not even looked at', async ({ form }) => {
    const code = await codeFor(frontend)
    expect((await frontend.redeem(code, form)).body.error).toBe('invalid_request')
  })

  it('a stolen code and verifier with another key than began are refused (RFC 9449 §10)', async () => {
    const code = await codeFor(frontend)
    const thief = await openFrontend()
    const { code_verifier } = frontend
    expect((await thief.redeem(code, { code_verifier })).body.error).toBe('invalid_grant')
    expect((await frontend.redeem(code)).status).toBe(200)
  })

  it('the session belongs to the key that redeemed, where none was named before', async () => {
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

  it.each(['pkce', 'plain'])(
    'a request without S256 (%s) is refused (RFC 9700 §2.1.1)',
    async (how) => {
      const change =
        how === 'plain' ? { code_challenge_method: 'plain' } : { code_challenge: undefined }
      const back = await frontend.consent(google, google.browse(), 'pick', { parameters: change })
      expect(back.searchParams.get('error')).toBe('invalid_request')
      expect(google.calls('token')).toBe(0)
    },
  )
})

describe('4, mix-up', () => {
  it('every answer names its issuer, errors too (RFC 9207 §2)', async () => {
    const ok = await frontend.consent(google, google.browse(), 'pick')
    const no = await frontend.consent(google, google.browse(), 'pick', { cancel: true })
    const bad = await frontend.consent(google, google.browse(), 'nothing')
    for (const url of [ok, no, bad]) expect(url.searchParams.get('iss')).toBe(the.url)
  })

  it('an iss of another issuer at the callback is not acted on (TMB-12)', async () => {
    const browser = google.browse()
    const stop = ({ origin }: URL): boolean => origin !== the.url
    const start = await browser.visit(await frontend.authorizeUrl('pick'), {}, stop)
    const callback = await google.consent(start.url)
    callback.searchParams.set('iss', 'https://evil.example')
    const page = await browser.visit(callback)
    expect([page.response.status, page.redirects]).toEqual([400, []])
    expect(google.calls('token')).toBe(0)
  })
})

describe('5, a replayed state', () => {
  it('fifty callbacks are one code (TMB-11)', async () => {
    const browser = google.browse()
    const stop = ({ origin }: URL): boolean => origin !== the.url
    const start = await browser.visit(await frontend.authorizeUrl('pick'), {}, stop)
    const callback = await google.consent(start.url)
    const cookie = [...(browser.jar.get('broker.example') ?? [])].map((pair) => pair.join('='))
    const ends = await Promise.all(
      Array.from({ length: 50 }, async () =>
        broker(
          new Request(callback, { headers: { Cookie: cookie.join('; ') }, redirect: 'manual' }),
        ),
      ),
    )
    const codes = ends.filter(({ headers }) => headers.get('Location')?.includes('code='))
    expect(codes).toHaveLength(1)
    expect(google.calls('token')).toBe(1)
  })
})

describe('8, open redirect', () => {
  it.each([
    'https://evil.example/back',
    'https://gallery.example/back/',
    'https://gallery.example/back?x=1',
    'https://gallery.example/back#x',
    'https://gallery.example/BACK',
    'https://gallery.example:443/back',
    'https://gallery.example/other/../back',
    'https://gallery.example/%62ack',
    'https://gallery.example.evil.example/back',
    'https://gallery.example@evil.example/back',
    'http://gallery.example/back',
    '//gallery.example/back',
    'javascript:alert(1)',
    ' https://gallery.example/back',
    journal.redirect_uri,
    undefined,
  ])('redirect_uri %j leads nowhere (TMB-68; RFC 9700 §2.1)', async (redirect_uri) => {
    const start = await frontend.authorizeUrl('pick', { redirect_uri })
    const page = await google.browse().visit(start)
    expect([page.response.status, page.redirects]).toEqual([400, []])
  })

  it('an unknown client leads nowhere, and so does a cookie-mode one', async () => {
    for (const client_id of ['unknown', 'web', '__proto__', 'constructor', undefined]) {
      const page = await google.browse().visit(await frontend.authorizeUrl('pick', { client_id }))
      expect([page.response.status, page.redirects]).toEqual([400, []])
    }
  })

  it.each(['redirect_uri', 'client_id'])('a %s that comes twice leads nowhere', async (name) => {
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
    { what: 'two bundles', change: { scope: 'pick upload' }, error: 'invalid_scope' },
    { what: 'the reserved bundle', change: { scope: 'broker' }, error: 'invalid_scope' },
    { what: 'a bundle that is none', change: { scope: '__proto__' }, error: 'invalid_scope' },
    { what: 'no bundle', change: { scope: undefined }, error: 'invalid_request' },
    { what: 'a prompt we do not know', change: { prompt: 'none' }, error: 'invalid_request' },
    { what: 'a key that is none', change: { dpop_jkt: 'x' }, error: 'invalid_request' },
  ])('$what is told on the redirect URI (RFC 6749 §4.1.2.1)', async ({ change, error }) => {
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
    { what: 'endless', state: 'x'.repeat(513) },
    { what: 'with control characters', state: 'a\r\nb' },
  ])('a state that is $what does not come back', async ({ state }) => {
    const back = await frontend.consent(google, google.browse(), 'pick', { parameters: { state } })
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'invalid_request',
      iss: the.url,
    })
  })
})

describe('9, CORS and CSRF', () => {
  const ORIGINS = [
    'null',
    'https://evil.example',
    'http://gallery.example',
    'https://gallery.example:8443',
    'https://GALLERY.example',
    'https://gallery.example.',
    'https://evilgallery.example',
    'https://gallery.example.evil.example',
    'https://sub.gallery.example',
    the.url,
  ]
  const PATHS = ['/token', '/par', '/revoke']

  it.each(ORIGINS)(
    'from %s nothing is done, and nothing can be read (TMB-35, TMB-36)',
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

  it.each([...ORIGINS.flatMap((origin) => PATHS.map((path) => ({ origin, path })))])(
    'a preflight from $origin to $path is refused',
    async ({ origin, path }) => {
      const headers = { Origin: origin, 'Access-Control-Request-Method': 'POST' }
      const answer = await broker(new Request(the.url + path, { method: 'OPTIONS', headers }))
      expect(answer.status).toBe(403)
      expect(answer.headers.has('Access-Control-Allow-Origin')).toBe(false)
    },
  )

  it.each([...PATHS, '/session', '/grants', '/grants/pick'])(
    'a preflight of the client’s origin to %s is a fixed list without credentials (TMB-35, TMB-39)',
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

  it('an OAuth client’s origin has no cookie-mode calls, and the other way round (TMB-39)', async () => {
    const headers = { Origin: gallery.origin, 'Access-Control-Request-Method': 'POST' }
    const url = `${the.url}/session/token`
    expect((await broker(new Request(url, { method: 'OPTIONS', headers }))).status).toBe(403)
    const answer = await answerOf(await broker(new Request(url, { method: 'POST', headers })))
    expect(answer.status).toBe(403)
    expect(answer.headers.has('Access-Control-Allow-Origin')).toBe(false)
  })

  it.each(PATHS)('at %s an unlisted origin is refused before its request is read', async (path) => {
    const headers = { Origin: 'https://evil.example', 'Content-Type': 'text/plain' }
    const { status } = await frontend.post(path, {}, { headers, proof: null })
    expect(status).toBe(403)
  })

  it('one client ends no session of another’s (RFC 7009 §2.1)', async () => {
    await frontend.connect(google, 'pick')
    const form = { token: frontend.refresh_token, client_id: journal.id }
    const headers = { Origin: journal.origin }
    const { body } = await frontend.post('/revoke', form, { headers, proof: null })
    expect(body.error).toBe('invalid_grant')
    expect((await frontend.ask('broker')).status).toBe(200)
  })

  it('one client’s code or token is not for another’s origin (TMB-44)', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const headers = { Origin: journal.origin }
    const code = await codeFor(frontend, 'upload')
    expect((await frontend.redeem(code, {}, { headers })).status).toBe(403)
    expect((await frontend.ask('pick', {}, { headers })).status).toBe(403)
    expect((await frontend.call('GET', '/session', { access_token, headers })).status).toBe(403)
  })

  it.each([
    { what: 'JSON', type: 'application/json' },
    { what: 'plain text', type: 'text/plain' },
    { what: 'multipart', type: 'multipart/form-data; boundary=x' },
  ])('$what is no form', async ({ type }) => {
    await frontend.connect(google, 'pick')
    const headers = { 'Content-Type': type }
    const { status, body } = await frontend.ask('pick', {}, { headers })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})

describe('11, more than one may have', () => {
  it.each(['__proto__', 'constructor', 'toString', 'PICK', 'pick ', 'pick upload', 'none'])(
    'scope %j is no bundle (TMB-06)',
    async (scope) => {
      await frontend.connect(google, 'pick')
      expect((await frontend.ask(scope)).body.error).toBe('invalid_scope')
    },
  )

  it('a bundle that is not the client’s is refused at every door (TMB-44)', async () => {
    const other = await openFrontend(journal)
    const back = await other.consent(google, google.browse(), 'pick')
    expect(back.searchParams.get('error')).toBe('access_denied')
    await other.connect(google, 'upload')
    expect((await other.ask('pick')).body.error).toBe('access_denied')
    expect((await other.call('DELETE', '/grants/pick')).body).toMatchObject({
      error: 'access_denied',
    })
  })

  it('a bundle of fewer scopes never gets the wide token (TMB-46)', async () => {
    const { access_token } = await frontend.connect(google, 'album')
    const { status, body } = await frontend.ask('upload')
    expect(status).toBe(200)
    expect(body.google_scope).toBe(the.upload)
    expect(body.access_token).not.toBe(access_token)
  })
})

it('no answer, redirect or log of a whole story holds a token it should not (TMB-75)', async () => {
  const lines: unknown[] = []
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation((...line) => void lines.push(...line))
  const code = await codeFor(frontend)
  const { body } = await frontend.redeem(code)
  frontend.refresh_token = body.refresh_token ?? ''
  await frontend.ask('pick', { refresh_token: `${frontend.refresh_token}x` })
  await frontend.call('GET', '/session')
  await frontend.redeem(code)
  const text = lines.join('\n')
  const secrets = [code, frontend.refresh_token, frontend.code_verifier, body.access_token]
  for (const secret of [...secrets, frontend.nonce ?? '', the.sub])
    expect(text).not.toContain(secret)
})
