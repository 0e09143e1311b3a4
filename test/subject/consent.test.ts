/** This file is the tests of the consent that is kept: over what went before it, and what goes on beside it. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import { open, type Place } from '../../src/crypto/seal.ts'
import { parseScope } from '../../src/scope/scopes.ts'
import type { Consent } from '../../src/subject/grant.ts'
import { scopeSetKey } from '../../src/subject/grants.ts'
import { grantKey, tokenKey } from '../../src/subject/kv-records.ts'
import { accountName, namesOfToken } from '../../src/subject/provider-names.ts'
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
import { createHostileKv } from '../support/hostile-kv.ts'
import {
  type Call,
  oauthError,
  refreshed,
  type ScriptedGoogle,
  scriptGoogle,
} from '../support/scripted-google.ts'
import { dumpKv, dumpObject, later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

/** A consent to `album` that brings these scopes, and no refresh token unless it is given. */
const toAlbum = (scope: string, refresh_token?: string): Consent =>
  consentTo(the.album, {
    begins_session: false,
    tokens: { access_token: 'canary-late', refresh_token, scope },
  })

it('without a refresh token is not kept where the one that was held goes meanwhile (design.md §6.6)', async () => {
  scriptGoogle()
  await logIn(browse(), { bundle: 'album' })
  const { stub } = await subjectOf()
  const gate = holdCrypto('encrypt')
  later(1)
  const accepting = stub.acceptConsent(toAlbum(the.album))
  await gate.arrived()
  const name = await accountName(theConfig(), the.sub)
  await stub.applySecurityEvent({ type: 'tokens_revoked', name, at: now() })
  gate.release()
  expect(await accepting).toMatchObject({ value: { result: 'refresh_token_missing' } })
})

it('in part leaves the whole one that is held as it is, and its outages outages (TMB-22)', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser, { bundle: 'upload' })
  await logIn(browser, { bundle: 'album', expires_in: 1 })
  const { stub } = await subjectOf()
  later(1)
  expect(await stub.acceptConsent(toAlbum(the.upload))).toMatchObject({
    value: { result: 'consent_required' },
  })
  later(1)
  expect((await askSession(browser)).body.bundles['album']).toMatchObject({ status: 'ready' })
  google.token = () => new Response(null, { status: 503 })
  for (let caller = 0; caller < 3; caller++)
    expect((await ask(browser, { bundle: 'album' })).status).toBe(503)
})

it('in part does not bring back what was forgotten, also where a wider grant has it (design.md §6.5)', async () => {
  scriptGoogle()
  await logIn(browse(), { bundle: `${the.album} ${the.pick}` })
  const { stub } = await subjectOf()
  const credential = { kind: 'app_user' } as const
  const askAlbum = async () =>
    stub.issueToken({ credential, scope: the.album, min_ttl: 0, missed_in_kv: false })
  expect(await askAlbum()).toMatchObject({ ok: true })
  const before = toAlbum(the.album)
  later(1)
  await stub.forgetGrant(credential, the.album)
  expect(await askAlbum()).toMatchObject({ ok: false, failure: { code: 'consent_required' } })
  later(1)
  const part = toAlbum(the.upload)
  await stub.acceptConsent({ ...part, tokens: { ...part.tokens, refresh_token: 'canary-part' } })
  expect(await askAlbum()).toMatchObject({
    failure: { code: 'consent_required', members: { reason: 'partially_granted' } },
  })
  const tokens = { ...before.tokens, refresh_token: 'canary-before' }
  expect(await stub.acceptConsent({ ...before, tokens })).toMatchObject({
    failure: { reason: 'forgotten' },
  })
})

