/** A consent beside older grants of the same subject. */

import { runInDurableObject } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { ask, askSession, browse, consentTo, logIn, subjectOf, the } from '../support/broker.ts'
import { oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'

stage()

it('a partial consent keeps the complete older grant, also when Google fails (TMB-22)', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser, { bundle: 'upload' })
  await logIn(browser, { bundle: 'album', expires_in: 1 })
  const { stub } = await subjectOf()
  later(1)
  const tokens = { access_token: 'canary-late', refresh_token: undefined, scope: the.upload }
  const partial = consentTo(the.album, { begins_session: false, tokens })
  expect(await stub.acceptConsent(partial)).toMatchObject({ value: { result: 'consent_required' } })
  later(1)
  expect((await askSession(browser)).body.bundles['album']).toMatchObject({ status: 'ready' })
  google.token = () => new Response(null, { status: 503 })
  for (let caller = 0; caller < 3; caller++)
    expect((await ask(browser, { bundle: 'album' })).status).toBe(503)
})

it('a new consent ends the back-off of the old grant', async () => {
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

it('a grant that a hundred newer ones follow ends, and the likely cause is their number', async () => {
  const google = scriptGoogle()
  const browser = browse()
  await logIn(browser)
  await runInDurableObject((await subjectOf()).stub, (_, { storage }) =>
    storage.kv.put('issued', 100),
  )
  await logIn(browser, { bundle: 'upload' })
  google.token = () => oauthError(400, 'invalid_grant')
  later(3600)
  expect((await ask(browser)).body).toMatchObject({ likely_cause: 'too_many_grants' })
})
