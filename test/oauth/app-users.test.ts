/** Tests of users with a JWT of their app: pushed requests, token exchange, and consents of other users. */

import { runInDurableObject } from 'cloudflare:test'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ALBUM_CLIENT, type AppIssuer, openIssuer } from '../support/app-issuer.ts'
import { answerOf, broker, subjectOf, the } from '../support/broker.ts'
import {
  configureClients,
  type Frontend,
  gallery,
  openFrontend,
  sha256,
} from '../support/frontend.ts'
import { BEN, GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { alarm, aMinute, later, stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle
let issuer: AppIssuer
let frontend: Frontend

beforeEach(async () => {
  configureClients({ gallery: ALBUM_CLIENT })
  google = simulateGoogle()
  issuer = await openIssuer()
  frontend = await openFrontend()
})

const EXCHANGE = {
  grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
  subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
}

async function bearer(sub: string): Promise<{ proof: null; headers: Record<string, string> }> {
  return { proof: null, headers: { Authorization: `Bearer ${await issuer.jwt(sub)}` } }
}

/** Pushes a request for a user. */
async function push(sub: string, bundle = 'pick', more: Record<string, string | undefined> = {}) {
  const { searchParams } = await frontend.authorizeUrl(bundle, { dpop_jkt: undefined })
  const fields = { ...Object.fromEntries(searchParams), ...more }
  return frontend.post<{ request_uri: string; expires_in: number }>(
    '/par',
    fields,
    await bearer(sub),
  )
}

/** Sends a browser to `/authorize` with a pushed request, through the consent and to the redirect URI. */
async function consent(request_uri: string, choice: object = {}): Promise<URL> {
  const browser = google.browse()
  const query = new URLSearchParams({ client_id: gallery.id, request_uri })
  const stop = ({ origin }: URL): boolean => origin !== the.url
  const start = await browser.visit(`${the.url}/authorize?${query}`, {}, stop)
  if (start.url.origin !== GOOGLE) return start.url
  return (await browser.visit(await google.consent(start.url, choice), {}, stop)).url
}

async function connect(sub: string, bundle = 'pick', choice: object = {}): Promise<URL> {
  return consent((await push(sub, bundle)).body.request_uri, choice)
}

async function redeem(back: URL, sub: string, more: Record<string, string> = {}) {
  return frontend.redeem(back.searchParams.get('code') ?? '', more, await bearer(sub))
}

async function exchange(
  sub: string,
  bundle = 'pick',
  more: Record<string, string | undefined> = {},
) {
  const subject_token = await issuer.jwt(sub)
  const form = { ...EXCHANGE, subject_token, scope: bundle, client_id: gallery.id, ...more }
  return frontend.post('/token', form, { proof: null })
}

describe('a pushed request', () => {
  it('leads to a token for its user, who then needs only a JWT', async () => {
    const pushed = await push('ada')
    expect(pushed.status).toBe(201)
    expect(pushed.body).toEqual({
      request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:[\w.-]+$/),
      expires_in: 60,
    })
    const { status, body } = await redeem(await consent(pushed.body.request_uri), 'ada')
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'pick', google_scope: the.pick })
    expect(body).not.toHaveProperty('refresh_token')
    const exchanged = await exchange('ada')
    expect(exchanged.status).toBe(200)
    expect(exchanged.body).toMatchObject({
      token_type: 'Bearer',
      scope: 'pick',
      google_scope: the.pick,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    })
    expect(exchanged.body.access_token).toBe(body.access_token)
    expect((await exchange('ben')).body).toMatchObject({
      error: 'consent_required',
      bundle: 'pick',
    })
  })

  it('can be used once, even at the same time (TMB-05)', async () => {
    const { request_uri } = (await push('ada')).body
    const query = new URLSearchParams({ client_id: gallery.id, request_uri })
    const tries = Array.from({ length: 20 }, async () => {
      const response = await broker(
        new Request(`${the.url}/authorize?${query}`, { redirect: 'manual' }),
      )
      return new URL(response.headers.get('Location') ?? the.url)
    })
    const ends = await Promise.all(tries)
    expect(ends.filter(({ origin }) => origin === GOOGLE)).toHaveLength(1)
    const refused = ends.filter(({ origin }) => origin === gallery.origin)
    expect(refused).toHaveLength(19)
    for (const { searchParams } of refused)
      expect(searchParams.get('error')).toBe('invalid_request')
  })

  it('is audited with its subject when it is used again (TMB-76)', async () => {
    const { request_uri } = (await push('ada')).body
    await consent(request_uri)
    const info = vi.spyOn(console, 'info').mockReturnValue()
    await consent(request_uri)
    const { key } = await subjectOf('ada', gallery.id, ALBUM_CLIENT.issuer)
    const records = info.mock.calls.map(([line]) => JSON.parse(String(line)))
    expect(records).toMatchObject([
      { event: 'request_refused', reason: 'request_uri_used', subject: key, bundle: 'pick' },
    ])
  })

  it('expires after a minute', async () => {
    const { request_uri } = (await push('ada')).body
    later(61)
    expect((await consent(request_uri)).origin).toBe(the.url)
    expect(google.calls('token')).toBe(0)
  })

  it('is required for a client with an issuer', async () => {
    const start = await frontend.authorizeUrl('pick')
    const { url } = await google.browse().visit(start, {}, ({ origin }) => origin !== the.url)
    expect(url.origin).toBe(gallery.origin)
    expect(url.searchParams.get('error')).toBe('invalid_request')
  })

  it.each([
    { what: 'with a wrong JWT', headers: { Authorization: 'Bearer x.y.z' }, status: 401 },
    { what: 'from another origin', headers: { Origin: 'https://evil.example' }, status: 403 },
  ])('$what is refused', async ({ headers, status }) => {
    const { proof, headers: right } = await bearer('ada')
    const fields = Object.fromEntries((await frontend.authorizeUrl('pick')).searchParams)
    const answer = await frontend.post('/par', fields, { proof, headers: { ...right, ...headers } })
    expect(answer.status).toBe(status)
    if (status === 401) expect(answer.headers.has('WWW-Authenticate')).toBe(true)
  })

  it.each([
    { what: 'another client', more: { client_id: 'other' } },
    { what: 'a foreign redirect URI', more: { redirect_uri: 'https://evil.example/' } },
    { what: 'a reference instead of a request', more: { request_uri: 'urn:x' } },
  ])('for $what is refused', async ({ more }) => {
    expect((await push('ada', 'pick', more)).status).toBe(400)
  })

  it('cannot be used for another client', async () => {
    const other = { origins: ['https://other.example'], redirect_uris: ['https://other.example/'] }
    configureClients({ gallery: ALBUM_CLIENT, other })
    const { request_uri } = (await push('ada')).body
    const query = new URLSearchParams({ client_id: 'other', request_uri })
    const response = await broker(
      new Request(`${the.url}/authorize?${query}`, { redirect: 'manual' }),
    )
    expect([response.status, response.headers.has('Location')]).toEqual([400, false])
  })
})

