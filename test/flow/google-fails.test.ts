/** Tests of a Google that fails: only invalid_grant ends a grant (TMB-18, TMB-22). */

import { expect, it, vi } from 'vitest'
import { ask, askSession, browse, consentTo, logIn, subjectOf, the } from '../support/broker.ts'
import { sha256 } from '../support/frontend.ts'
import { type Call, oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { later, STORY_BEGINS, stage } from '../support/story.ts'

stage()

const FAILURES: {
  kind: string
  answer: (call: Call) => Response | Promise<Response>
  status: number
}[] = [
  { kind: '500', answer: () => new Response('<h1>canary</h1>', { status: 500 }), status: 503 },
  {
    kind: '503 with Retry-After',
    answer: () => new Response('', { status: 503, headers: { 'Retry-After': '7' } }),
    status: 503,
  },
  { kind: '429', answer: () => oauthError(429, 'rate_limit_exceeded'), status: 503 },
  {
    kind: '403 rate limit',
    answer: () => Response.json({ error: { code: 403, message: 'canary' } }, { status: 403 }),
    status: 503,
  },
  { kind: 'invalid_client', answer: () => oauthError(401, 'invalid_client'), status: 500 },
  {
    kind: 'invalid_client with a challenge',
    answer: () =>
      new Response('{"error":"invalid_client"}', {
        status: 401,
        headers: { 'WWW-Authenticate': 'Basic realm="canary"' },
      }),
    status: 500,
  },
  { kind: 'invalid_scope', answer: () => oauthError(400, 'invalid_scope'), status: 500 },
  { kind: 'an unknown error', answer: () => oauthError(400, 'canary_error'), status: 503 },
  { kind: 'a lost connection', answer: () => Promise.reject(new TypeError('canary')), status: 503 },
  {
    kind: 'a redirect to where a token is',
    answer: (call) =>
      call.url.search === ''
        ? new Response(null, { status: 307, headers: { Location: `${call.url}?elsewhere` } })
        : refreshed(call),
    status: 503,
  },
  {
    kind: 'truncated JSON',
    answer: () =>
      new Response('{"access_token":"canary', { headers: { 'Content-Type': 'application/json' } }),
    status: 503,
  },
  {
    kind: 'a token in ten megabytes',
    answer: (call) => refreshed(call, { padding: 'x'.repeat(10_000_000) }),
    status: 503,
  },
  { kind: 'an empty token', answer: (call) => refreshed(call, { access_token: '' }), status: 503 },
  { kind: 'token_type mac', answer: (call) => refreshed(call, { token_type: 'mac' }), status: 503 },
  { kind: 'expires_in 0', answer: (call) => refreshed(call, { expires_in: 0 }), status: 503 },
  ...['12abc', ' 3600', '', ['3600']].map((expires_in) => ({
    kind: `expires_in ${JSON.stringify(expires_in)}`,
    answer: (call: Call) => refreshed(call, { expires_in }),
    status: 503,
  })),
  { kind: 'expires_in 1e12', answer: (call) => refreshed(call, { expires_in: 1e12 }), status: 503 },
]

it.each(FAILURES)(
  'keeps the grant, and does not quote the answer: $kind',
  async ({ answer, status }) => {
    const google = scriptGoogle()
    const levels = ['error', 'log', 'info', 'warn'] as const
    const logged = levels.map((level) => vi.spyOn(console, level))
    for (const spy of logged) spy.mockImplementation(() => {})
    const browser = browse()
    await logIn(browser, { expires_in: 100 })
    later(101)
    google.token = answer
    const failed = await ask(browser)
    expect(failed.status).toBe(status)
    expect(failed.body.error).toBe(status === 500 ? 'server_error' : 'temporarily_unavailable')
    if (status === 503) expect(Number(failed.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect(JSON.stringify(failed.body)).not.toContain('canary')
    expect(logged.flatMap(({ mock }) => mock.calls.flat()).join('\n')).not.toContain('canary')
    expect((await askSession(browser)).body.bundles['pick']).toMatchObject({ status: 'ready' })

    google.token = (call) => refreshed(call)
    later(Number(failed.headers.get('Retry-After') ?? 1))
    expect((await ask(browser)).status).toBe(200)
    expect(google.refreshes.at(-1)?.body.get('refresh_token')).toBe('canary-refresh-token')
  },
)

it('an outage is reported only when the stored token has expired', async () => {
  const google = scriptGoogle()
  google.token = () => new Response('', { status: 503 })
  const browser = browse()
  await logIn(browser, { expires_in: 200 })
  for (const left of [200, 150, 90, 40, 2]) {
    vi.setSystemTime(STORY_BEGINS + (200 - left) * 1000)
    const { status, body } = await ask(browser)
    expect([left, status, body.access_token]).toEqual([left, 200, 'canary-access-token'])
    expect(body.expires_in).toBeLessThanOrEqual(left)
    expect(body.expires_in).toBeGreaterThan(0)
  }
  later(2)
  const { status, body } = await ask(browser)
  expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
  expect(body).not.toHaveProperty('access_token')
})

it('a waiting request gets the token of a consent that succeeds while the refresh fails', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser)
  google.token = () => new Response('', { status: 503 })
  const gate = google.hold()
  const asking = ask(browser, { bundle: 'pick', rejected: await sha256('canary-access-token') })
  await gate.arrived()
  const { stub } = await subjectOf()
  const tokens = { access_token: 'canary-second', refresh_token: undefined }
  await stub.acceptConsent(consentTo(the.pick, { begins_session: false, tokens }))
  gate.release()
  const { status, body } = await asking
  expect([status, body.access_token]).toEqual([200, 'canary-second'])
})

it('failures back off, and Google is not asked during the pause', async () => {
  const google = scriptGoogle()
  google.token = () => new Response('', { status: 500 })
  const browser = browse()
  await logIn(browser, { expires_in: 1 })
  later(2)
  const pauses: number[] = []
  for (let round = 0; round < 8; round++) {
    const { headers } = await ask(browser)
    for (let again = 0; again < 5; again++) expect((await ask(browser)).status).toBe(503)
    pauses.push(Number(headers.get('Retry-After')))
    later(pauses.at(-1) as number)
  }
  expect(pauses).toEqual([1, 2, 4, 8, 16, 32, 60, 60])
  expect(google.refreshes).toHaveLength(8)
})

it("Google's own Retry-After is respected", async () => {
  const google = scriptGoogle()
  google.token = () => new Response('', { status: 429, headers: { 'Retry-After': '90' } })
  const browser = browse()
  await logIn(browser, { expires_in: 1 })
  later(2)
  expect((await ask(browser)).headers.get('Retry-After')).toBe('90')
  later(89)
  expect((await ask(browser)).status).toBe(503)
  expect(google.refreshes).toHaveLength(1)
})

it.each([
  { more: {}, likely_cause: 'revoked_by_user' },
  { more: { error_subtype: 'invalid_rapt' }, likely_cause: 'unknown' },
])('invalid_grant with $more ends the grant at once, and no other', async (given) => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser, { expires_in: 1 })
  await logIn(browser, { bundle: 'upload', refresh_token: 'canary-other' })
  google.token = () => oauthError(400, 'invalid_grant', given.more)
  later(2)
  const { status, body } = await ask(browser)
  expect(status).toBe(403)
  expect(body).toMatchObject({
    error: 'consent_required',
    bundle: 'pick',
    reason: 'ended',
    likely_cause: given.likely_cause,
    missing_scope: the.pick,
    connect_url: `${the.url}/connect?bundle=pick&return_to=${encodeURIComponent(`${the.url}/`)}`,
  })
  await ask(browser)
  expect(google.refreshes).toHaveLength(1)
  expect((await ask(browser, { bundle: 'upload' })).status).toBe(200)
  expect((await askSession(browser)).body.bundles).toMatchObject({
    pick: { status: 'consent_required', reason: 'ended' },
    upload: { status: 'ready' },
  })
})

