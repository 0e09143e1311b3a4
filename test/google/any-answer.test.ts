/** This file is the tests of what Google may answer: anything at all, and it leads to tokens that are right or to an error of the contract. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { beforeEach, expect, it, vi } from 'vitest'
import { type Config, readConfig } from '../../src/config/config.ts'
import { BrokerError } from '../../src/errors.ts'
import {
  checkAuthorizationResponse,
  createAuthorizationRequest,
} from '../../src/google/authorization-endpoint.ts'
import { exchangeCode, refresh, type Tokens } from '../../src/google/token-endpoint.ts'
import { scopeSet } from '../../src/scope/scopes.ts'
import { the } from '../support/broker.ts'
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

/** Whatever JSON can say, and what JavaScript makes of a name in particular. */
const json = fc.oneof(
  fc.jsonValue({ maxDepth: 2 }),
  fc.string({ unit: 'binary', maxLength: 30 }),
  fc.constantFrom(
    '',
    '\0',
    '\ud800',
    '1e999',
    -0,
    1e308,
    Number.MAX_SAFE_INTEGER,
    'x'.repeat(9999),
  ),
)

/** A document that is right but for some of its members. */
const near = (good: object, names: string[] = []): fc.Arbitrary<string> =>
  fc
    .dictionary(fc.constantFrom(...Object.keys(good), ...names, '__proto__', 'constructor'), json, {
      maxKeys: 3,
      noNullPrototype: true,
    })
    .map((odd) => JSON.stringify({ ...good, ...odd }))

/** A body that is no such document, or nearly one. */
const body = (good: object, names: string[] = []): fc.Arbitrary<string> =>
  fc.oneof(
    { weight: 4, arbitrary: near(good, names) },
    fc.json(),
    fc.string({ unit: 'binary', maxLength: 99 }),
    fc.constantFrom('', 'null', '[]', '{"access_token":', '\ufeff{}', `${'['.repeat(9000)}`),
  )

const status = fc.constantFrom(200, 200, 200, 201, 204, 302, 400, 401, 403, 404, 429, 500, 503)
const type = fc.constantFrom('application/json', 'application/json; charset=x', 'text/html', '')

const answer = (status: number, type: string, text: string, more = {}): Response =>
  new Response(status === 204 ? null : text, { status, headers: { 'Content-Type': type, ...more } })

/** What comes of it: what was asked for, or an error of ours; anything else fails the test. */
async function outcomeOf<T>(work: Promise<T>): Promise<T | BrokerError> {
  try {
    return await work
  } catch (error) {
    expect(error).toBeInstanceOf(BrokerError)
    return error as BrokerError
  }
}

const ask = (asked: Config = config): Promise<Tokens | BrokerError> =>
  outcomeOf(refresh(asked, { refresh_token: 'r', scope: SCOPES.join(' '), sub: 's' }, SCOPES))

it('any answer to a refresh is tokens of a sane life or an error, and only invalid_grant ends a grant (property; TMB-22)', async () => {
  const names = [
    'refresh_token',
    'refresh_token_expires_in',
    'id_token',
    'error',
    'authorization_details',
  ]
  const error = near({ error: 'invalid_grant' }, [
    'error_description',
    'error_subtype',
    'error_uri',
  ])
  const seen = { tokens: 0, refused: 0, ended: 0 }
  await fc.assert(
    fc.asyncProperty(
      status,
      type,
      fc.oneof(body(GOOD, names), error),
      async (status, type, text) => {
        google.token = () => answer(status, type, text)
        const outcome = await ask()
        if (!(outcome instanceof BrokerError)) {
          seen.tokens++
          expect(status).toBe(200)
          expect(outcome.access_token).toMatch(/./s)
          expect(outcome.expires_in).toBeGreaterThan(0)
          expect(outcome.expires_in).toBeLessThanOrEqual(YEAR_SECONDS)
          expect(outcome.scope).toEqual(scopeSet(outcome.scope))
          expect(['string', 'undefined']).toContain(typeof outcome.refresh_token)
          return
        }
        const { code, reason } = outcome.failure
        if (code === 'consent_required') {
          seen.ended++
          expect(reason).toBe('google_invalid_grant')
          expect(status).toBeGreaterThanOrEqual(400)
          expect(status).toBeLessThan(500)
          expect(status).not.toBe(429)
          expect(JSON.parse(text).error).toBe('invalid_grant')
          return
        }
        seen.refused++
        expect(code).toMatch(/^(temporarily_unavailable|server_error)$/)
      },
    ),
    { numRuns: 600 },
  )
  for (const times of Object.values(seen)) expect(times).toBeGreaterThan(0)
})