describe('a consent of another user', () => {
  it('is dropped: the code needs a JWT of the user who pushed the request (TMB-05, TMB-16)', async () => {
    const back = await connect('mallory')
    const { status, body } = await redeem(back, 'victim')
    expect([status, body.error]).toEqual([403, 'access_denied'])
    expect((await redeem(back, 'mallory')).body.error).toBe('invalid_grant')
    for (const sub of ['mallory', 'victim'])
      expect((await exchange(sub)).body.error).toBe('consent_required')
  })

  it('expires after a minute, and earlier grants of the victim survive', async () => {
    await redeem(await connect('victim'), 'victim')
    const back = await connect('mallory')
    later(61)
    const { stub } = await subjectOf('mallory', gallery.id, ALBUM_CLIENT.issuer)
    await alarm(stub)
    expect((await redeem(back, 'mallory')).body.error).toBe('invalid_grant')
    expect(google.calls('revoke')).toBe(0)
    later(3600)
    expect((await exchange('victim')).status).toBe(200)
  })

  it('with another Google account than before is refused, and changes nothing (TMB-28)', async () => {
    await redeem(await connect('ada'), 'ada')
    const back = await connect('ada', 'upload', { account: BEN })
    expect(back.searchParams.get('error')).toBe('account_mismatch')
    expect((await exchange('ada')).status).toBe(200)
    expect((await exchange('ada', 'upload')).body.error).toBe('consent_required')
  })
})