it.each([
  { what: 'a narrower scope', scope: the.upload, expected: 'partially_granted' },
  { what: 'an empty scope', scope: '', expected: 'partially_granted' },
  { what: 'a wider scope', scope: `${the.album} ${the.pick}`, expected: 'unavailable' },
])(
  'a refreshed token with $what is not issued, and keeps the grant (TMB-18, TMB-19, TMB-46)',
  async ({ scope, expected }) => {
    const google = scriptGoogle()
    const browser = browse()
    await logIn(browser, { bundle: 'album', expires_in: 250 })
    google.token = (call) => refreshed(call, { scope })
    const held = await ask(browser, { bundle: 'album' })
    expect([held.status, held.body.access_token]).toEqual([200, 'canary-access-token'])
    later(251)
    const refused = await ask(browser, { bundle: 'album' })
    expect(refused.body).not.toHaveProperty('access_token')
    expect((await askSession(browser)).body.bundles['album']).toMatchObject(
      expected === 'unavailable'
        ? { status: expected }
        : { status: 'consent_required', reason: expected },
    )
    const asked = google.refreshes.length
    await ask(browser, { bundle: 'album' })
    expect(google.refreshes).toHaveLength(asked)

    google.token = (call) => refreshed(call)
    later(61)
    expect((await ask(browser, { bundle: 'album' })).body.scope).toBe(the.album)
    expect((await askSession(browser)).body.bundles['album']).toMatchObject({ status: 'ready' })
  },
)

