/** Attacks with a code, stolen or foreign; those on the callback are in test/flow, those with JWTs in app-jwt.test.ts. */

import { describe, expect, it } from 'vitest'
import { subjectOf, the } from '../support/broker.ts'
import {
  configureClients,
  gallery,
  journal,
  OAUTH_CLIENTS,
  openFrontend,
} from '../support/frontend.ts'
import { codeFor, frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'
import { BEN } from '../support/simulated-google.ts'
import { alarm, dumpKv, later, storedIn } from '../support/story.ts'

stageOAuthMode()

describe('a start link of an attacker', () => {
  it('gives the attacker nothing, even with the code, and begins no session for a victim', async () => {
    const attacker = await openFrontend()
    const code = await codeFor(attacker, 'pick', { account: BEN })
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
    expect((await storedIn(stub, 'sessions')).size).toBe(0)
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
    const code = await codeFor(frontend, 'pick', { parameters: { dpop_jkt: undefined } })
    const { body } = await frontend.redeem(code)
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