it('anew ends the back-off of the old one', async () => {
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
])('after $others others is the likely end of the first: $likely_cause', async (given) => {
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

describe('that comes too late', () => {
  const revoked = (google: ScriptedGoogle): unknown[] =>
    google.revocations.map(({ body }) => body.get('token'))

  it.each([
    { what: 'with its refresh token', refresh_token: 'canary-late', left: ['canary-late'] },
    { what: 'without one', refresh_token: undefined, left: [] },
  ])('for a disconnect is refused, $what to be revoked (TMB-61)', async (given) => {
    const google = scriptGoogle()
    const { stub } = await subjectOf()
    await stub.acceptConsent(toAlbum(the.album, 'canary-first'))
    await stub.disconnectForOperator()
    expect(revoked(google)).toEqual(['canary-first'])
    const late = toAlbum(`${the.album} ${the.pick}`, given.refresh_token)
    expect(await stub.acceptConsent(late)).toMatchObject({
      failure: { code: 'access_denied', reason: 'disconnected' },
    })
    expect(revoked(google).slice(1)).toEqual(given.left)
    expect(google.refreshes).toEqual([])
    later(0.001)
    expect((await stub.acceptConsent(toAlbum(the.album, 'canary-new'))).ok).toBe(true)
  })

  it.each([
    {
      reason: 'session_ended',
      make: async () => ({ ...toAlbum(the.album, 'canary-late'), family_id: 'gone' }),
    },
    {
      reason: 'forgotten',
      make: async () => {
        const { stub } = await subjectOf()
        await stub.acceptConsent(toAlbum(the.album, 'canary-first'))
        await stub.forgetGrant({ kind: 'app_user' }, the.album)
        return toAlbum(the.album, 'canary-late')
      },
    },
  ])('for what it is: $reason, is refused and not revoked', async ({ reason, make }) => {
    const google = scriptGoogle()
    const { stub } = await subjectOf()
    expect(await stub.acceptConsent(await make())).toMatchObject({ failure: { reason } })
    expect(revoked(google)).toEqual([])
    expect(await stub.stats(false)).toMatchObject({ grants: [], revocation_outbox: 0 })
  })
})

it('to nothing at all is kept as nothing, whatever token came with it', async () => {
  scriptGoogle()
  const { stub, key } = await subjectOf()
  for (const refresh_token of [undefined, 'canary-useless']) {
    expect(await stub.acceptConsent(toAlbum('openid', refresh_token))).toMatchObject({
      value: { result: 'consent_required' },
    })
    expect(await stub.stats(false)).toMatchObject({ grants: [], records: {} })
  }
  expect(await namedHere('canary-useless')).not.toContain(key)
})

/** Whom Google may mean by a refresh token. */
async function namedHere(refresh_token: string): Promise<string[]> {
  const names = await namesOfToken(theConfig(), { refresh_token })
  return env.SUBJECT_INDEX.getByName(names[0] ?? '').subjects()
}

it.each([{ begins_session: true }, { begins_session: false }])(
  'is noted under what Google may call it; its account only for a user without a session: $begins_session (TMB-67)',
  async ({ begins_session }) => {
    scriptGoogle()
    const { stub, key } = await subjectOf()
    const account = async (): Promise<string[]> =>
      env.SUBJECT_INDEX.getByName(await accountName(theConfig(), the.sub)).subjects()
    await stub.acceptConsent({ ...toAlbum(the.album), begins_session })
    await stub.acceptConsent({ ...toAlbum(the.album, 'canary-late'), family_id: 'gone' })
    expect([await namedHere(''), await namedHere('canary-late')]).toEqual([[], []])
    expect(await account()).toEqual([])
    await stub.acceptConsent({ ...toAlbum(the.album, 'canary-r'), begins_session })
    await vi.waitFor(async () => expect(await namedHere('canary-r')).toEqual([key]))
    await vi.waitFor(async () => expect(await account()).toEqual(begins_session ? [] : [key]))
    await stub.acceptConsent({ ...toAlbum(the.album), begins_session })
    expect(await namedHere('')).toEqual([])
  },
)

it('is of one generation with its access token, also where it brings no other grant', async () => {
  scriptGoogle()
  const { stub, key } = await subjectOf()
  const scopes = await scopeSetKey(parseScope(the.album))
  const records = async (): Promise<unknown[]> => {
    const places: Place[] = [
      { type: 'grant', at: grantKey(key, scopes) },
      { type: 'token', at: tokenKey(key, scopes) },
    ]
    const kv = await dumpKv()
    const opening = places.map(async (place) =>
      open(theConfig().keyring, place, kv.get(place.at) ?? ''),
    )
    return Promise.all(opening)
  }
  const generations = new Set<unknown>()
  for (const refresh_token of ['canary-r', undefined, 'canary-r2']) {
    later(2)
    await stub.acceptConsent(toAlbum(the.album, refresh_token))
    const [grant, token] = (await records()) as { generation: string; refresh_token: string }[]
    expect(grant?.refresh_token).toBe(refresh_token ?? 'canary-r')
    expect(grant?.generation).toMatch(/^[\w-]{22}$/)
    expect(token?.generation).toBe(grant?.generation)
    generations.add(grant?.generation)
  }
  expect(generations.size).toBe(2)
})

it('for a while is told as over when that is over', async () => {
  const google = scriptGoogle()
  const { stub } = await subjectOf()
  const consent = toAlbum(the.album, 'canary-r')
  const refresh_token_expires_at = now() + 7200
  await stub.acceptConsent({ ...consent, tokens: { ...consent.tokens, refresh_token_expires_at } })
  google.token = () => oauthError(400, 'invalid_grant')
  later(7200)
  const asked = { min_ttl: 0, missed_in_kv: false, scope: the.album }
  expect(await stub.issueToken({ ...asked, credential: { kind: 'app_user' } })).toMatchObject({
    failure: { members: { reason: 'ended', likely_cause: 'time_limited_access' } },
  })
})

it('takes back what was noted of its scopes and of those that were asked for', async () => {
  const google = scriptGoogle()
  const { stub } = await subjectOf()
  const credential = { kind: 'app_user' } as const
  const askFor = async (scope: string) =>
    stub.issueToken({ credential, scope, min_ttl: 0, missed_in_kv: false })
  const statuses = async (): Promise<unknown> =>
    stub.describeScopes(credential, [the.upload, the.album])
  await stub.acceptConsent(toAlbum(the.upload, 'canary-upload'))
  expect(await dumpObject(stub)).toContain('"kind":"partial"')
  google.token = (call) => refreshed(call, { scope: the.album })
  later(3600)
  await askFor(the.upload)
  expect(await statuses()).toMatchObject({
    value: [{ status: 'unavailable' }, { reason: 'partially_granted' }],
  })
  await stub.acceptConsent(toAlbum(the.upload, 'canary-upload'))
  expect(await statuses()).toMatchObject({
    value: [{ status: 'ready' }, { reason: 'partially_granted' }],
  })
  await stub.forgetGrant(credential, the.upload)
  google.token = (call) => refreshed(call)
  later(1)
  const wider = { ...toAlbum(the.album, 'canary-wide'), requested_scope: the.upload }
  expect(await stub.acceptConsent(wider)).toMatchObject({ value: { result: 'ok' } })
  expect(await askFor(the.upload)).toMatchObject({ ok: true })
})

it('gives up a revocation of its account that Google has not heard (TMB-62)', async () => {
  const google = scriptGoogle()
  const { stub } = await subjectOf()
  google.revoke = () => new Response(null, { status: 503 })
  await stub.acceptConsent(toAlbum(the.album, 'canary-first'))
  later(1)
  await stub.disconnectForOperator()
  expect(await stub.stats(false)).toMatchObject({ revocation_outbox: 1 })
  later(1)
  await stub.acceptConsent(toAlbum('openid', 'canary-nothing'))
  expect(await stub.stats(false)).toMatchObject({ revocation_outbox: 1 })
  await stub.acceptConsent(toAlbum(the.album, 'canary-again'))
  expect(await stub.stats(false)).toMatchObject({ revocation_outbox: 0 })
})

it('that begins a session beside another writes only what is its own', async () => {
  scriptGoogle()
  const kv = createHostileKv()
  configure({ TOKENS: kv.namespace })
  await logIn(browse(), { bundle: 'album' })
  later(2)
  await logIn(browse(), { bundle: 'upload' })
  expect(kv.counts.writes).toBe(4)
  const { stub } = await subjectOf()
  const begin = async (family_id?: string) => {
    later(2)
    const nothing = { ...toAlbum('openid'), begins_session: true }
    const accepted = await stub.acceptConsent(
      family_id === undefined ? nothing : { ...nothing, family_id },
    )
    return accepted.ok && 'session' in accepted.value
      ? accepted.value.session?.family_id
      : undefined
  }
  const family_id = await begin()
  expect(kv.counts.writes).toBe(4)
  await begin(family_id) // in the place of the one before, which KV may name
  expect(kv.counts.writes).toBe(6)
})

it.each([
  {
    what: 'gives another scope',
    token: (call: Call) => refreshed(call, { scope: the.album }),
    result: 'consent_required',
  },
  {
    what: 'is down',
    token: () => new Response(null, { status: 503 }),
    result: 'temporarily_unavailable',
  },
  {
    what: 'does not know the client',
    token: () => oauthError(401, 'invalid_client'),
    result: 'server_error',
  },
  { what: 'narrows', token: (call: Call) => refreshed(call), result: 'ok' },
])('wider than was asked for is $result where Google $what (TMB-19)', async (given) => {
  const google = scriptGoogle()
  google.token = given.token
  const { stub } = await subjectOf()
  const wider = { ...toAlbum(the.album, 'canary-wide'), requested_scope: the.upload }
  expect(await stub.acceptConsent({ ...wider, begins_session: true })).toMatchObject({
    value: { result: given.result, session: { id: expect.any(String) } },
  })
  expect(google.refreshes).toHaveLength(1)
  const { tokens } = toAlbum(`${the.album} ${the.pick}`)
  expect(await stub.acceptConsent({ ...wider, tokens })).toEqual({
    ok: true,
    value: { result: 'refresh_token_missing' },
  })
  expect(google.refreshes).toHaveLength(1)
})