it('a token that expires on the way is not issued', async () => {
  const google = scriptGoogle()
  google.token = (call) => {
    later(5)
    return refreshed(call, { expires_in: 3 })
  }
  const browser = browse()
  await logIn(browser, { expires_in: 1 })
  later(2)
  const { status, body } = await ask(browser)
  expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
})

it.each([
  { what: 'of another user', sub: 'somebody-else', status: 500 },
  { what: 'of the same user', sub: the.sub, status: 200 },
])('a refresh with an ID token $what answers $status (TMB-28)', async ({ sub, status }) => {
  const google = scriptGoogle()
  const part = (json: object): string =>
    new TextEncoder()
      .encode(JSON.stringify(json))
      .toBase64({ alphabet: 'base64url', omitPadding: true })
  google.token = (call) => {
    const iat = Math.floor(Date.now() / 1000)
    const claims = { iss: 'https://google.example', aud: 'test-client', sub, iat, exp: iat + 3600 }
    return refreshed(call, { id_token: `${part({ alg: 'RS256', kid: 'x' })}.${part(claims)}.c2ln` })
  }
  const browser = browse()
  await logIn(browser, { expires_in: 1 })
  later(2)
  expect((await ask(browser)).status).toBe(status)
})

it.each(['openid', 'https://www.googleapis.com/auth/userinfo.email'])(
  'a refresh with %s in addition: only openid is ignored',
  async (extra) => {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call, { scope: `${extra} ${the.pick}` })
    const browser = browse()
    await logIn(browser, { expires_in: 1 })
    later(2)
    const { status, body } = await ask(browser)
    expect([status, body.scope]).toEqual(extra === 'openid' ? [200, the.pick] : [500, undefined])
  },
)

it('a wider grant serves a narrower bundle with a down-scoped token (TMB-46)', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser, { bundle: 'album' })
  const { status, body } = await ask(browser, { bundle: 'upload' })
  expect([status, body.scope]).toEqual([200, the.upload])
  expect(body.access_token).not.toBe('canary-access-token')
  expect(google.refreshes.map(({ body }) => body.get('scope'))).toEqual([the.upload])
})

it('a grant and a wider one that both ended are reported at once, also by GET /session', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser, { bundle: 'album' })
  await logIn(browser, { bundle: 'upload', expires_in: 1 })
  later(2)
  google.token = () => oauthError(400, 'invalid_grant')
  expect(await ask(browser, { bundle: 'upload' })).toMatchObject({
    status: 403,
    body: { error: 'consent_required', reason: 'ended' },
  })
  expect((await askSession(browser)).body.bundles).toMatchObject({
    upload: { status: 'consent_required', reason: 'ended' },
    album: { status: 'consent_required', reason: 'ended' },
  })
})

it('answers 503 if the grant has ended, but a wider one cannot be refreshed now (TMB-22)', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser, { bundle: 'album' })
  await logIn(browser, { bundle: 'upload', refresh_token: 'canary-own', expires_in: 1 })
  later(2)
  google.token = ({ body }) =>
    body.get('refresh_token') === 'canary-own'
      ? oauthError(400, 'invalid_grant')
      : new Response(null, { status: 503 })
  for (let caller = 0; caller < 3; caller++)
    expect(await ask(browser, { bundle: 'upload' })).toMatchObject({
      status: 503,
      body: { error: 'temporarily_unavailable' },
    })
  google.token = (call) => refreshed(call)
  later(2)
  expect((await ask(browser, { bundle: 'upload' })).status).toBe(200)
})

it.each([
  { what: 'does not down-scope', answer: (call: Call) => refreshed(call, { scope: the.album }) },
  { what: 'reports no scope', answer: (call: Call) => refreshed(call, { scope: undefined }) },
  { what: 'refuses the scope', answer: () => oauthError(400, 'invalid_scope') },
])('a narrower bundle needs a consent of its own if Google $what (TMB-46)', async ({ answer }) => {
  const google = scriptGoogle()
  google.token = answer
  const browser = browse()
  await logIn(browser, { bundle: 'album' })
  for (let round = 0; round < 2; round++) {
    expect(await ask(browser, { bundle: 'upload' })).toMatchObject({
      status: 403,
      body: { error: 'consent_required', reason: 'never_granted' },
    })
  }
  expect(google.refreshes).toHaveLength(1)
  google.token = (call) => refreshed(call)
  later(3600)
  expect((await ask(browser, { bundle: 'album' })).status).toBe(200)
})