it('any answer to a code is refused with an error, while its ID token is not signed by the provider (property; TMB-25)', async () => {
  const part = json.map((value) =>
    btoa(unescape(encodeURIComponent(String(JSON.stringify(value))))),
  )
  const id_token = fc.oneof(
    fc.tuple(part, part, part).map((three) => three.join('.')),
    json,
  )
  const parameters = await checkAuthorizationResponse(
    config,
    new URLSearchParams({ code: 'c', state: 's', iss: config.issuer }),
    's',
  )
  if (!('code' in parameters)) throw new Error('not a code')
  const expected = { code_verifier: 'v'.repeat(43), nonce: 'n', scopes: SCOPES }
  await fc.assert(
    fc.asyncProperty(id_token, body(GOOD), async (id_token, text) => {
      google.token = () => {
        const good = { ...GOOD, id_token }
        return answer(200, 'application/json', text.startsWith('{') ? JSON.stringify(good) : text)
      }
      const outcome = await outcomeOf(exchangeCode(config, parameters.code, expected))
      expect(outcome).toBeInstanceOf(BrokerError)
      expect((outcome as BrokerError).failure.code).not.toBe('consent_required')
    }),
    { numRuns: 300 },
  )
})

it('any Retry-After is a wait of at most five minutes, or none (property; RFC 9110 §10.2.3)', async () => {
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
      const { failure } = (await ask()) as BrokerError
      expect(failure.code).toBe('temporarily_unavailable')
      if (failure.retry_after === undefined) return
      expect(failure.retry_after).toBeGreaterThan(0)
      expect(failure.retry_after).toBeLessThanOrEqual(300)
    }),
    { numRuns: 300 },
  )
})

it('any discovery document leads to a request to Google, or to an error (property)', async () => {
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
  const others = vi.mocked(globalThis.fetch).getMockImplementation()
  let document = ''
  vi.mocked(globalThis.fetch).mockImplementation(async (input, init) => {
    const { url } = new Request(input, init)
    if (url.includes('.well-known')) return answer(200, 'application/json', document)
    if (others) return others(input, init)
    throw new TypeError('nobody answers')
  })
  await fc.assert(
    fc.asyncProperty(body(good), async (text) => {
      document = text
      const fresh = (): Config => readConfig({ ...env }).config
      await ask(fresh())
      const request = { scopes: SCOPES, prompt: [] }
      const prepared = await outcomeOf(createAuthorizationRequest(fresh(), request))
      if (!(prepared instanceof BrokerError)) new URL(prepared.url)
    }),
    { numRuns: 400 },
  )
})

it.each([400, 401, 403])(
  '%i with invalid_grant in the place of the discovery document ends no grant (TMB-22)',
  async (status) => {
    vi.mocked(globalThis.fetch).mockImplementation(async () =>
      answer(status, 'application/json', '{"error":"invalid_grant"}', {
        'WWW-Authenticate': 'Basic',
      }),
    )
    const outcome = await ask(readConfig({ ...env }).config)
    expect((outcome as BrokerError).failure.code).toBe('temporarily_unavailable')
  },
)

it('any query on the way back is a code of that state, a refusal, or invalid_request (property; TMB-10, TMB-12)', async () => {
  const name = fc.constantFrom(
    'code',
    'state',
    'iss',
    'error',
    'error_description',
    'response',
    'x',
  )
  const value = fc.oneof(
    fc.constantFrom('c', 'st', config.issuer, 'access_denied', '', '\0', '__proto__'),
    fc.string({ unit: 'binary', maxLength: 30 }),
  )
  const right = fc.constant([
    ['code', 'c'],
    ['state', 'st'],
    ['iss', config.issuer],
  ])
  const pairs = fc.oneof(
    fc.array(fc.tuple(name, value), { maxLength: 5 }),
    fc
      .tuple(right, fc.nat(2), value)
      .map(([right, at, value]) =>
        right.map((pair, index) => (index === at ? [pair[0] ?? '', value] : pair)),
      ),
  )
  await fc.assert(
    fc.asyncProperty(pairs, async (pairs) => {
      const query = new URLSearchParams(pairs.map(([name = '', value = '']) => [name, value]))
      const outcome = await outcomeOf(checkAuthorizationResponse(config, query, 'st'))
      if (outcome instanceof BrokerError) {
        expect(outcome.failure.code).toBe('invalid_request')
        return
      }
      expect(query.getAll('state')).toEqual(['st'])
      if ('error' in outcome)
        expect(outcome.error).toMatch(/^(access_denied|temporarily_unavailable|server_error)$/)
      else expect(outcome.code).toBe(query.get('code'))
    }),
    { numRuns: 400 },
  )
})
