/** Tests of the JWTs of an app's users, and of the requests for their key set (TMB-40 to TMB-42). */

import { exportJWK, exportSPKI, generateKeyPair, UnsecuredJWT } from 'jose'
import { describe, expect, it } from 'vitest'
import { ALBUM_CLIENT, EXCHANGE, openIssuer } from '../support/app-issuer.ts'
import { issuer, stageAppUsers } from '../support/app-users.ts'
import type { Answer } from '../support/broker.ts'
import { configureClients, gallery } from '../support/frontend.ts'
import { frontend } from '../support/oauth-mode.ts'
import { later, STORY_BEGINS } from '../support/story.ts'

stageAppUsers()

async function show(jwt: string): Promise<Answer<unknown>> {
  const headers = { Authorization: `Bearer ${jwt}` }
  return frontend.call('GET', '/session', { proof: null, headers })
}

/** A NumericDate, relative to the begin of the test. */
const at = (offset: number): number => STORY_BEGINS / 1000 + offset

describe('a JWT', () => {
  it.each([
    {
      what: 'with the audience among others',
      change: { claims: { aud: ['x', ALBUM_CLIENT.audience] } },
    },
    { what: 'typed as an access token (RFC 9068 §4)', change: { header: { typ: 'at+jwt' } } },
    {
      what: 'with a clock that is off by a minute',
      change: { claims: { iat: at(55), nbf: at(55) } },
    },
    { what: 'with a sub of 255 characters', change: { claims: { sub: 'x'.repeat(255) } } },
    { what: 'that lives a day', change: { claims: { exp: at(24 * 60 * 60) } } },
  ])('$what is accepted', async ({ change }) => {
    expect((await show(await issuer.jwt('ada', change))).status).toBe(200)
  })

  it.each([
    { what: 'another issuer', change: { claims: { iss: 'https://evil.example' } } },
    { what: 'another audience', change: { claims: { aud: 'other' } } },
    {
      what: 'an audience that begins as ours',
      change: { claims: { aud: `${ALBUM_CLIENT.audience}x` } },
    },
    { what: 'no sub', change: { claims: { sub: undefined } } },
    { what: 'an endless sub', change: { claims: { sub: 'x'.repeat(256) } } },
    { what: 'no exp', change: { claims: { exp: undefined } } },
    { what: 'no iat', change: { claims: { iat: undefined } } },
    { what: 'an iat just too far ahead', change: { claims: { iat: at(61) } } },
    { what: 'an end before its beginning', change: { claims: { iat: at(30), exp: at(10) } } },
    {
      what: 'a life of a day and a second',
      change: { claims: { iat: at(0), exp: at(24 * 60 * 60 + 1) } },
    },
    { what: 'an nbf to come', change: { claims: { nbf: at(120) } } },
    { what: 'a nonce, as an ID token has', change: { claims: { nonce: 'n' } } },
    { what: 'events, as a security event token has', change: { claims: { events: {} } } },
    { what: 'the type of a logout token', change: { header: { typ: 'logout+jwt' } } },
    { what: 'the type of a security event token', change: { header: { typ: 'secevent+jwt' } } },
    { what: 'a jku', change: { header: { jku: 'https://evil.example/keys' } } },
    { what: 'an unknown crit', change: { header: { crit: ['x'], x: 1 } } },
    { what: 'a binding to what we cannot check', change: { claims: { cnf: { 'x5t#S256': 'x' } } } },
  ])('with $what is refused', async ({ change }) => {
    const { status, headers, body } = await show(await issuer.jwt('ada', change))
    expect(status).toBe(401)
    expect(headers.get('WWW-Authenticate')).toBe('Bearer error="invalid_token"')
    expect(body.error).toBe('login_required')
    expect(body.error_description).toMatch(/JWT/)
  })

  it.each([
    { claims: { aud: undefined }, says: 'The aud of the JWT is missing' },
    { claims: { iss: 'https://evil.example' }, says: 'The iss of the JWT' },
    { claims: { nonce: 'n' }, says: 'such as nonce' },
    { claims: { exp: at(30 * 24 * 60 * 60) }, says: 'lives longer than 24 hours' },
    { claims: { sub: '' }, says: 'The sub of the JWT' },
  ])(
    'with $claims is told what is refused, also at the token exchange',
    async ({ claims, says }) => {
      const jwt = await issuer.jwt('ada', { claims })
      expect((await show(jwt)).body.error_description).toContain(says)
      const form = { ...EXCHANGE, subject_token: jwt, scope: 'pick' }
      const { body } = await frontend.post('/token', form, { proof: null })
      expect(body.error).toBe('invalid_request')
      expect(body.error_description).toContain(says)
    },
  )

  it('unsigned is refused', async () => {
    const jwt = new UnsecuredJWT({
      iss: ALBUM_CLIENT.issuer,
      aud: ALBUM_CLIENT.audience,
      sub: 'ada',
    })
    expect((await show(jwt.setIssuedAt().setExpirationTime('1h').encode())).status).toBe(401)
  })

  it('signed with HS256 and the public key as the secret is refused', async () => {
    const { publicKey } = await generateKeyPair('RS256', { extractable: true })
    const secret = new TextEncoder().encode(await exportSPKI(publicKey))
    const jwk = { ...(await exportJWK(secret)), kid: 'k1', alg: 'HS256' }
    issuer.keys.push(jwk)
    const header = { alg: 'HS256' }
    expect((await show(await issuer.jwt('ada', { header, key: secret }))).status).toBe(401)
  })

  it('signed with a key in its own header is refused', async () => {
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
    const header = { jwk: await exportJWK(publicKey) }
    expect((await show(await issuer.jwt('ada', { header, key: privateKey }))).status).toBe(401)
    expect((await show(await issuer.jwt('ada', { header }))).status).toBe(401)
  })

  it('signed with an algorithm that the client does not allow is refused (TMB-40)', async () => {
    configureClients({ gallery: { ...ALBUM_CLIENT, algorithms: ['ES256'] } })
    expect((await show(await issuer.jwt('ada'))).status).toBe(401)
  })

  it('of 64 KB is refused before its keys are fetched (TMB-73)', async () => {
    const claims = { padding: 'x'.repeat(64 * 1024) }
    expect((await show(await issuer.jwt('ada', { claims }))).status).toBe(401)
    expect(issuer.fetched()).toBe(0)
  })

  it('for the audience of one client is refused at the origin of another (TMB-44)', async () => {
    const other = { origins: ['https://other.example'], redirect_uris: ['https://other.example/'] }
    const audience = 'https://broker.example/other'
    configureClients({ gallery: ALBUM_CLIENT, other: { ...ALBUM_CLIENT, ...other, audience } })
    const jwt = await issuer.jwt('ada', { claims: { aud: audience } })
    expect((await show(jwt)).status).toBe(403)
    const exchange = { ...EXCHANGE, subject_token: jwt, scope: 'pick' }
    const { body: refused } = await frontend.post('/token', exchange, { proof: null })
    expect(refused.error).toBe('access_denied')
    const asGallery = { proof: null, headers: { Origin: undefined } }
    const form = { ...exchange, client_id: gallery.id }
    expect((await frontend.post('/token', form, asGallery)).body.error).toBe('invalid_grant')
    const headers = { Authorization: `Bearer ${jwt}`, Origin: 'https://other.example' }
    const { body } = await frontend.call('GET', '/session', { proof: null, headers })
    expect(body).toMatchObject({ client: 'other', sub: 'ada' })
  })
})

