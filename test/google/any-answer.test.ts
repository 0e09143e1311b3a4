/** Property tests of Google's answers: any answer gives valid tokens or an error of the contract. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { beforeEach, expect, it } from 'vitest'
import { type Config, readConfig } from '../../src/config/config.ts'
import { BrokerError } from '../../src/errors.ts'
import {
  checkAuthorizationResponse,
  createAuthorizationRequest,
} from '../../src/google/authorization-endpoint.ts'
import { exchangeCode, refresh, type Tokens } from '../../src/google/token-endpoint.ts'
import { scopeSet } from '../../src/scope/scopes.ts'
import { the } from '../support/broker.ts'
import { intercept } from '../support/internet.ts'
import { type ScriptedGoogle, scriptGoogle } from '../support/scripted-google.ts'
import { stage } from '../support/story.ts'

stage()

let google: ScriptedGoogle
beforeEach(() => {
  google = scriptGoogle()
})

const { config } = readConfig(env)
const SCOPES = scopeSet([the.pick])
const YEAR_SECONDS = 366 * 24 * 60 * 60
const GOOD = { access_token: 'a', token_type: 'Bearer', expires_in: 3599, scope: the.pick }

/** Any JSON value, and values that parsers often get wrong. */
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom('', '\0', '\ud800', '1e999', 'x'.repeat(9999)),
  fc.constantFrom(-0, 1e308, Number.MAX_SAFE_INTEGER),
)

/** A valid document with up to three members replaced. */
const alteredDocument = (good: object, names: string[] = []): fc.Arbitrary<string> =>
  fc
    .dictionary(fc.constantFrom(...Object.keys(good), ...names, '__proto__', 'constructor'), json, {
      maxKeys: 3,
      noNullPrototype: true,
    })
    .map((changes) => JSON.stringify({ ...good, ...changes }))

/** An altered document, or any other body. */
const body = (good: object, names: string[] = []): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: alteredDocument(good, names) },
    fc.json(),
    fc.string({ unit: 'binary', maxLength: 99 }),
    fc.constantFrom('', 'null', '[]', '{"access_token":', '\ufeff{}', `${'['.repeat(9000)}`),
  )

const status = fc.constantFrom(200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503)
const type = fc.constantFrom('application/json', 'application/json; charset=x', 'text/html', '')

const answer = (status: number, type: string, text: string, more = {}): Response =>
  new Response(status === 204 ? null : text, { status, headers: { 'Content-Type': type, ...more } })

/** Returns the result, or the `BrokerError`; any other error fails the test. */
async function resultOf<T>(work: Promise<T>): Promise<T | BrokerError> {
  try {
    return await work
  } catch (error) {
    expect(error).toBeInstanceOf(BrokerError)
    return error as BrokerError
  }
}

const refreshOnce = (as: Config = config): Promise<Tokens | BrokerError> =>
  resultOf(refresh(as, { refresh_token: 'r', scope: SCOPES.join(' '), sub: 's' }, SCOPES))

it('refresh gives tokens with a valid lifetime or an error, and only invalid_grant ends the grant (property; TMB-22)', async () => {
  const names = ['refresh_token', 'refresh_token_expires_in', 'id_token', 'error']
  const error = alteredDocument({ error: 'invalid_grant' }, ['error_description', 'error_subtype'])
  const count = { tokens: 0, failures: 0, ended: 0 }
  await fc.assert(
    fc.asyncProperty(
      status,
      type,
      fc.oneof(body(GOOD, names), error),
      async (status, type, text) => {
        google.token = () => answer(status, type, text)
        const result = await refreshOnce()
        if (!(result instanceof BrokerError)) {
          count.tokens++
          expect(status).toBe(200)
          expect(result.access_token).toMatch(/./s)
          expect(result.expires_in).toBeGreaterThan(0)
          expect(result.expires_in).toBeLessThanOrEqual(YEAR_SECONDS)
          expect(result.scope).toEqual(scopeSet(result.scope))
          expect(['string', 'undefined']).toContain(typeof result.refresh_token)
          return
        }
        const { code, reason } = result.failure
        if (code === 'consent_required') {
          count.ended++
          expect(reason).toBe('google_invalid_grant')
          expect([400, 401, 403, 404]).toContain(status)
          expect(JSON.parse(text).error).toBe('invalid_grant')
          return
        }
        count.failures++
        expect(code).toMatch(/^(temporarily_unavailable|server_error)$/)
      },
    ),
    { numRuns: 600 },
  )
  expect(Math.min(...Object.values(count))).toBeGreaterThan(0)
})

