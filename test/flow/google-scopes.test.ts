/** Tests of refreshed tokens with other scopes, and of a wider grant for a narrower bundle (TMB-18, TMB-19, TMB-46). */

import { expect, it } from 'vitest'
import { ask, askSession, browse, logIn, the } from '../support/broker.ts'
import { type Call, oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'

stage()

it.each([
  { what: 'a narrower scope', scope: the.upload, expected: 'partially_granted' },
  { what: 'an empty scope', scope: '', expected: 'partially_granted' },
  { what: 'a wider scope', scope: `${the.album} ${the.pick}`, expected: 'unavailable' },
])(
  'a refreshed token with $what is not issued, and keeps the grant (TMB-18, TMB-19, TMB-46)',
  async ({ scope, expected }) => {
    const google = scriptGoogle()
    const browser = await logIn(browse(), { bundle: 'album', expires_in: 250 })
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

it.each(['openid', 'https://www.googleapis.com/auth/userinfo.email'])(
  'a refresh with %s in addition: only openid is ignored',
  async (extra) => {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call, { scope: `${extra} ${the.pick}` })
    const browser = await logIn(browse(), { expires_in: 1 })
    later(2)
    const { status, body } = await ask(browser)
    expect([status, body.scope]).toEqual(extra === 'openid' ? [200, the.pick] : [500, undefined])
  },
)

it('a wider grant serves a narrower bundle with a down-scoped token (TMB-46)', async () => {
  const google = scriptGoogle()
  const browser = await logIn(browse(), { bundle: 'album' })
  const { status, body } = await ask(browser, { bundle: 'upload' })
  expect([status, body.scope]).toEqual([200, the.upload])
  expect(body.access_token).not.toBe('canary-access-token')
  expect(google.refreshes.map(({ body }) => body.get('scope'))).toEqual([the.upload])
})

it('a grant and a wider one that both ended are reported at once, also by GET /session', async () => {
  const google = scriptGoogle()
  const browser = await logIn(browse(), { bundle: 'album' })
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
  const browser = await logIn(browse(), { bundle: 'album' })
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
  const browser = await logIn(browse(), { bundle: 'album' })
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