describe('the key set', () => {
  it('of an unknown issuer or audience is not fetched (TMB-42)', async () => {
    await show(await issuer.jwt('ada', { claims: { iss: 'https://evil.example' } }))
    await show(await issuer.jwt('ada', { claims: { aud: 'other' } }))
    expect(issuer.fetched()).toBe(0)
  })

  it('is fetched once for a thousand unknown kids, and again after the cool-down', async () => {
    const flood = async (length: number): Promise<void> => {
      const shown = Array.from({ length }, async (_, index) =>
        show(await issuer.jwt('ada', { header: { kid: `random-${index}` } })),
      )
      for (const { status } of await Promise.all(shown)) expect(status).toBe(401)
    }
    await flood(1000)
    expect(issuer.fetched()).toBe(1)
    later(31)
    await flood(10)
    expect(issuer.fetched()).toBe(2)
  })

  it('is fetched again for a new key, after the cool-down', async () => {
    await show(await issuer.jwt('ada'))
    const { publicKey, privateKey } = await generateKeyPair('RS256', { extractable: true })
    issuer.keys.push({ ...(await exportJWK(publicKey)), kid: 'k2', alg: 'RS256' })
    later(31)
    const jwt = await issuer.jwt('ada', { header: { kid: 'k2' }, key: privateKey })
    expect((await show(jwt)).status).toBe(200)
    expect(issuer.fetched()).toBe(2)
  })

  it.each([
    { what: 'fails', answer: () => new Response('down', { status: 500 }) },
    { what: 'cannot be reached', answer: () => Promise.reject(new TypeError('network')) },
    { what: 'redirects', answer: () => Response.redirect('https://evil.example/keys') },
    { what: 'is no key set', answer: () => Response.json({ keys: 'none' }) },
    { what: 'is no JSON', answer: () => new Response('<html>') },
  ])('that $what does not remove known keys, and accepts no unknown one', async ({ answer }) => {
    expect((await show(await issuer.jwt('ada'))).status).toBe(200)
    issuer.answer = answer
    later(31)
    expect((await show(await issuer.jwt('ada', { header: { kid: 'k9' } }))).status).toBe(401)
    expect((await show(await issuer.jwt('ada'))).status).toBe(200)
    later(2 * 60 * 60)
    expect((await show(await issuer.jwt('ada'))).status).toBe(200)
  })

  it('that could never be fetched answers 503, and is fetched again after five seconds', async () => {
    const { answer } = issuer
    issuer.answer = () => new Response('down', { status: 500 })
    const { status, headers, body } = await show(await issuer.jwt('ada'))
    expect([status, (body as { error: string }).error]).toEqual([503, 'temporarily_unavailable'])
    expect(headers.get('Retry-After')).toBe('5')
    issuer.answer = answer
    expect((await show(await issuer.jwt('ada'))).status).toBe(503)
    expect(issuer.fetched()).toBe(1)
    later(6)
    expect((await show(await issuer.jwt('ada'))).status).toBe(200)
  })
})

it('a JWT signed with ES256 is accepted', async () => {
  const elliptic = await openIssuer('ES256')
  expect((await show(await elliptic.jwt('ada'))).status).toBe(200)
})