it('a consent with another Google account does not cancel the pending revocation of the first (TMB-62)', async () => {
  const revoked = (): string[] =>
    google.simulator.world.log.flatMap(({ at, status }) => (at === 'revoke' ? [`${status}`] : []))
  await redeem(await connect('ada'), 'ada')
  google.simulator.faults.add({ at: 'revoke', do: { status: 503 } })
  later(1)
  expect((await frontend.call('DELETE', '/grants', await bearer('ada'))).status).toBe(204)
  expect(revoked()).toEqual(['503'])
  later(1)
  await redeem(await connect('ada', 'pick', { account: BEN }), 'ada')
  const { stub } = await subjectOf('ada', gallery.id, ALBUM_CLIENT.issuer)
  later(2)
  await alarm(stub)
  expect(revoked()).toEqual(['503', '200'])
  later(3600)
  expect((await exchange('ada')).status).toBe(200)
})

describe('two pending grants of one user', () => {
  it.each(['one after the other', 'at once'])(
    'must be of one Google account, redeemed %s (TMB-28)',
    async (how) => {
      const codes = [await connect('ada'), await connect('ada', 'upload', { account: BEN })]
      const first = redeem(codes[0] as URL, 'ada')
      if (how === 'one after the other') await first
      const answers = await Promise.all([first, redeem(codes[1] as URL, 'ada')])
      expect(answers.map(({ status }) => status)).toEqual([200, 403])
      expect(answers[1]?.body.error).toBe('access_denied')
      expect((await exchange('ada')).status).toBe(200)
      expect((await exchange('ada', 'upload')).body.error).toBe('consent_required')
    },
  )
})

describe('the code of an app’s user', () => {
  it('is refused without a JWT or with another verifier', async () => {
    const code = (await connect('ada')).searchParams.get('code') ?? ''
    expect((await frontend.redeem(code)).status).toBe(401)
    const wrong = { code_verifier: 'x'.repeat(43) }
    expect((await frontend.redeem(code, wrong, await bearer('ada'))).body.error).toBe(
      'invalid_grant',
    )
    expect((await frontend.redeem(code, {}, await bearer('ada'))).status).toBe(200)
  })

  it('that is bound to a key needs a proof, too (RFC 9449 §10)', async () => {
    const { searchParams } = await frontend.authorizeUrl('pick')
    const fields = Object.fromEntries(searchParams)
    const pushed = await frontend.post<{ request_uri: string }>('/par', fields, await bearer('ada'))
    const code = (await consent(pushed.body.request_uri)).searchParams.get('code') ?? ''
    const { headers } = await bearer('ada')
    expect((await frontend.redeem(code, {}, { headers, proof: null })).body.error).toBe(
      'invalid_dpop_proof',
    )
    expect((await frontend.redeem(code, {}, { headers })).status).toBe(200)
  })
})

