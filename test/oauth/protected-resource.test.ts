/** Tests of requests with an access token of the broker: challenges, the key, and where the token may be (RFC 9449 §7). */

import { describe, expect, it } from 'vitest'
import { broker, the } from '../support/broker.ts'
import { gallery, openFrontend, sha256 } from '../support/frontend.ts'
import { frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'

stageOAuthMode()

describe('a protected resource', () => {
  it.each([
    { what: 'no token', headers: { Authorization: undefined }, challenge: 'DPoP algs="ES256"' },
    {
      what: 'an unknown token',
      headers: { Authorization: 'DPoP x' },
      challenge: 'DPoP error="invalid_token", algs="ES256"',
    },
    {
      what: 'another scheme',
      headers: { Authorization: 'Basic eDp5' },
      challenge: 'DPoP algs="ES256"',
    },
  ])('answers 401 and a challenge to $what (RFC 9449 §7.1)', async ({ headers, challenge }) => {
    await frontend.connect(google, 'pick')
    const proof = headers.Authorization === undefined ? null : {}
    const answer = await frontend.call('GET', '/session', { headers, proof })
    expect([answer.status, answer.body.error]).toEqual([401, 'login_required'])
    expect(answer.headers.get('WWW-Authenticate')).toBe(challenge)
  })

  it('refuses a bound token as Bearer (RFC 9449 §7.2)', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const headers = { Authorization: `Bearer ${access_token}` }
    const { status, body } = await frontend.call('GET', '/session', { headers, proof: null })
    expect([status, body.error]).toEqual([401, 'login_required'])
  })

  it.each([
    { what: 'without ath', claims: { ath: undefined } },
    { what: 'for another token', claims: { ath: 'x'.repeat(43) } },
  ])('refuses a proof $what', async ({ claims }) => {
    await frontend.connect(google, 'pick')
    const answer = await frontend.call('GET', '/session', { proof: { claims } })
    expect([answer.status, answer.body.error]).toEqual([401, 'invalid_dpop_proof'])
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/^DPoP error="invalid_dpop_proof"/)
  })

  it('asks for a nonce with 401 (RFC 9449 §9)', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    frontend.nonce = undefined
    const answer = await frontend.call('GET', '/session', { access_token, once: true })
    expect([answer.status, answer.body.error]).toEqual([401, 'use_dpop_nonce'])
    expect(answer.headers.get('WWW-Authenticate')).toMatch(/error="use_dpop_nonce"/)
    expect(answer.headers.has('DPoP-Nonce')).toBe(true)
  })

  it('accepts no token in the query (RFC 9700 §4.3.2, RFC 6750 §2.3)', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const claims = { ath: await sha256(access_token) }
    const DPoP = await frontend.prove({ method: 'GET', path: '/session', claims })
    const url = `${the.url}/session?access_token=${access_token}`
    const headers = { DPoP, Origin: gallery.origin }
    expect((await broker(new Request(url, { headers }))).status).toBe(401)
  })

  it('accepts the scheme in any case (RFC 9110 §11.1)', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const claims = { ath: await sha256(access_token) }
    const DPoP = await frontend.prove({ method: 'GET', path: '/session', claims })
    const headers = { Authorization: `dpop ${access_token}`, DPoP }
    expect((await broker(new Request(`${the.url}/session`, { headers }))).status).toBe(200)
  })
})

it('an access token of the broker is refused with another key', async () => {
  await frontend.connect(google, 'pick')
  const { access_token } = (await frontend.ask('broker')).body
  const thief = await openFrontend()
  expect((await thief.call('GET', '/session', { access_token })).status).toBe(401)
  expect((await thief.call('DELETE', '/grants', { access_token })).status).toBe(401)
  expect((await frontend.ask('pick')).status).toBe(200)
})
