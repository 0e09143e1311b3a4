/** This file is what `POST /events` believes and what it refuses: only the provider's own word, to us, once (TMB-67). */

import { env } from 'cloudflare:workers'
import { generateKeyPair } from 'jose'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ask, subjectOf } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { ADA_THERE, sendEvent, signEvent, TOKENS_REVOKED } from '../support/security-events.ts'
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

describe('a word', () => {
  const DAY = 24 * 60 * 60
  const at = (): number => Math.floor(Date.now() / 1000)
  const events = { [TOKENS_REVOKED]: { subject: ADA_THERE } }
  const parts = (jwt: string): string[] => jwt.split('.')

  it.each<{ what: string; err: string; make: () => Promise<string> }>([
    { what: 'no JWT', err: 'invalid_request', make: async () => 'canary-no-jwt' },
    { what: 'nothing', err: 'invalid_request', make: async () => '' },
    { what: 'JSON', err: 'invalid_request', make: async () => JSON.stringify({ events }) },
    {
      what: 'no signature',
      err: 'invalid_key',
      async make() {
        const [, payload] = parts(await sign())
        return `${btoa('{"alg":"none"}').replace(/=+$/, '')}.${payload}.`
      },
    },
    {
      what: 'the signature of another word',
      err: 'authentication_failed',
      async make() {
        const [[header, payload], [, , signature]] = [parts(await sign()), parts(await sign())]
        return [header, payload, signature].join('.')
      },
    },
    {
      what: 'the key of somebody else',
      err: 'authentication_failed',
      make: async () => sign({}, {}, (await generateKeyPair('RS256')).privateKey),
    },
    {
      what: 'a key that Google does not have',
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
    { what: 'no issuer', err: 'invalid_issuer', make: async () => sign({ iss: undefined }) },
    { what: 'another audience', err: 'invalid_audience', make: async () => sign({ aud: 'other' }) },
    { what: 'no audience', err: 'invalid_audience', make: async () => sign({ aud: undefined }) },
    { what: 'no events', err: 'invalid_request', make: async () => sign({ events: undefined }) },
    { what: 'no event', err: 'invalid_request', make: async () => sign({ events: {} }) },
    { what: 'a list', err: 'invalid_request', make: async () => sign({ events: [{}] }) },
    { what: 'no jti', err: 'invalid_request', make: async () => sign({ jti: undefined }) },
    {
      what: 'an endless jti',
      err: 'invalid_request',
      make: async () => sign({ jti: 'j'.repeat(256) }),
    },
    { what: 'no iat', err: 'invalid_request', make: async () => sign({ iat: undefined }) },
    { what: 'an iat ahead', err: 'invalid_request', make: async () => sign({ iat: at() + 90 }) },
    {
      what: 'an iat of long ago',
      err: 'invalid_request',
      make: async () => sign({ iat: at() - 8 * DAY }),
    },
    {
      what: 'an exp, which none has',
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
      what: 'more than any word is long',
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

  it('that is the ID token of a login is refused', async () => {
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

  it.each(['application/json', 'text/plain', 'application/jwt'])('comes as no %s', async (type) => {
    expect(await sendEvent(await sign(), type)).toMatchObject({ status: 400 })
    expect((await ask(browser)).status).toBe(200)
  })

  it('may be of a type less explicit, to several, and the issuer spelt without a slash', async () => {
    const word = await sign({ iss: GOOGLE, aud: ['other', 'test-client'] }, { typ: 'JWT' })
    expect((await sendEvent(word, 'Application/SecEvent+JWT; charset=utf-8')).status).toBe(202)
    expect((await ask(browser)).status).toBe(403)
  })

  it('that comes twice is taken twice, acted upon once, and the mark goes when the word could not come again', async () => {
    const lines: string[] = []
    vi.spyOn(console, 'info').mockImplementation((text) => void lines.push(String(text)))
    const word = await sign({ jti: 'one' })
    expect((await sendEvent(word)).status).toBe(202)
    const costs = countCosts()
    expect((await sendEvent(word)).status).toBe(202)
    expect(costs.objects()).toBe(1)
    const seen = lines
      .map((line) => JSON.parse(line))
      .filter(({ event }) => event === 'security_event')
    expect(seen).toMatchObject([
      { outcome: 'ok', reason: 'tokens_revoked' },
      { outcome: 'duplicate', reason: 'tokens_revoked' },
    ])
    later(7 * DAY + 61)
    expect((await sendEvent(word)).status).toBe(400)
  })

  it('that could not be acted upon is not taken for done', async () => {
    const word = await sign()
    const { key } = await subjectOf(ADA)
    const real = env.SUBJECTS.getByName.bind(env.SUBJECTS)
    const failing = vi.spyOn(env.SUBJECTS, 'getByName').mockImplementation((name) => {
      if (name === key) throw new Error('canary: no such place')
      return real(name)
    })
    expect((await sendEvent(word)).status).toBe(503)
    failing.mockRestore()
    expect((await sendEvent(word)).status).toBe(202)
    expect((await ask(browser)).status).toBe(403)
  })

  it('is not taken while its signature cannot be checked, and costs Google nothing when it is for somebody else', async () => {
    configure() // as another isolate, which knows nothing yet
    const word = await sign()
    google.simulator.faults.add({ at: 'risc', do: { status: 503 } })
    expect((await sendEvent(word)).status).toBe(503)
    expect((await ask(browser)).status).toBe(200)
    later(6)
    const asked = google.calls('risc')
    expect((await sendEvent(await sign({ aud: 'other' }))).status).toBe(400)
    expect(google.calls('risc')).toBe(asked)
    expect((await sendEvent(word)).status).toBe(202)
    for (let i = 0; i < 3; i++) await sendEvent(await sign())
    expect(google.calls('risc')).toBe(asked + 1)
  })

  it.each([
    { what: 'another issuer', status: 200, document: { issuer: 'https://evil.example' } },
    { what: 'no issuer', status: 200, document: { issuer: undefined } },
    { what: 'no keys', status: 200, document: { jwks_uri: undefined } },
    { what: 'another status', status: 500, document: {} },
  ])('is not believed by keys of $what', async ({ status, document }) => {
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

  it('of a provider that sends none finds nobody', async () => {
    configure()
    google.simulator.faults.add({ at: 'risc', do: { status: 404 } })
    expect((await sendEvent(await sign())).status).toBe(404)
  })
})
