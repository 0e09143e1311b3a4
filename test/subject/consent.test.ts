/** Accepting a consent: what it stores, after and beside other work on the same subject. */

import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import type { Consent } from '../../src/subject/grant.ts'
import { accountName } from '../../src/subject/provider-names.ts'
import {
  ask,
  askSession,
  browse,
  consentTo,
  logIn,
  subjectOf,
  the,
  theConfig,
} from '../support/broker.ts'
import { holdCrypto } from '../support/grant-user.ts'
import {
  type Call,
  oauthError,
  refreshed,
  type ScriptedGoogle,
  scriptGoogle,
} from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'

stage()

/** Makes a consent to `album` that grants `scope`; without a refresh token by default. */
const albumConsent = (scope: string, refresh_token?: string): Consent =>
  consentTo(the.album, {
    begins_session: false,
    tokens: { access_token: 'canary-late', refresh_token, scope },
  })

it('is not stored without a refresh token if the old grant ends at the same time', async () => {
  scriptGoogle()
  await logIn(browse(), { bundle: 'album' })
  const { stub } = await subjectOf()
  const gate = holdCrypto('encrypt')
  later(1)
  const accepting = stub.acceptConsent(albumConsent(the.album))
  await gate.arrived()
  const name = await accountName(theConfig(), the.sub)
  await stub.applySecurityEvent({ type: 'tokens_revoked', name, at: now() })
  gate.release()
  expect(await accepting).toMatchObject({ value: { result: 'refresh_token_missing' } })
})

it('in part keeps the complete older grant, also when Google fails (TMB-22)', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser, { bundle: 'upload' })
  await logIn(browser, { bundle: 'album', expires_in: 1 })
  const { stub } = await subjectOf()
  later(1)
  expect(await stub.acceptConsent(albumConsent(the.upload))).toMatchObject({
    value: { result: 'consent_required' },
  })
  later(1)
  expect((await askSession(browser)).body.bundles['album']).toMatchObject({ status: 'ready' })
  google.token = () => new Response(null, { status: 503 })
  for (let caller = 0; caller < 3; caller++)
    expect((await ask(browser, { bundle: 'album' })).status).toBe(503)
})

it('ends the back-off of the old grant', async () => {
  const google = scriptGoogle()
  google.token = () => new Response(null, { status: 503, headers: { 'Retry-After': '200' } })
  const browser = browse()
  await logIn(browser, { expires_in: 1 })
  later(2)
  expect((await ask(browser)).status).toBe(503)
  google.token = (call) => refreshed(call)
  await logIn(browser, { expires_in: 1 })
  later(2)
  expect((await ask(browser)).status).toBe(200)
})

it.each([
  { others: 99, likely_cause: 'revoked_by_user' },
  { others: 100, likely_cause: 'too_many_grants' },
])('after $others others: the first ended because of $likely_cause', async (given) => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser)
  await runInDurableObject((await subjectOf()).stub, (_, { storage }) =>
    storage.kv.put('issued', given.others),
  )
  await logIn(browser, { bundle: 'upload' })
  google.token = () => oauthError(400, 'invalid_grant')
  later(3600)
  expect((await ask(browser)).body).toMatchObject({
    ...{ reason: 'ended', likely_cause: given.likely_cause },
  })
})

describe('after a disconnect', () => {
  const revoked = (google: ScriptedGoogle): unknown[] =>
    google.revocations.map(({ body }) => body.get('token'))

  it.each([
    { refresh_token: 'canary-late', left: ['canary-late'] },
    { refresh_token: undefined, left: [] },
  ])('is refused, and its refresh token is revoked: $left (TMB-61)', async (given) => {
    const google = scriptGoogle()
    const { stub } = await subjectOf()
    await stub.acceptConsent(albumConsent(the.album, 'canary-first'))
    await stub.disconnectForOperator()
    expect(revoked(google)).toEqual(['canary-first'])
    const late = albumConsent(`${the.album} ${the.pick}`, given.refresh_token)
    expect(await stub.acceptConsent(late)).toMatchObject({
      failure: { code: 'access_denied', reason: 'disconnected' },
    })
    expect(revoked(google).slice(1)).toEqual(given.left)
    expect(google.refreshes).toEqual([])
    later(0.001)
    expect((await stub.acceptConsent(albumConsent(the.album, 'canary-new'))).ok).toBe(true)
  })
})

it.each([
  {
    what: 'returns other scopes',
    token: (call: Call) => refreshed(call, { scope: the.album }),
    result: 'consent_required',
  },
  {
    what: 'is down',
    token: () => new Response(null, { status: 503 }),
    result: 'temporarily_unavailable',
  },
  {
    what: 'rejects the client',
    token: () => oauthError(401, 'invalid_client'),
    result: 'server_error',
  },
  { what: 'down-scopes', token: (call: Call) => refreshed(call), result: 'ok' },
])('to more than requested gives $result if Google $what (TMB-19)', async (given) => {
  const google = scriptGoogle()
  google.token = given.token
  const { stub } = await subjectOf()
  const larger = { ...albumConsent(the.album, 'canary-wide'), requested_scope: the.upload }
  expect(await stub.acceptConsent({ ...larger, begins_session: true })).toMatchObject({
    value: { result: given.result, session: { id: expect.any(String) } },
  })
  expect(google.refreshes).toHaveLength(1)
  const { tokens } = albumConsent(`${the.album} ${the.pick}`)
  expect(await stub.acceptConsent({ ...larger, tokens })).toEqual({
    ok: true,
    value: { result: 'refresh_token_missing' },
  })
  expect(google.refreshes).toHaveLength(1)
})
