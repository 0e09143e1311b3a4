/** `POST /events` accepts only security event tokens of the provider, for this broker, once (TMB-67). */

import { env } from 'cloudflare:workers'
import { generateKeyPair } from 'jose'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ask, subjectOf } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { intercept } from '../support/internet.ts'
import { sendEvent, signEvent } from '../support/security-events.ts'
import { ADA, GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { countCosts, later, readLog, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

let google: SimulatedGoogle
let browser: Browser

beforeEach(async () => {
  google = simulateGoogle()
  browser = google.browse()
  await google.connect(browser, 'pick')
  later(1)
})

const sign = async (...change: Change): Promise<string> => signEvent(google.simulator, ...change)
type Change = Parameters<typeof signEvent> extends [unknown, ...infer Rest] ? Rest : never

describe('a security event token', () => {
  const DAY = 24 * 60 * 60
  const at = (): number => Math.floor(Date.now() / 1000)
  const parts = (jwt: string): string[] => jwt.split('.')

  const made =
    (...change: Change) =>
    async (): Promise<string> =>
      sign(...change)
  it.each<{ what: string; err: string; make: () => Promise<string> }>([
    { what: 'no JWT', err: 'invalid_request', make: async () => 'canary-no-jwt' },
    {
      what: 'no signature',
      err: 'invalid_key',
      async make() {
        const [, payload] = parts(await sign())
        return `${btoa('{"alg":"none"}').replace(/=+$/, '')}.${payload}.`
      },
    },
    {
      what: 'the signature of another token',
      err: 'authentication_failed',
      async make() {
        const [[header, payload], [, , signature]] = [parts(await sign()), parts(await sign())]
        return [header, payload, signature].join('.')
      },
    },
    {
      what: 'another key',
      err: 'authentication_failed',
      make: async () => sign({}, {}, (await generateKeyPair('RS256')).privateKey),
    },
    { what: 'an unknown kid', err: 'invalid_key', make: made({}, { kid: 'other' }) },
    { what: 'HMAC', err: 'invalid_key', make: made({}, { alg: 'HS256' }, new Uint8Array(32)) },
    { what: 'a crit', err: 'invalid_request', make: made({}, { crit: ['x'], x: true }) },
    { what: 'another iss', err: 'invalid_issuer', make: made({ iss: 'https://evil.example/' }) },
    { what: 'another audience', err: 'invalid_audience', make: made({ aud: 'other' }) },
    { what: 'no events', err: 'invalid_request', make: made({ events: undefined }) },
    { what: 'no event', err: 'invalid_request', make: made({ events: {} }) },
    { what: 'no jti', err: 'invalid_request', make: made({ jti: undefined }) },
    { what: 'a long jti', err: 'invalid_request', make: made({ jti: 'j'.repeat(256) }) },
    { what: 'no iat', err: 'invalid_request', make: made({ iat: undefined }) },
    { what: 'a future iat', err: 'invalid_request', make: async () => sign({ iat: at() + 90 }) },
    { what: 'an old iat', err: 'invalid_request', make: async () => sign({ iat: at() - 8 * DAY }) },
    { what: 'an exp', err: 'invalid_request', make: async () => sign({ exp: at() + 60 }) },
    { what: 'the nonce of an ID token', err: 'invalid_request', make: made({ nonce: 'n' }) },
    { what: 'another type', err: 'invalid_request', make: made({}, { typ: 'at+jwt' }) },
    { what: 'too many bytes', err: 'invalid_request', make: made({ x: 'x'.repeat(17_000) }) },
  ])('with $what is refused as $err, and ends nothing', async ({ err, make }) => {
    const answer = await sendEvent(await make())
    expect(answer).toMatchObject({ status: 400, body: { err, error: 'invalid_request' } })
    expect(answer.body).toHaveProperty('description', expect.stringMatching(/^[\w ,.]+$/))
    expect(JSON.stringify(answer.body)).not.toContain('canary')
    expect((await ask(browser)).status).toBe(200)
  })

  it('is not the ID token of a login', async () => {
    let id_token = ''
    intercept(async (request, next) => {
      const answer = await next(request)
      if (request.url.endsWith('/token'))
        id_token = (await answer.clone().json<{ id_token: string }>()).id_token
      return answer
    })
    later(1)
    await google.connect(browser, 'upload')
    expect(id_token).not.toBe('')
    expect(await sendEvent(id_token)).toMatchObject({
      status: 400,
      body: { err: 'invalid_request' },
    })
  })

  it.each(['application/json', 'text/plain', 'application/jwt'])(
    'is refused as %s',
    async (type) => {
      expect(await sendEvent(await sign(), type)).toMatchObject({ status: 400 })
      expect((await ask(browser)).status).toBe(200)
    },
  )

  it('may have typ JWT, several audiences, and an issuer without a slash', async () => {
    const token = await sign({ iss: GOOGLE, aud: ['other', 'test-client'] }, { typ: 'JWT' })
    expect((await sendEvent(token, 'Application/SecEvent+JWT; charset=utf-8')).status).toBe(202)
    expect((await ask(browser)).status).toBe(403)
  })

  it('is applied once, answered 202 again, and refused after seven days', async () => {
    const lines = readLog('info')
    const token = await sign({ jti: 'one' })
    expect((await sendEvent(token)).status).toBe(202)
    const costs = countCosts()
    expect((await sendEvent(token)).status).toBe(202)
    expect(costs.objects()).toBe(1)
    expect(lines.filter(({ event }) => event === 'security_event')).toMatchObject([
      { outcome: 'ok', reason: 'tokens_revoked' },
      { outcome: 'duplicate', reason: 'tokens_revoked' },
    ])
    later(7 * DAY + 61)
    expect((await sendEvent(token)).status).toBe(400)
  })

  it('is applied at the next try after a failure', async () => {
    const token = await sign()
    const { key } = await subjectOf(ADA)
    const real = env.SUBJECTS.getByName.bind(env.SUBJECTS)
    const failing = vi.spyOn(env.SUBJECTS, 'getByName').mockImplementation((name) => {
      if (name === key) throw new Error('canary: no such place')
      return real(name)
    })
    expect((await sendEvent(token)).status).toBe(503)
    failing.mockRestore()
    expect((await sendEvent(token)).status).toBe(202)
    expect((await ask(browser)).status).toBe(403)
  })

  it('is answered 503 while the keys cannot be fetched; no request is made for another audience', async () => {
    configure() // like a new isolate, with empty caches
    const token = await sign()
    google.simulator.faults.add({ at: 'risc', do: { status: 503 } })
    expect((await sendEvent(token)).status).toBe(503)
    expect((await ask(browser)).status).toBe(200)
    later(6)
    const asked = google.calls('risc')
    expect((await sendEvent(await sign({ aud: 'other' }))).status).toBe(400)
    expect(google.calls('risc')).toBe(asked)
    expect((await sendEvent(token)).status).toBe(202)
    for (let i = 0; i < 3; i++) await sendEvent(await sign())
    expect(google.calls('risc')).toBe(asked + 1)
  })

  it.each([
    { what: 'another issuer', status: 200, document: { issuer: 'https://evil.example' } },
    { what: 'no issuer', status: 200, document: { issuer: undefined } },
    { what: 'no keys', status: 200, document: { jwks_uri: undefined } },
    { what: 'another status', status: 500, document: {} },
  ])('is answered 503 if the RISC configuration has $what', async ({ status, document }) => {
    configure()
    intercept((request, next) => {
      if (!request.url.endsWith('/risc-configuration')) return next(request)
      const good = { issuer: GOOGLE, jwks_uri: `${GOOGLE}/oauth2/v3/certs` }
      return Response.json({ ...good, ...document }, { status })
    })
    expect((await sendEvent(await sign())).status).toBe(503)
    expect((await ask(browser)).status).toBe(200)
  })

  it('is answered 404 if the provider sends no events', async () => {
    configure()
    google.simulator.faults.add({ at: 'risc', do: { status: 404 } })
    expect((await sendEvent(await sign())).status).toBe(404)
  })
})
