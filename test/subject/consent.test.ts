/** This file is the tests of the consent that is kept: over what went before it, and what goes on beside it. */

import { expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import { accountName } from '../../src/subject/names.ts'
import { ask, askSession, browse, logIn, subjectOf, the, theConfig } from '../support/broker.ts'
import { until } from '../support/holder.ts'
import { oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'

stage()

/** A consent to `album` that brings these scopes, and no refresh token. */
const withoutRefreshToken = (scope: string) => ({
  ...{ sub: the.sub, asked: the.album, began_at: now(), begins_session: false },
  tokens: { access_token: 'canary-late', expires_in: 3599, expires_at: now() + 3599, scope },
})

it('without a refresh token is not kept where the one that was held goes meanwhile (design.md §6.6)', async () => {
  scriptGoogle()
  await logIn(browse(), { bundle: 'album' })
  const { stub } = await subjectOf()
  const encrypt = crypto.subtle.encrypt.bind(crypto.subtle)
  let [calls, isHeld] = [0, true]
  vi.spyOn(crypto.subtle, 'encrypt').mockImplementation(async (...args) => {
    calls++
    await until(() => !isHeld)
    return encrypt(...args)
  })
  later(1)
  const accepting = stub.accept(withoutRefreshToken(the.album))
  await until(() => calls > 0)
  const name = await accountName(theConfig(), the.sub)
  await stub.heed({ type: 'tokens_revoked', name, at: now() })
  isHeld = false
  expect(await accepting).toMatchObject({ value: { result: 'refresh_token_missing' } })
})

it('in part leaves the whole one that is held as it is, and its outages outages (TMB-22)', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser, { bundle: 'upload' })
  await logIn(browser, { bundle: 'album', expires_in: 1 })
  const { stub } = await subjectOf()
  later(1)
  expect(await stub.accept(withoutRefreshToken(the.upload))).toMatchObject({
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
  const asker = { kind: 'app_user' } as const
  const askAlbum = async () =>
    stub.accessToken({ asker, scope: the.album, min_ttl: 0, missed_in_kv: false })
  expect(await askAlbum()).toMatchObject({ ok: true })
  const before = withoutRefreshToken(the.album)
  later(1)
  await stub.forget(asker, the.album)
  expect(await askAlbum()).toMatchObject({ ok: false, failure: { code: 'consent_required' } })
  later(1)
  const part = withoutRefreshToken(the.upload)
  await stub.accept({ ...part, tokens: { ...part.tokens, refresh_token: 'canary-part' } })
  expect(await askAlbum()).toMatchObject({
    failure: { code: 'consent_required', members: { reason: 'partially_granted' } },
  })
  const tokens = { ...before.tokens, refresh_token: 'canary-before' }
  expect(await stub.accept({ ...before, tokens })).toMatchObject({
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

it('is the likely end of another, a hundred consents before it', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser)
  for (let count = 0; count < 100; count++) await logIn(browser, { bundle: 'upload' })
  google.token = () => oauthError(400, 'invalid_grant')
  later(3600)
  expect((await ask(browser)).body).toMatchObject({
    ...{ reason: 'ended', likely_cause: 'too_many_grants' },
  })
})
