/** This file is the tests of faults: every word of their vocabulary does what it says. */

import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../src/simulator/app.ts'
import type { FaultRequest } from '../../src/simulator/faults/vocabulary.ts'
import { authorizationUrl, connect, google, post, refresh, the } from './app.ts'

type Effects = FaultRequest['do']

async function refreshWith(
  effects: Effects,
): Promise<{ simulator: Simulator; refresh_token: string; response: Response; text: string }> {
  const simulator = google()
  const { refresh_token = '' } = await connect(simulator)
  simulator.faults.add({ at: 'token:refresh_token', do: effects })
  const body = new URLSearchParams({
    grant_type: 'refresh_token',
    refresh_token,
    client_id: the.client_id,
    client_secret: the.client_secret,
  })
  const response = await simulator.fetch(
    new Request(`${the.origin}/token`, { method: 'POST', body }),
  )
  return { simulator, refresh_token, response, text: await response.clone().text() }
}

describe('a fault', () => {
  it.each<{ effects: Effects; status: number; text: RegExp }>([
    { effects: { status: 503, retry_after: 30 }, status: 503, text: /503/ },
    {
      effects: { status: 429, body: { error: 'rate_limited' } },
      status: 429,
      text: /rate_limited/,
    },
    { effects: { status: 500, body: 'oops' }, status: 500, text: /^oops$/ },
    { effects: { error: 'invalid_client' }, status: 401, text: /"error":"invalid_client"/ },
    {
      effects: { error: 'invalid_grant', error_subtype: 'invalid_rapt' },
      status: 400,
      text: /"error_subtype":"invalid_rapt"/,
    },
    { effects: { html: true }, status: 200, text: /<!doctype html>/ },
    { effects: { garbage: true }, status: 200, text: /not json/ },
    { effects: { truncate: true }, status: 200, text: /^\{"access_token":"[^}]*$/ },
    { effects: { lose_answer: true }, status: 502, text: /Bad gateway/ },
    { effects: { set: { expires_in: -1 } }, status: 200, text: /"expires_in":-1/ },
    { effects: { set: { expires_in: 1e12 } }, status: 200, text: /"expires_in":1000000000000/ },
    {
      effects: { set: { expires_in: 'x', token_type: 'mac' } },
      status: 200,
      text: /"expires_in":"x".*"token_type":"mac"/,
    },
    { effects: { omit: ['access_token'] }, status: 200, text: /^\{"expires_in"/ },
    { effects: { delay_ms: 1, status: 418 }, status: 418, text: /418/ },
  ])('answers $effects', async ({ effects, status, text: expected }) => {
    const { response, text } = await refreshWith(effects)
    expect(response.status).toBe(status)
    expect(text).toMatch(expected)
  })

  it('tells when to come back', async () => {
    const { response } = await refreshWith({ status: 503, retry_after: 30 })
    expect(response.headers.get('Retry-After')).toBe('30')
  })

  it('redirects', async () => {
    const { response } = await refreshWith({ redirect: 'https://evil.example/token' })
    expect(response.status).toBe(302)
    expect(response.headers.get('Location')).toBe('https://evil.example/token')
  })

  it('answers as many bytes as it is told', async () => {
    const { text } = await refreshWith({ big_body_bytes: 10_000_000 })
    expect(text.length).toBeGreaterThanOrEqual(10_000_000)
  })

  it('rotates the refresh token, and the old one dies', async () => {
    const { simulator, refresh_token, text } = await refreshWith({ rotate: true })
    const { refresh_token: next } = JSON.parse(text)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    await refresh(simulator, next)
  })

  it('does the work of an answer that gets lost', async () => {
    const { simulator, refresh_token } = await refreshWith({ rotate: true, lose_answer: true })
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })

  it.each<{ effects: Effects; scope: string }>([
    { effects: { scope: { add: [the.edit] } }, scope: `openid ${the.pick} ${the.edit}` },
    { effects: { scope: { drop: [the.pick] } }, scope: 'openid' },
  ])('grants $effects', async ({ effects, scope }) => {
    const { simulator, text } = await refreshWith(effects)
    const { access_token, ...body } = JSON.parse(text)
    expect(body.scope).toBe(scope)
    expect(await post(simulator, '/tokeninfo', { access_token })).toMatchObject({ body: { scope } })
  })

  it('limits access in time', async () => {
    const { simulator, refresh_token, text } = await refreshWith({ lasts_seconds: 600 })
    expect(JSON.parse(text)).toMatchObject({ refresh_token_expires_in: 600 })
    simulator.world.settings.clock_ahead_seconds = 601
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })

  it('waits until the caller gives up', async () => {
    const simulator = google()
    simulator.faults.add({ at: 'jwks', do: { hang: true } })
    const caller = new AbortController()
    const call = simulator.fetch(
      new Request(`${the.origin}/oauth2/v3/certs`, { signal: caller.signal }),
    )
    caller.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect(simulator.calls('jwks')).toMatchObject([{ status: 0, fault: ['hang'] }])
  })

  it.each(['discovery', 'jwks', 'revoke', 'userinfo', 'tokeninfo', 'media', 'api', 'authorize'])(
    'happens at %s',
    async (at) => {
      const paths: Record<string, string> = {
        discovery: '/.well-known/openid-configuration',
        jwks: '/oauth2/v3/certs',
        userinfo: '/v1/userinfo',
        media: '/media/x=d',
        api: '/photospicker/v1/sessions/1',
        authorize: '/o/oauth2/v2/auth',
      }
      const simulator = google()
      simulator.faults.add({ at, do: { status: 503 } })
      const url = the.origin + (paths[at] ?? `/${at}`)
      const call = (): Promise<Response> =>
        simulator.fetch(new Request(url, { method: at === 'revoke' ? 'POST' : 'GET' }))
      expect((await call()).status).toBe(503)
      expect((await call()).status).not.toBe(503)
    },
  )

  it('happens as often as it says, in the order of the list', async () => {
    const simulator = google()
    const url = `${the.origin}/oauth2/v3/certs`
    simulator.faults.add(
      { at: 'jwks', times: 2, do: { status: 500 } },
      { at: 'jwks', times: 'always', do: { status: 503 } },
    )
    const statuses: number[] = []
    for (let call = 0; call < 4; call++)
      statuses.push((await simulator.fetch(new Request(url))).status)
    expect(statuses).toEqual([500, 500, 503, 503])
    simulator.faults.clear()
    expect((await simulator.fetch(new Request(url))).status).toBe(200)
  })

  it('leaves other endpoints alone', async () => {
    const simulator = google()
    simulator.faults.add({ at: 'token:refresh_token', do: { status: 500 } })
    expect((await connect(simulator)).access_token).toBeDefined()
    expect(simulator.world.faults).toHaveLength(1)
  })
})

describe('a faulty ID token', () => {
  async function idToken(simulator: Simulator, id_token: Effects['id_token']): Promise<string> {
    simulator.faults.add({ at: 'token:authorization_code', do: { id_token } })
    const { url, code_verifier } = await authorizationUrl('openid')
    const back = await simulator.consent(url)
    const { body } = await post(simulator, '/token', {
      grant_type: 'authorization_code',
      client_id: the.client_id,
      client_secret: the.client_secret,
      redirect_uri: the.redirect_uri,
      code: back.searchParams.get('code') ?? '',
      code_verifier,
    })
    return body['id_token'] as string
  }

  it.each([
    { fault: 'wrong_iss', claims: { iss: 'https://accounts.evil.example' } },
    { fault: 'iss_without_https', claims: { iss: 'google.example' } },
    { fault: 'wrong_aud', claims: { aud: 'another-client' } },
    { fault: 'extra_aud', claims: { aud: [the.client_id, 'another-client'] } },
    { fault: 'wrong_azp', claims: { azp: 'another-client' } },
    { fault: 'wrong_sub', claims: { sub: '100000000000000000000' } },
    { fault: 'wrong_nonce', claims: { nonce: 'another-nonce' } },
    { fault: 'wrong_at_hash', claims: { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' } },
  ] as const)('has $claims with $fault, well signed', async ({ fault, claims }) => {
    const simulator = google()
    const token = await idToken(simulator, fault)
    const keys = await simulator.fetch(new Request(`${the.origin}/oauth2/v3/certs`))
    const { payload } = await jwtVerify(token, createLocalJWKSet(await keys.json()))
    expect(payload).toMatchObject(claims)
  })

  it('is missing, unsigned, or signed by nobody', async () => {
    const simulator = google()
    expect(await idToken(simulator, 'missing')).toBeUndefined()
    expect(decodeProtectedHeader(await idToken(simulator, 'alg_none')).alg).toBe('none')
    expect(decodeProtectedHeader(await idToken(simulator, 'alg_hs256')).alg).toBe('HS256')
    expect(decodeProtectedHeader(await idToken(simulator, 'wrong_kid')).kid).toBe('nobody')
    const keys = await simulator.fetch(new Request(`${the.origin}/oauth2/v3/certs`))
    const forged = await idToken(simulator, 'wrong_key')
    await expect(jwtVerify(forged, createLocalJWKSet(await keys.json()))).rejects.toThrow(
      'signature',
    )
  })

  it('is of another time, or without its nonce', async () => {
    const simulator = google()
    const now = Date.now() / 1000
    expect(decodeJwt(await idToken(simulator, 'expired')).exp).toBeLessThan(now)
    expect(decodeJwt(await idToken(simulator, 'future_iat')).iat).toBeGreaterThan(now + 3600)
    expect(decodeJwt(await idToken(simulator, 'missing_nonce'))).not.toHaveProperty('nonce')
  })
})

describe('a faulty redirect', () => {
  it.each([
    { do: { iss: 'absent' }, name: 'iss', values: [] },
    { do: { iss: 'present' }, name: 'iss', values: [the.origin] },
    { do: { iss: 'empty' }, name: 'iss', values: [''] },
    { do: { iss: 'wrong' }, name: 'iss', values: ['https://accounts.evil.example'] },
    {
      do: { iss: 'duplicated' },
      name: 'iss',
      values: [the.origin, 'https://accounts.evil.example'],
    },
    { do: { iss: 'without_https' }, name: 'iss', values: ['google.example'] },
    { do: { state: 'absent' }, name: 'state', values: [] },
    { do: { state: 'wrong' }, name: 'state', values: ['a-state-nobody-sent'] },
    { do: { state: 'duplicated' }, name: 'state', values: [the.state, the.state] },
    {
      do: { error: 'temporarily_unavailable' },
      name: 'error',
      values: ['temporarily_unavailable'],
    },
  ] as const)('has $name $values with $do', async ({ do: effects, name, values }) => {
    const simulator = google()
    simulator.world.settings.iss_on_redirect = true
    simulator.faults.add({ at: 'authorize', do: effects })
    const { url } = await authorizationUrl(the.pick)
    const back = await simulator.consent(url)
    expect(back.searchParams.getAll(name)).toEqual(values)
    expect(back.searchParams.has('code')).toBe(name !== 'error')
    expect(simulator.world.faults).toEqual([])
  })
})

describe('a hold', () => {
  it('keeps calls waiting until it is released', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    const hold = simulator.hold('token:refresh_token')
    const calls = [refresh(simulator, refresh_token), refresh(simulator, refresh_token)]
    await hold.arrived
    hold.release()
    expect(await Promise.all(calls)).toHaveLength(2)
    expect(simulator.calls('token:refresh_token')).toHaveLength(2)
  })
})
