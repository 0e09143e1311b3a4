/** Tests of DPoP at the front door: key, request, time and reuse of a proof (RFC 9449; TMB-51). */

import { exportJWK, generateKeyPair, generateSecret } from 'jose'
import { describe, expect, it } from 'vitest'
import {
  configureClients,
  OAUTH_CLIENTS,
  openFrontend,
  type ProofChange,
  sha256,
} from '../support/frontend.ts'
import { frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'
import { later } from '../support/story.ts'

stageOAuthMode()

const newKeys = (alg = 'ES256') => generateKeyPair(alg, { extractable: true })
const at = (offset: number): number => Math.floor(Date.now() / 1000) + offset

/** Wrong proofs for `POST /token`; test/session/any-proof.test.ts has more. */
const WRONG: { what: string; change: () => ProofChange | Promise<ProofChange> }[] = [
  { what: 'another method', change: () => ({ claims: { htm: 'GET' } }) },
  { what: 'another path', change: () => ({ claims: { htu: 'https://broker.example/tokens' } }) },
  { what: 'another typ', change: () => ({ header: { typ: 'JWT' } }) },
  { what: 'a long jti', change: () => ({ claims: { jti: 'x'.repeat(257) } }) },
  { what: 'another host', change: () => ({ claims: { htu: 'https://evil.example/token' } }) },
  { what: 'a stale iat', change: () => ({ claims: { iat: at(-121) } }) },
  { what: 'a future iat', change: () => ({ claims: { iat: at(12) } }) },
  { what: 'no jti', change: () => ({ claims: { jti: undefined } }) },
  { what: 'an unknown crit', change: () => ({ header: { crit: ['x'], x: 1 } }) },
  { what: 'no key', change: () => ({ header: { jwk: undefined } }) },
  {
    what: 'a key it was not signed with',
    change: async () => ({ header: { jwk: await exportJWK((await newKeys()).publicKey) } }),
  },
  {
    what: 'its private key in the header',
    change: async () => {
      const { privateKey } = await newKeys()
      return { header: { jwk: await exportJWK(privateKey) }, key: privateKey }
    },
  },
  {
    what: 'another algorithm',
    change: async () => {
      const { publicKey, privateKey } = await newKeys('RS256')
      return { header: { alg: 'RS256', jwk: await exportJWK(publicKey) }, key: privateKey }
    },
  },
  {
    what: 'a secret as its key',
    change: async () => {
      const secret = (await generateSecret('HS256', { extractable: true })) as CryptoKey
      return { header: { alg: 'HS256', jwk: await exportJWK(secret) }, key: secret }
    },
  },
]

describe('a proof', () => {
  it.each(WRONG)('with $what is refused (RFC 9449 §4.3)', async ({ change }) => {
    await frontend.connect(google, 'pick')
    const before = google.calls('token')
    const { status, body } = await frontend.ask('pick', {}, { proof: await change() })
    expect([status, body.error]).toEqual([400, 'invalid_dpop_proof'])
    expect(google.calls('token')).toBe(before)
    expect((await frontend.ask('pick')).status).toBe(200)
  })

  it.each([
    { what: 'is missing', proof: null },
    { what: 'is unsigned', proof: `${btoa('{"typ":"dpop+jwt","alg":"none"}')}.e30.` },
    { what: 'is repeated', proof: 'twice' },
    { what: 'is too long', proof: 'x'.repeat(5000) },
  ])('that $what is refused', async ({ proof }) => {
    await frontend.connect(google, 'pick')
    const one = await frontend.prove()
    const given = proof === 'twice' ? `${one}, ${one}` : proof
    const { status, body } = await frontend.ask('pick', {}, { proof: given })
    expect([status, body.error]).toEqual([400, 'invalid_dpop_proof'])
  })

  it.each([9, -119])('of a clock that is %i s wrong is accepted', async (offset) => {
    await frontend.connect(google, 'pick')
    const proof = { claims: { iat: at(offset) } }
    expect((await frontend.ask('pick', {}, { proof })).status).toBe(200)
  })

  it('can have another spelling of the URL, and a query that is ignored (RFC 9449 §4.3)', async () => {
    await frontend.connect(google, 'pick')
    const proof = { claims: { htu: 'HTTPS://BROKER.example:443/token?x#y' } }
    expect((await frontend.ask('pick', {}, { proof })).status).toBe(200)
  })
})

describe('a nonce', () => {
  it('comes with the first refusal and with every answer (RFC 9449 §8)', async () => {
    const refused = await frontend.ask('pick', { refresh_token: 'x' }, { once: true })
    expect([refused.status, refused.body.error]).toEqual([400, 'use_dpop_nonce'])
    expect(refused.headers.get('DPoP-Nonce')).toMatch(/^[\w.-]+$/)
    expect(refused.headers.get('Access-Control-Expose-Headers')).toContain('DPoP-Nonce')
    await frontend.connect(google, 'pick')
    const { status, headers } = await frontend.ask('pick', {}, { once: true })
    expect([status, headers.has('DPoP-Nonce')]).toEqual([200, true])
  })

  it('is accepted for an hour, so that proofs cannot be made in advance', async () => {
    await frontend.connect(google, 'pick')
    const { nonce } = frontend
    later(3599)
    expect((await frontend.ask('pick', {}, { once: true })).status).toBe(200)
    frontend.nonce = nonce
    later(1)
    expect((await frontend.ask('pick', {}, { once: true })).body.error).toBe('use_dpop_nonce')
  })

  it.each(['nonce', '', 7, null])('%j is refused', async (nonce) => {
    await frontend.connect(google, 'pick')
    const change = { proof: { claims: { nonce } }, once: true }
    expect((await frontend.ask('pick', {}, change)).body.error).toBe('use_dpop_nonce')
  })

  it('is not accepted as a refresh token or code, nor the other way round', async () => {
    await frontend.connect(google, 'pick')
    const { nonce = '' } = frontend
    expect((await frontend.ask('pick', { refresh_token: nonce })).body.error).toBe('invalid_grant')
    expect((await frontend.redeem(nonce)).body.error).toBe('invalid_grant')
    const claims = { nonce: frontend.refresh_token }
    const refused = await frontend.ask('pick', {}, { proof: { claims }, once: true })
    expect(refused.body.error).toBe('use_dpop_nonce')
  })
})

describe('a refresh token', () => {
  it('is refused with another key', async () => {
    await frontend.connect(google, 'pick')
    const thief = await openFrontend()
    thief.refresh_token = frontend.refresh_token
    for (const bundle of ['pick', 'broker']) {
      const { status, body } = await thief.ask(bundle)
      expect([status, body.error]).toEqual([400, 'invalid_grant'])
    }
    expect((await frontend.ask('pick')).status).toBe(200)
  })

  it('is not accepted as an access token, nor the other way round', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const asBearer = await frontend.call('GET', '/session', {
      access_token: frontend.refresh_token,
    })
    expect([asBearer.status, asBearer.body.error]).toEqual([401, 'login_required'])
    const asRefresh = await frontend.ask('pick', { refresh_token: access_token })
    expect(asRefresh.body.error).toBe('invalid_grant')
  })

  it('of another client is refused (RFC 6749 §6)', async () => {
    await frontend.connect(google, 'pick')
    const { body } = await frontend.ask('pick', { client_id: 'journal' })
    expect(body.error).toBe('invalid_grant')
  })
})

