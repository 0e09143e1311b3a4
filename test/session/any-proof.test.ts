/** Any text as a DPoP proof or as a user's JWT: accepted only if valid, otherwise refused with a code of the contract. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { exportJWK, generateKeyPair } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { type Config, readConfig } from '../../src/config/config.ts'
import { BrokerError } from '../../src/errors.ts'
import { verifyAppJwt } from '../../src/session/app-user.ts'
import { newNonce, type Proof, verifyProof } from '../../src/session/dpop.ts'
import { ALBUM_CLIENT } from '../support/app-issuer.ts'
import { register, takeUnknownOrigins } from '../support/internet.ts'
import { part, sign } from './jws.ts'

const AT = 2_000_000_000
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: AT * 1000 })
})
afterEach(() => {
  expect(takeUnknownOrigins()).toEqual([])
  vi.restoreAllMocks()
  vi.useRealTimers()
})

type Json = Record<string, unknown>

const json = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('', '\0', '\ud800', '__proto__', 1e308, -1, AT, 'x'.repeat(300), null),
)

/** Some members changed, removed or added. */
const changes = (names: readonly string[]): fc.Arbitrary<Json> =>
  fc.dictionary(
    fc.constantFrom(...names, 'crit', 'b64', '__proto__', 'constructor'),
    fc.option(json, { nil: undefined, freq: 6 }),
    { maxKeys: 2, noNullPrototype: true },
  )

const words = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.array(fc.base64String(), { minLength: 2, maxLength: 6 }).map((parts) => parts.join('.')),
  fc.array(fc.json(), { minLength: 3, maxLength: 3 }).map((parts) => parts.map(part).join('.')),
  fc.constantFrom('', '..', '\0', 'x'.repeat(99_999), '\ud800.\ud800.\ud800', 'e30.e30.'),
)