describe('a JWT', () => {
  it('authenticates GET /session and DELETE /grants', async () => {
    await redeem(await connect('ada'), 'ada')
    const { status, body } = await frontend.call('GET', '/session', await bearer('ada'))
    expect(status).toBe(200)
    expect(body).toMatchObject({
      sub: 'ada',
      client: gallery.id,
      bundles: { pick: { status: 'ready' }, upload: { status: 'consent_required' } },
    })
    expect((await frontend.call('DELETE', '/grants', await bearer('ada'))).status).toBe(204)
    expect(google.calls('revoke')).toBe(1)
    expect((await frontend.call('DELETE', '/grants', await bearer('ada'))).status).toBe(204)
    await aMinute((await subjectOf('ada', gallery.id, ALBUM_CLIENT.issuer)).stub)
    expect((await exchange('ada')).body.error).toBe('consent_required')
  })

  it('of a user without a consent costs no storage (TMB-59)', async () => {
    expect((await frontend.call('GET', '/session', await bearer('new'))).status).toBe(200)
    expect((await exchange('new')).body.error).toBe('consent_required')
    expect((await frontend.call('DELETE', '/grants/pick', await bearer('new'))).status).toBe(204)
    const { stub } = await subjectOf('new', gallery.id, ALBUM_CLIENT.issuer)
    const rows = await runInDurableObject(stub, (_, { storage }) => [
      ...storage.kv.list(),
      ...storage.sql.exec("SELECT name FROM sqlite_master WHERE name = 'grants'"),
    ])
    expect(rows).toEqual([])
  })

  it('that is bound to a key needs a proof (TMB-51)', async () => {
    await redeem(await connect('ada'), 'ada')
    const bound = await issuer.jwt('ada', { claims: { cnf: { jkt: frontend.jkt } } })
    const form = { ...EXCHANGE, subject_token: bound, scope: 'pick' }
    expect((await frontend.post('/token', form, { proof: null })).body.error).toBe(
      'invalid_dpop_proof',
    )
    expect((await frontend.post('/token', form)).status).toBe(200)
    const thief = await openFrontend()
    expect((await thief.post('/token', form)).body.error).toBe('invalid_request')
    expect((await thief.call('GET', '/session', { access_token: bound })).status).toBe(401)
    const ath = await sha256(bound)
    const proof = await frontend.prove({ method: 'GET', path: '/session', claims: { ath } })
    const shown = { access_token: bound, proof }
    expect((await frontend.call('GET', '/session', shown)).status).toBe(200)
    const again = await frontend.call('GET', '/session', shown)
    expect([again.status, again.body.error]).toEqual([401, 'invalid_dpop_proof'])
    const headers = { Authorization: `Bearer ${bound}` }
    expect((await frontend.call('GET', '/session', { headers })).status).toBe(401)
  })

  it('that is bound to a key is not exchanged with a used proof (RFC 9449 §11.1)', async () => {
    configureClients({ gallery: ALBUM_CLIENT }, { CONSISTENCY: 'strict' })
    await redeem(await connect('ada'), 'ada')
    const subject_token = await issuer.jwt('ada', { claims: { cnf: { jkt: frontend.jkt } } })
    const form = { ...EXCHANGE, subject_token, scope: 'pick' }
    await frontend.post('/token', form) // for a nonce
    const proof = await frontend.prove()
    expect((await frontend.post('/token', form, { proof })).status).toBe(200)
    const again = await frontend.post('/token', form, { proof })
    expect([again.status, again.body.error]).toEqual([400, 'invalid_dpop_proof'])
  })

  it('is refused together with a session cookie (TMB-39)', async () => {
    const { headers } = await bearer('ada')
    const cookie = { Cookie: '__Host-Http-ptb-session-web=x' }
    const answer = await frontend.call('GET', '/session', {
      proof: null,
      headers: { ...headers, ...cookie },
    })
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
  })
})

it.each([
  {
    what: 'another type',
    change: { subject_token_type: 'urn:ietf:params:oauth:token-type:saml2' },
  },
  {
    what: 'a requested type that we do not issue',
    change: { requested_token_type: 'urn:ietf:params:oauth:token-type:id_token' },
  },
  { what: 'an actor', change: { actor_token: 'x' } },
  { what: 'an audience', change: { audience: 'https://evil.example' } },
  { what: 'no scope', change: { scope: undefined } },
  { what: 'a wrong JWT', change: { subject_token: 'x.y.z' } },
  { what: 'a min_ttl that is no number', change: { min_ttl: 'soon' } },
])('a token exchange with $what is an invalid request (RFC 8693 §2.2.2)', async ({ change }) => {
  const { status, body } = await exchange('ada', 'pick', change)
  expect([status, body.error]).toEqual([400, 'invalid_request'])
})

it('a valid JWT is refused from an unknown origin (TMB-36)', async () => {
  await redeem(await connect('ada'), 'ada')
  const subject_token = await issuer.jwt('ada')
  const body = new URLSearchParams({ ...EXCHANGE, subject_token, scope: 'pick' })
  const before = issuer.fetched()
  const headers = { Origin: 'https://evil.example' }
  const request = new Request(`${the.url}/token`, { method: 'POST', headers, body })
  const answer = await answerOf(await broker(request))
  expect(answer.status).toBe(403)
  expect(answer.headers.has('Access-Control-Allow-Origin')).toBe(false)
  expect(issuer.fetched()).toBe(before)
})