describe('a proof that is used again', () => {
  it('is refused by the Durable Object', async () => {
    configureClients(OAUTH_CLIENTS, { CONSISTENCY: 'strict' })
    await frontend.connect(google, 'pick')
    const proof = await frontend.prove()
    const answers = await Promise.all(
      Array.from({ length: 20 }, async () => frontend.ask('pick', {}, { proof })),
    )
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    const refused = answers.filter(({ body }) => body.error === 'invalid_dpop_proof')
    expect(refused).toHaveLength(19)
    const ownToken = await frontend.prove()
    expect((await frontend.ask('broker', {}, { proof: ownToken })).status).toBe(200)
    expect((await frontend.ask('broker', {}, { proof: ownToken })).status).toBe(400)
  })

  it('is refused at a protected resource', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const claims = { ath: await sha256(access_token) }
    const proof = await frontend.prove({ method: 'DELETE', path: '/grants/upload', claims })
    const change = { access_token, proof }
    expect((await frontend.call('DELETE', '/grants/upload', change)).status).toBe(204)
    const again = await frontend.call('DELETE', '/grants/upload', change)
    expect([again.status, again.body.error]).toEqual([401, 'invalid_dpop_proof'])
  })

  it('gets at most the same token from KV, for two minutes', async () => {
    await frontend.connect(google, 'pick')
    await frontend.ask('pick')
    const proof = await frontend.prove()
    const first = await frontend.ask('pick', {}, { proof })
    const again = await frontend.ask('pick', {}, { proof })
    expect([200, 400]).toContain(again.status)
    if (again.status === 200) expect(again.body.access_token).toBe(first.body.access_token)
    later(121)
    expect((await frontend.ask('pick', {}, { proof })).body.error).toBe('invalid_dpop_proof')
  })
})
