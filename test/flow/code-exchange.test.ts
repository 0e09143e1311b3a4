/** Tests of what Google returns for a code: ID tokens, and failures (TMB-25 to 27, TMB-42). */

import { env } from 'cloudflare:workers'
import { describe, expect, it } from 'vitest'
import { ask } from '../support/broker.ts'
import { simulateGoogle } from '../support/simulated-google.ts'
import { stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

describe('an ID token (TMB-25, TMB-26, TMB-29)', () => {
  it.each([
    'missing',
    'alg_none',
    'wrong_key',
    'wrong_iss',
    'wrong_aud',
    'extra_aud',
    'wrong_azp',
    'expired',
    'missing_nonce',
    'wrong_nonce',
    'wrong_at_hash',
  ] as const)('with the fault %s is refused', async (id_token) => {
    const google = simulateGoogle()
    google.simulator.faults.add({ at: 'token:authorization_code', do: { id_token } })
    const browser = google.browse()
    const back = await google.connect(browser, 'pick')
    expect(back.url.searchParams.get('connect')).toBe('error')
    expect(['server_error', 'temporarily_unavailable']).toContain(
      back.url.searchParams.get('error'),
    )
    expect((await ask(browser)).status).toBe(401)
    expect((await env.TOKENS.list()).keys).toEqual([])
    expect((await google.connect(browser, 'pick')).url.search).toBe('?connect=ok&bundle=pick')
  })
})

it('both spellings of Google’s issuer are one user (TMB-27)', async () => {
  configure({ ISSUER: 'https://accounts.google.com' })
  const google = simulateGoogle('https://accounts.google.com')
  const browser = google.browse()
  await google.connect(browser, 'pick')
  google.simulator.faults.add({
    at: 'token:authorization_code',
    do: { id_token: 'iss_without_https' },
  })
  expect((await google.connect(browser, 'upload')).url.search).toBe('?connect=ok&bundle=upload')
  expect((await ask(browser)).status).toBe(200)
})

describe('a token endpoint that fails at the exchange', () => {
  it.each([
    { kind: '503', effects: { status: 503 }, expected: 'temporarily_unavailable' },
    {
      kind: 'a redirect',
      effects: { redirect: 'https://evil.example/' },
      expected: 'temporarily_unavailable',
    },
    { kind: 'invalid_client', effects: { error: 'invalid_client' }, expected: 'server_error' },
    { kind: 'invalid_grant', effects: { error: 'invalid_grant' }, expected: 'server_error' },
  ] as const)(
    'with $kind redirects with $expected, and keeps the old grant',
    async ({ effects, expected }) => {
      const google = simulateGoogle()
      const browser = google.browse()
      await google.connect(browser, 'pick')
      google.simulator.faults.add({ at: 'token:authorization_code', do: effects })
      const back = await google.connect(browser, 'upload')
      expect(back.url.search).toBe(`?connect=error&bundle=upload&error=${expected}`)
      expect((await ask(browser)).status).toBe(200)
      expect(google.calls('token')).toBe(2)
    },
  )

  it('with keys that cannot be fetched redirects with temporarily_unavailable (TMB-42)', async () => {
    const google = simulateGoogle()
    google.simulator.faults.add({ at: 'jwks', do: { status: 500 } })
    const back = await google.connect(google.browse(), 'pick')
    expect(back.url.search).toBe('?connect=error&bundle=pick&error=temporarily_unavailable')
  })
})
