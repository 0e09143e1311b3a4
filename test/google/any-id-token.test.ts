/** A property test of ID tokens signed with Google's key: any header, any claims. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { exportJWK, generateKeyPair } from 'jose'
import { expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import { BrokerError } from '../../src/errors.ts'
import { exchangeCode } from '../../src/google/token-endpoint.ts'
import { scopeSet } from '../../src/scope/scopes.ts'
import { sign } from '../session/jws.ts'
import { the } from '../support/broker.ts'
import { intercept } from '../support/internet.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { stage } from '../support/story.ts'

stage()

const keys = (await generateKeyPair('RS256', { extractable: true })) as CryptoKeyPair
const jwk = { ...(await exportJWK(keys.publicKey)), kid: 'g', alg: 'RS256', use: 'sig' }
const AT_HASH = 'ypeBEsobvcr6wjGzmiPcTQ' // of the access token "a"; OpenID Connect Core §3.1.3.6

it('accepts a signed ID token only with the right claims (property; TMB-25, TMB-29)', async () => {
  const google = scriptGoogle()
  intercept((request, next) =>
    request.url.endsWith('/certs') ? Response.json({ keys: [jwk] }) : next(request),
  )
  const { config } = readConfig({ ...env })
  const expected = { code_verifier: 'v'.repeat(43), nonce: 'n', scopes: scopeSet([the.pick]) }
  const at = Math.floor(now())
  const good = {
    ...{ iss: config.issuer, aud: config.client_id, sub: 'ada', nonce: 'n' },
    ...{ iat: at, exp: at + 60, azp: config.client_id, at_hash: AT_HASH },
  }
  const json = fc.oneof(
    fc.jsonValue({ maxDepth: 2 }),
    fc.constantFrom('', '\0', '__proto__', at, at + 61, at - 61, 1e308, 'x'.repeat(300)),
    fc.constantFrom([config.client_id], [config.client_id, 'x'], 'accounts.google.com', 'ben'),
  )
  const changes = (names: string[]): fc.Arbitrary<Record<string, unknown>> =>
    fc.dictionary(
      fc.constantFrom(...names, 'crit', '__proto__'),
      fc.option(json, { nil: undefined, freq: 6 }),
      { maxKeys: 2, noNullPrototype: true },
    )
  const count = { accepted: 0, refused: 0 }
  await fc.assert(
    fc.asyncProperty(
      changes(['alg', 'kid', 'typ', 'jwk', 'jku']),
      changes([...Object.keys(good), 'nbf', 'auth_time', 'acr']),
      async (header, change) => {
        const claims = JSON.parse(JSON.stringify({ ...good, ...change }))
        const head = { alg: 'RS256', kid: 'g', ...header }
        const id_token = await sign(head, claims, keys.privateKey)
        google.token = () =>
          Response.json({ access_token: 'a', token_type: 'Bearer', expires_in: 9, id_token })
        try {
          const { sub } = await exchangeCode(config, 'c', expected)
          count.accepted++
          expect(claims).toMatchObject({ iss: config.issuer, sub, nonce: 'n' })
          expect([claims.aud].flat()).toEqual([config.client_id])
          expect(claims.azp ?? config.client_id).toBe(config.client_id)
          expect(claims.at_hash ?? AT_HASH).toBe(AT_HASH)
          expect(claims.iat).toBeLessThanOrEqual(at + 60)
          expect(claims.exp).toBeGreaterThan(at)
          expect(sub.length).toBeLessThanOrEqual(255)
        } catch (error) {
          if (!(error instanceof BrokerError)) throw error
          count.refused++
          expect(error.failure.code).toMatch(/^(server_error|temporarily_unavailable)$/)
        }
      },
    ),
    { numRuns: 400 },
  )
  expect(count.accepted).toBeGreaterThan(0)
  expect(count.refused).toBeGreaterThan(100)
})
