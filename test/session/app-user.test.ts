/** The JWT of an app's user: its issuer, audience, lifetime, kind and binding. */

import { env } from 'cloudflare:workers'
import { exportJWK, generateKeyPair } from 'jose'
import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { readConfig } from '../../src/config/config.ts'
import { BrokerError } from '../../src/errors.ts'
import { type AppUser, verifyAppJwt } from '../../src/session/app-user.ts'
import { ALBUM_CLIENT } from '../support/app-issuer.ts'
import { sign } from './jws.ts'

const AT = 2_000_000_000
const DAY = 24 * 60 * 60
const keys = (await generateKeyPair('ES256', { extractable: true })) as CryptoKeyPair
const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256' }
const OTHER = { ...ALBUM_CLIENT, audience: 'https://broker.example/other' }
const { origins, redirect_uris } = ALBUM_CLIENT
const FIRST = { ...ALBUM_CLIENT, issuer: 'https://first.example' } // with the same audience
const clients = {
  ...{ plain: { origins, redirect_uris }, first: FIRST },
  ...{ gallery: ALBUM_CLIENT, other: OTHER },
}
const { config } = readConfig({ ...env, CLIENTS: clients })

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: AT * 1000 })
  vi.spyOn(globalThis, 'fetch').mockImplementation(async () => Response.json({ keys: [jwk] }))
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const jwt = async (claims: object = {}, header: object = {}): Promise<string> =>
  sign(
    { alg: 'ES256', kid: 'k1', ...header },
    {
      ...{ iss: ALBUM_CLIENT.issuer, aud: ALBUM_CLIENT.audience, sub: 'ada' },
      ...{ iat: AT, exp: AT + 60, ...claims },
    },
    keys.privateKey,
  )
const verify = async (text: string): Promise<AppUser> => verifyAppJwt(config, text)

it('the issuer gives the user, and the audience gives the client', async () => {
  const { client, sub, subject, ...more } = await verify(await jwt())
  expect([client.id, sub, more]).toEqual(['gallery', 'ada', {}])
  expect(subject).toBe(
    await config.pseudonyms.subjectKey({ client: 'gallery', iss: ALBUM_CLIENT.issuer, sub }),
  )
  expect(await verify(await jwt())).not.toHaveProperty('jkt')
  expect((await verify(await jwt({ aud: OTHER.audience }))).client.id).toBe('other')
  expect((await verify(await jwt({ cnf: { jkt: 'j' } }))).jkt).toBe('j')
})

it.each<{ what: string; claims?: object; header?: object }>([
  { what: 'our audience among others', claims: { aud: ['x', ALBUM_CLIENT.audience] } },
  { what: 'a lifetime of a day', claims: { exp: AT + DAY } },
  { what: 'an iat a minute ahead', claims: { iat: AT + 60, exp: AT + 61 } },
  { what: 'an exp 59 seconds ago', claims: { iat: AT - 100, exp: AT - 59 } },
  { what: 'an nbf a minute ahead', claims: { nbf: AT + 60 } },
  { what: 'a sub of 255 characters', claims: { sub: 'x'.repeat(255) } },
  { what: 'the type of a JWT', header: { typ: 'JWT' } },
  { what: 'the type of an access token', header: { typ: 'at+JWT' } },
  { what: 'that type with application/', header: { typ: 'application/at+jwt' } },
])('a JWT with $what is accepted', async ({ claims, header }) => {
  expect((await verify(await jwt(claims, header))).client.id).toBe('gallery')
})

it.each<{ what: string; claims?: object; header?: object }>([
  { what: 'another issuer', claims: { iss: 'https://evil.example' } },
  { what: 'no issuer', claims: { iss: undefined } },
  { what: 'another audience', claims: { aud: 'x' } },
  { what: 'a lifetime of a day and a second', claims: { exp: AT + DAY + 1 } },
  { what: 'an iat too far ahead', claims: { iat: AT + 61, exp: AT + 62 } },
  { what: 'an exp a minute ago', claims: { iat: AT - 100, exp: AT - 60 } },
  { what: 'an nbf too far ahead', claims: { nbf: AT + 61 } },
  { what: 'no lifetime', claims: { iat: AT + 9, exp: AT + 9 } },
  { what: 'an end before its beginning', claims: { iat: AT + 9, exp: AT + 8 } },
  { what: 'no exp', claims: { exp: undefined } },
  { what: 'no sub', claims: { sub: undefined } },
  { what: 'a sub that is no text', claims: { sub: 7 } },
  { what: 'a sub of 256 characters', claims: { sub: 'x'.repeat(256) } },
  ...['nonce', 'at_hash', 'c_hash', 's_hash', 'events'].map((name) => ({
    what: `the claim ${name} of another kind of JWT`,
    claims: { [name]: 'x' },
  })),
  ...['jwk', 'jku', 'x5u', 'x5c'].map((name) => ({
    what: `a key in ${name}`,
    header: { [name]: name === 'jwk' ? jwk : 'https://evil.example' },
  })),
  { what: 'the type of a logout token', header: { typ: 'logout+jwt' } },
  { what: 'another algorithm', header: { alg: 'RS256' } },
  { what: 'another key', header: { kid: 'k2' } },
  { what: 'a binding of another kind', claims: { cnf: { 'x5t#S256': 'x' } } },
  { what: 'a null binding', claims: { cnf: null } },
  { what: 'a binding to a number', claims: { cnf: { jkt: 7 } } },
])('a JWT with $what is refused, and the cause is kept for the log', async ({ claims, header }) => {
  const refusal = (await verify(await jwt(claims, header)).catch((error) => error)) as BrokerError
  expect(refusal).toBeInstanceOf(BrokerError)
  expect(refusal.failure).toEqual({ code: 'login_required', reason: 'app_jwt_invalid' })
  expect(refusal.cause).toBeInstanceOf(Error)
  expect((refusal.cause as Error).message).not.toBe('')
})

it('a JWT has at most 8,192 characters (TMB-73)', async () => {
  const padded = async (pad: number): Promise<string> => jwt({ x: 'x'.repeat(pad) })
  const pad = Math.floor(((8192 - (await padded(0)).length) * 3) / 4)
  expect((await verify(await padded(pad - 3))).sub).toBe('ada')
  const long = padded(pad + 3)
  await expect(verify(await long)).rejects.toMatchObject({ cause: { message: 'too long' } })
})

it('answers 503 when the keys cannot be fetched', async () => {
  vi.mocked(globalThis.fetch).mockRejectedValue(new TypeError('down'))
  vi.spyOn(console, 'error').mockImplementation(() => {})
  const fresh = readConfig({ ...env, CLIENTS: clients }).config
  await expect(verifyAppJwt(fresh, await jwt())).rejects.toMatchObject({
    failure: { code: 'temporarily_unavailable', reason: 'jwks_unavailable' },
  })
})
