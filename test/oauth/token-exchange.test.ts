/** Tests of what an app's user gets with a JWT alone: tokens by exchange, the session, a disconnect (RFC 8693). */

import { describe, expect, it } from 'vitest'
import { ALBUM_CLIENT, EXCHANGE } from '../support/app-issuer.ts'
import { bearer, connect, exchange, issuer, redeem, stageAppUsers } from '../support/app-users.ts'
import { answerOf, broker, subjectOf, the } from '../support/broker.ts'
import { configureClients, gallery, openFrontend, sha256 } from '../support/frontend.ts'
import { frontend, google } from '../support/oauth-mode.ts'
import { aMinute, storedIn } from '../support/story.ts'

stageAppUsers()

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
    expect((await storedIn(stub)).size).toBe(0)
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
  { what: 'a wrong JWT', change: { subject_token: 'x.y.z' } },
  { what: 'a min_ttl that is no number', change: { min_ttl: 'soon' } },
])('a token exchange with $what is an invalid request (RFC 8693 §2.2.2)', async ({ change }) => {
  const { status, body } = await exchange('ada', 'pick', change)
  expect([status, body.error]).toEqual([400, 'invalid_request'])
})

describe('an app’s user', () => {
  it.each(['subject_token', 'subject_token_type'])(
    'cannot exchange a token without %s (RFC 8693 §2.1)',
    async (name) => {
      const subject_token = await issuer.jwt('ada')
      const form = { ...EXCHANGE, subject_token, scope: 'pick', [name]: undefined }
      const { status, body } = await frontend.post('/token', form, { proof: null })
      expect([status, body.error]).toEqual([400, 'invalid_request'])
    },
  )
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
