/** `POST /events` accepts only security event tokens of the provider, for this broker, once (TMB-67). */

import { env } from 'cloudflare:workers'
import { generateKeyPair } from 'jose'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ask, subjectOf } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { sendEvent, signEvent } from '../support/security-events.ts'
import { ADA, GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { countCosts, later, stage } from '../support/story.ts'
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

  it.each<{ what: string; err: string; make: () => Promise<string> }>([
    { what: 'no JWT', err: 'invalid_request', make: async () => 'canary-no-jwt' },
    { what: 'nothing', err: 'invalid_request', make: async () => '' },
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
    {
      what: 'an unknown kid',
      err: 'invalid_key',
      make: async () => sign({}, { kid: 'other' }),
    },
    {
      what: 'an HMAC',
      err: 'invalid_key',
      make: async () => sign({}, { alg: 'HS256' }, new Uint8Array(32)),
    },
    {
      what: 'a critical extension',
      err: 'invalid_request',
      make: async () => sign({}, { crit: ['x'], x: true }),
    },
    {
      what: 'another issuer',
      err: 'invalid_issuer',
      make: async () => sign({ iss: 'https://evil.example/' }),
    },
    { what: 'another audience', err: 'invalid_audience', make: async () => sign({ aud: 'other' }) },
    { what: 'no events', err: 'invalid_request', make: async () => sign({ events: undefined }) },
    { what: 'no event', err: 'invalid_request', make: async () => sign({ events: {} }) },
    { what: 'no jti', err: 'invalid_request', make: async () => sign({ jti: undefined }) },
    {
      what: 'a long jti',
      err: 'invalid_request',
      make: async () => sign({ jti: 'j'.repeat(256) }),
    },
    { what: 'no iat', err: 'invalid_request', make: async () => sign({ iat: undefined }) },
    {
      what: 'an iat in the future',
      err: 'invalid_request',
      make: async () => sign({ iat: at() + 90 }),
    },
    {
      what: 'an old iat',
      err: 'invalid_request',
      make: async () => sign({ iat: at() - 8 * DAY }),
    },
    {
      what: 'an exp, which events do not have',
      err: 'invalid_request',
      make: async () => sign({ exp: at() + 60 }),
    },
    {
      what: 'a nonce, which ID tokens have',
      err: 'invalid_request',
      make: async () => sign({ nonce: 'n' }),
    },
    { what: 'another type', err: 'invalid_request', make: async () => sign({}, { typ: 'at+jwt' }) },
    {
      what: 'too many bytes',
      err: 'invalid_request',
      make: async () => sign({ x: 'x'.repeat(17_000) }),
    },
  ])('with $what is refused as $err, and ends nothing', async ({ err, make }) => {
    const answer = await sendEvent(await make())
    expect(answer).toMatchObject({ status: 400, body: { err, error: 'invalid_request' } })
    expect(answer.body).toHaveProperty('description', expect.stringMatching(/^[\w ,.]+$/))
    expect(JSON.stringify(answer.body)).not.toContain('canary')
    expect((await ask(browser)).status).toBe(200)
  })

  it('is not the ID token of a login', async () => {
    const id_tokens: string[] = []
    const real = vi.mocked(globalThis.fetch).getMockImplementation() ?? globalThis.fetch
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      const answer = await real(input, init)
      const { id_token } = (await answer
        .clone()
        .json()
        .catch(() => ({}))) as { id_token?: string }
      if (id_token) id_tokens.push(id_token)
      return answer
    })
    later(1)
    await google.connect(browser, 'upload')
    expect(await sendEvent(id_tokens[0] ?? '')).toMatchObject({
      status: 400,
      body: { err: id_tokens[0] ? 'invalid_request' : 'an ID token' },
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
    const lines: string[] = []
    vi.spyOn(console, 'info').mockImplementation((text) => void lines.push(String(text)))
    const token = await sign({ jti: 'one' })
    expect((await sendEvent(token)).status).toBe(202)
    const costs = countCosts()
    expect((await sendEvent(token)).status).toBe(202)
    expect(costs.objects()).toBe(1)
    const seen = lines
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'security_event')
    expect(seen).toMatchObject([
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
    const real = vi.mocked(globalThis.fetch).getMockImplementation() ?? globalThis.fetch
    vi.spyOn(globalThis, 'fetch').mockImplementation(async (input, init) => {
      if (!String(input).endsWith('/risc-configuration')) return real(input, init)
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