describe('a DPoP proof', async () => {
  const { config } = readConfig(env)
  const keys = (await generateKeyPair('ES256', { extractable: true })) as CryptoKeyPair
  const jwk = await exportJWK(keys.publicKey)
  const target = { method: 'POST', url: 'https://broker.example/token', access_token: 'a' }
  const ath = 'ypeBEsobvcr6wjGzmiPcTaeG7_gUfE5yuYB3ha_uSLs' // of "a"; RFC 9449 §4.2

  const verify = async (header: string): Promise<Proof | string> =>
    outcomeOf(verifyProof(config, { ...target, header }), /^(invalid_dpop_proof|use_dpop_nonce)$/)
  const claims = async (): Promise<Json> => ({
    ...{ htm: 'POST', htu: target.url, iat: AT, jti: 'j', ath },
    nonce: await newNonce(config),
  })
  const HEADER = { typ: 'dpop+jwt', alg: 'ES256', jwk }

  it('of any text is refused (property; TMB-73)', async () => {
    await fc.assert(
      fc.asyncProperty(words, async (text) => {
        expect(await verify(text)).toMatch(/^invalid_dpop_proof/)
      }),
      { numRuns: 300 },
    )
  })

  it('with a valid signature and any header and claims is valid or refused (property; RFC 9449 §4.3)', async () => {
    const good = await claims()
    const seen = { good: 0, refused: 0 }
    await fc.assert(
      fc.asyncProperty(
        changes(['typ', 'alg', 'jwk', 'kid']),
        changes([...Object.keys(good), 'exp', 'nbf', 'aud']),
        async (header, claims) => {
          const text = await sign({ ...HEADER, ...header }, { ...good, ...claims }, keys.privateKey)
          const outcome = await verify(text)
          seen[typeof outcome === 'string' ? 'refused' : 'good']++
          if (typeof outcome === 'string') return
          const { htm, htu, iat, jti, ath: hash, nonce } = { ...good, ...claims }
          expect([htm, hash]).toEqual(['POST', ath])
          expect(new URL(String(htu)).href.replace(/[?#].*/, '')).toBe(target.url)
          expect(Math.abs(Number(iat) - AT)).toBeLessThanOrEqual(120)
          expect(outcome.jti).toBe(jti)
          expect(nonce).toBe(good['nonce'])
        },
      ),
      { numRuns: 500 },
    )
    expect(seen.good).toBeGreaterThan(0)
    expect(seen.refused).toBeGreaterThan(100)
  })

  it('with any other key in its header is refused (property)', async () => {
    const names = [...Object.keys(jwk), 'd', 'k', 'use', 'key_ops', 'ext', 'x5c', 'alg']
    const good = await claims()
    await fc.assert(
      fc.asyncProperty(changes(names), async (change) => {
        const changed = JSON.parse(JSON.stringify({ ...jwk, ...change }))
        const text = await sign({ ...HEADER, jwk: changed }, good, keys.privateKey)
        const outcome = await verify(text)
        if (typeof outcome !== 'string')
          expect(changed).toMatchObject({ kty: 'EC', crv: 'P-256', x: jwk.x, y: jwk.y })
      }),
      { numRuns: 300 },
    )
  })
})

describe("a user's JWT", async () => {
  const keys = (await generateKeyPair('ES256', { extractable: true })) as CryptoKeyPair
  const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'k1', alg: 'ES256', use: 'sig' }
  const vars = { ...env, CLIENTS: { gallery: ALBUM_CLIENT } }
  const { config } = readConfig(vars)
  const good = {
    ...{ iss: ALBUM_CLIENT.issuer, aud: ALBUM_CLIENT.audience, sub: 'ada' },
    ...{ iat: AT, exp: AT + 3600 },
  }
  const HEADER = { alg: 'ES256', kid: 'k1' }
  const answer = (body: string): void =>
    register(new URL(ALBUM_CLIENT.jwks_uri).origin, () => new Response(body))
  const verify = async (jwt: string, asked: Config = config): Promise<{ sub: string } | string> =>
    outcomeOf(verifyAppJwt(asked, jwt), /^(login_required|temporarily_unavailable)$/)

  beforeEach(() => answer(JSON.stringify({ keys: [jwk] })))

  it('of any text is refused without a request (property; TMB-42, TMB-73)', async () => {
    await fc.assert(
      fc.asyncProperty(words, async (text) => {
        expect(await verify(text)).toMatch(/^login_required/)
      }),
      { numRuns: 300 },
    )
    expect(globalThis.fetch).not.toHaveBeenCalled()
  })

  it('with a valid signature and any header and claims is valid or refused (property; TMB-40, TMB-41)', async () => {
    const seen = { good: 0, refused: 0 }
    const foreign = ['nbf', 'nonce', 'at_hash', 'c_hash', 's_hash', 'events', 'cnf']
    await fc.assert(
      fc.asyncProperty(
        changes(['alg', 'kid', 'typ', 'jwk', 'jku', 'x5u', 'x5c', 'zip']),
        changes([...Object.keys(good), ...foreign]),
        async (header, change) => {
          const claims = JSON.parse(JSON.stringify({ ...good, ...change }))
          const text = await sign({ ...HEADER, ...header }, claims, keys.privateKey)
          const outcome = await verify(text)
          seen[typeof outcome === 'string' ? 'refused' : 'good']++
          if (typeof outcome === 'string') return
          expect(claims).toMatchObject({ iss: good.iss, sub: outcome.sub })
          expect([claims.aud].flat()).toContain(good.aud)
          expect(claims.exp).toBeGreaterThan(AT - 60)
          expect(claims.exp - claims.iat).toBeLessThanOrEqual(24 * 60 * 60)
          for (const name of foreign.slice(1, -1)) expect(claims[name]).toBeUndefined()
        },
      ),
      { numRuns: 500 },
    )
    expect(seen.good).toBeGreaterThan(0)
    expect(seen.refused).toBeGreaterThan(100)
  })

  it('is refused, or answered 503, for any key document of its issuer (property; TMB-42)', async () => {
    const text = await sign(HEADER, good, keys.privateKey)
    const key = changes([...Object.keys(jwk), 'd', 'k', 'key_ops', 'x5c']).map((change) => ({
      ...jwk,
      ...change,
    }))
    const document = fc.oneof(
      fc.array(key, { maxLength: 3 }).map((keys) => JSON.stringify({ keys })),
      json.map((keys) => JSON.stringify({ keys })),
      fc.json(),
      fc.string({ unit: 'binary' }),
      fc.constantFrom(
        '',
        'null',
        '{"keys":[null]}',
        '{"keys":{"length":1}}',
        `{"keys":[${'{},'.repeat(99)}{}]}`,
      ),
    )
    vi.spyOn(console, 'error').mockImplementation(() => {})
    let accepted = 0
    await fc.assert(
      fc.asyncProperty(document, async (document) => {
        answer(document)
        if (typeof (await verify(text, readConfig({ ...vars }).config)) !== 'string') accepted++
      }),
      { numRuns: 300 },
    )
    expect(accepted).toBeGreaterThan(0)
  })
})

/** The value, or the code and reason of a `BrokerError`; any other error fails the test. */
async function outcomeOf<T extends object>(work: Promise<T>, codes: RegExp): Promise<T | string> {
  try {
    return await work
  } catch (error) {
    if (!(error instanceof BrokerError)) throw error
    expect(error.failure.code).toMatch(codes)
    return `${error.failure.code}: ${error.failure.reason}`
  }
}
