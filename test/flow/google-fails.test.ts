/** Tests of a Google that fails: only invalid_grant ends a grant (TMB-18, TMB-22). */

import { expect, it, vi } from 'vitest'
import { ask, askSession, browse, consentTo, logIn, subjectOf, the } from '../support/broker.ts'
import { sha256 } from '../support/frontend.ts'
import { type Call, oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { later, readLog, STORY_BEGINS, stage } from '../support/story.ts'

stage()

/** Refusals of the broker's own OAuth client at Google. */
const OPERATORS = [
  [401, 'deleted_client'],
  [401, 'disabled_client'],
  [401, 'unauthorized_client'],
  [400, 'admin_policy_enforced'],
  [403, 'admin_policy_enforced'],
  [403, 'org_internal'],
] as const

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
  { kind: '401 without a reason', answer: () => new Response('', { status: 401 }), status: 500 },
  ...OPERATORS.map(([status, error]) => ({
    kind: `${status} ${error}, which the operator has to mend`,
    answer: () => oauthError(status, error),
    status: 500,
  })),
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
    const browser = await logIn(browse(), { expires_in: 100 })
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
  const browser = await logIn(browse(), { expires_in: 200 })
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
  const browser = await logIn(browse())
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
  const browser = await logIn(browse(), { expires_in: 1 })
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
  const browser = await logIn(browse(), { expires_in: 1 })
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
  const browser = await logIn(browse(), { expires_in: 1 })
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

it('a token that expires on the way is not issued', async () => {
  const google = scriptGoogle()
  google.token = (call) => {
    later(5)
    return refreshed(call, { expires_in: 3 })
  }
  const browser = await logIn(browse(), { expires_in: 1 })
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
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  expect((await ask(browser)).status).toBe(status)
})

it.each(OPERATORS)(
  '%i %s is told as one that trying again does not help',
  async (status, error) => {
    const google = scriptGoogle()
    google.token = () => oauthError(status, error)
    const failures = readLog('error')
    const browser = await logIn(browse(), { expires_in: 100 })
    later(101)
    const { body, headers } = await ask(browser)
    expect(body.error_description).toMatch(/trying again does not help/)
    expect(headers.has('Retry-After')).toBe(false)
    expect(failures.some(({ reason = '' }) => reason.startsWith('google_refuses_client'))).toBe(
      true,
    )
  },
)