it('exchangeCode fails while the ID token is not signed by the provider (property; TMB-25)', async () => {
  const part = json.map((value) =>
    btoa(unescape(encodeURIComponent(String(JSON.stringify(value))))),
  )
  const id_token = fc.oneof(
    fc.tuple(part, part, part).map((three) => three.join('.')),
    json,
  )
  const expected = { code_verifier: 'v'.repeat(43), nonce: 'n', scopes: SCOPES }
  await fc.assert(
    fc.asyncProperty(id_token, body(GOOD), async (id_token, text) => {
      google.token = () => {
        const good = { ...GOOD, id_token }
        return answer(200, 'application/json', text.startsWith('{') ? JSON.stringify(good) : text)
      }
      const result = await resultOf(exchangeCode(config, 'c', expected))
      expect(result).toBeInstanceOf(BrokerError)
      expect((result as BrokerError).failure.code).not.toBe('consent_required')
    }),
    { numRuns: 300 },
  )
})

it('a Retry-After of any form gives at most five minutes (property; RFC 9110 §10.2.3)', async () => {
  const header = fc.oneof(
    fc.integer().map(String),
    fc.double().map(String),
    fc.date({ noInvalidDate: true }).map((date) => date.toUTCString()),
    fc.string({ unit: 'binary-ascii', maxLength: 40 }),
    fc.constantFrom('', '0', '-1', '9'.repeat(400), 'Infinity', 'NaN', '1, 2', '0x10', '1e3'),
  )
  await fc.assert(
    fc.asyncProperty(header, async (value) => {
      const headers = new Headers()
      try {
        headers.set('Retry-After', value)
      } catch {
        fc.pre(false)
      }
      google.token = () => answer(503, 'text/html', '', Object.fromEntries(headers))
      const { failure } = (await refreshOnce()) as BrokerError
      expect(failure.code).toBe('temporarily_unavailable')
      if (failure.retry_after === undefined) return
      expect(failure.retry_after).toBeGreaterThan(0)
      expect(failure.retry_after).toBeLessThanOrEqual(300)
    }),
    { numRuns: 300 },
  )
})

it('any discovery document gives a request to Google, or an error (property)', async () => {
  const good = {
    issuer: config.issuer,
    authorization_endpoint: `${config.issuer}/auth`,
    token_endpoint: `${config.issuer}/token`,
    jwks_uri: `${config.issuer}/certs`,
    scopes_supported: ['openid'],
    token_endpoint_auth_methods_supported: ['client_secret_post'],
    id_token_signing_alg_values_supported: ['RS256'],
    authorization_response_iss_parameter_supported: true,
  }
  let document = ''
  intercept((request, next) =>
    request.url.includes('.well-known') ? answer(200, 'application/json', document) : next(request),
  )
  await fc.assert(
    fc.asyncProperty(body(good), async (text) => {
      document = text
      const fresh = (): Config => readConfig({ ...env }).config
      await refreshOnce(fresh())
      const request = { scopes: SCOPES, prompt: [] }
      const prepared = await resultOf(createAuthorizationRequest(fresh(), request))
      if (!(prepared instanceof BrokerError)) new URL(prepared.url)
    }),
    { numRuns: 400 },
  )
})

it('any callback query gives the code for its state, an error, or invalid_request (property; TMB-10, TMB-12)', async () => {
  const name = fc.constantFrom('code', 'state', 'iss', 'error', 'response', 'x')
  const value = fc.oneof(
    fc.constantFrom('c', 'st', config.issuer, 'access_denied', '', '\0', '__proto__'),
    fc.string({ unit: 'binary', maxLength: 30 }),
  )
  const valid = { code: 'c', state: 'st', iss: config.issuer }
  const pairs = fc.oneof(
    fc.array(fc.tuple(name, value), { maxLength: 5 }),
    fc
      .tuple(fc.constantFrom('code', 'state', 'iss'), value)
      .map(([name, value]): [string, string][] => Object.entries({ ...valid, [name]: value })),
  )
  await fc.assert(
    fc.asyncProperty(pairs, async (pairs) => {
      const query = new URLSearchParams(pairs)
      const result = await resultOf(checkAuthorizationResponse(config, query, 'st'))
      if (result instanceof BrokerError) {
        expect(result.failure.code).toBe('invalid_request')
        return
      }
      expect(query.getAll('state')).toEqual(['st'])
      if ('failure' in result)
        expect(result.failure.code).toMatch(
          /^(access_denied|temporarily_unavailable|server_error)$/,
        )
      else expect(result.code).toBe(query.get('code'))
    }),
    { numRuns: 400 },
  )
})
