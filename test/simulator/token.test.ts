/** This file is the tests of the token endpoint: what Google checks before it gives tokens. */

import * as oauth from 'oauth4webapi'
import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../src/simulator/app.ts'
import { authorizationUrl, connect, google, post, refresh, the } from './app.ts'

const CODE = {
  grant_type: 'authorization_code',
  client_id: the.client_id,
  client_secret: the.client_secret,
  redirect_uri: the.redirect_uri,
}

async function getCode(
  simulator: Simulator,
  more: Record<string, string | undefined> = {},
): Promise<{ code: string; code_verifier: string }> {
  const { url, code_verifier } = await authorizationUrl(`openid ${the.pick}`, more)
  const back = await simulator.consent(url)
  return { code: back.searchParams.get('code') ?? '', code_verifier }
}

describe('a code', () => {
  it.each([
    { given: 'no verifier', change: { code_verifier: undefined }, error: 'invalid_grant' },
    {
      given: 'a wrong verifier',
      change: { code_verifier: oauth.generateRandomCodeVerifier() },
      error: 'invalid_grant',
    },
    {
      given: 'another redirect URI',
      change: { redirect_uri: 'https://app.example/other' },
      error: 'redirect_uri_mismatch',
    },
    {
      given: 'no redirect URI',
      change: { redirect_uri: undefined },
      error: 'redirect_uri_mismatch',
    },
    { given: 'no code', change: { code: undefined }, error: 'invalid_request' },
    { given: 'a made-up code', change: { code: '4/0Amade-up' }, error: 'invalid_grant' },
    {
      given: 'a code named like a method of objects',
      change: { code: 'constructor' },
      error: 'invalid_grant',
    },
    { given: 'no grant type', change: { grant_type: undefined }, error: 'invalid_request' },
    {
      given: 'another grant type',
      change: { grant_type: 'password' },
      error: 'unsupported_grant_type',
    },
  ])('is not exchanged with $given', async ({ change, error }) => {
    const simulator = google()
    const form = { ...CODE, ...(await getCode(simulator)), ...change }
    expect(await post(simulator, '/token', form)).toMatchObject({ status: 400, body: { error } })
  })

  it('without PKCE takes no verifier', async () => {
    const simulator = google()
    const form = {
      ...CODE,
      ...(await getCode(simulator, {
        code_challenge: undefined,
        code_challenge_method: undefined,
      })),
    }
    expect(await post(simulator, '/token', form)).toMatchObject({ status: 400 })
    expect(await post(simulator, '/token', { ...form, code_verifier: undefined })).toMatchObject({
      status: 200,
    })
  })

  it('works once, and a second use ends what came of the first', async () => {
    const simulator = google()
    const form = { ...CODE, ...(await getCode(simulator)) }
    const { body } = await post(simulator, '/token', form)
    expect(await post(simulator, '/token', form)).toMatchObject({
      body: { error: 'invalid_grant' },
    })
    const { refresh_token, access_token } = body as { refresh_token: string; access_token: string }
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const info = await post(simulator, '/tokeninfo', { access_token })
    expect(info).toMatchObject({ status: 400, body: { error: 'invalid_token' } })
  })

  it('works once even when it is sent twice at the same time', async () => {
    const simulator = google()
    const form = { ...CODE, ...(await getCode(simulator)) }
    const answers = await Promise.all([1, 2, 3].map(() => post(simulator, '/token', form)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400])
  })

  it('belongs to its client', async () => {
    const other = { client_id: 'other', client_secret: 'other-secret' }
    const clients = [CODE, other].map((one) => ({ ...one, redirect_uris: [the.redirect_uri] }))
    const simulator = google({ clients })
    const form = { ...CODE, ...(await getCode(simulator)), ...other }
    expect(await post(simulator, '/token', form)).toMatchObject({
      body: { error: 'invalid_grant' },
    })
  })

  it('dies after ten minutes', async () => {
    const simulator = google()
    const form = { ...CODE, ...(await getCode(simulator)) }
    simulator.world.settings.clock_ahead_seconds = 601
    expect(await post(simulator, '/token', form)).toMatchObject({
      body: { error: 'invalid_grant' },
    })
  })
})

describe('client authentication', () => {
  const basic = (id: string, secret: string): Record<string, string> => ({
    Authorization: `Basic ${btoa(`${encodeURIComponent(id)}:${encodeURIComponent(secret)}`)}`,
  })
  const none = { client_id: undefined, client_secret: undefined }

  it.each([
    {
      given: 'a wrong secret',
      change: { client_secret: 'wrong' },
      headers: {},
      status: 401,
      error: 'invalid_client',
    },
    {
      given: 'an unknown client',
      change: { client_id: 'nobody' },
      headers: {},
      status: 401,
      error: 'invalid_client',
    },
    {
      given: 'no secret',
      change: { client_secret: undefined },
      headers: {},
      status: 400,
      error: 'invalid_request',
    },
    { given: 'no client', change: none, headers: {}, status: 400, error: 'invalid_request' },
    {
      given: 'a wrong secret by Basic',
      change: none,
      headers: basic(the.client_id, 'wrong'),
      status: 401,
      error: 'invalid_client',
    },
    {
      given: 'both ways at once',
      change: {},
      headers: basic(the.client_id, the.client_secret),
      status: 400,
      error: 'invalid_request',
    },
    {
      given: 'a bearer token',
      change: none,
      headers: { Authorization: 'Bearer x' },
      status: 401,
      error: 'invalid_client',
    },
  ])('fails with $given', async ({ change, headers, status, error }) => {
    const simulator = google()
    const form = { ...CODE, ...(await getCode(simulator)), ...change }
    const answer = await post(simulator, '/token', form, headers)
    expect(answer).toMatchObject({ status, body: { error, error_description: expect.any(String) } })
  })

  it('works by Basic too', async () => {
    const simulator = google()
    const form = { ...CODE, ...(await getCode(simulator)), ...none }
    const headers = basic(the.client_id, the.client_secret)
    expect(await post(simulator, '/token', form, headers)).toMatchObject({ status: 200 })
  })

  it('reads the secret from nowhere but the form', async () => {
    const query = new URLSearchParams({ ...CODE, code: 'x' })
    const response = await google().fetch(
      new Request(`${the.origin}/token?${query}`, { method: 'POST' }),
    )
    expect(response.status).toBe(400)
    expect(response.headers.get('Cache-Control')).toContain('no-store')
  })
})

describe('a refresh', () => {
  it.each([
    { given: 'a made-up token', change: { refresh_token: '1//0made-up' }, error: 'invalid_grant' },
    { given: 'no token', change: { refresh_token: undefined }, error: 'invalid_request' },
    {
      given: 'more scope than was granted',
      change: { scope: `${the.pick} ${the.edit}` },
      error: 'invalid_scope',
    },
  ])('fails with $given', async ({ change, error }) => {
    const simulator = google()
    const { refresh_token } = await connect(simulator)
    const form = { ...CODE, grant_type: 'refresh_token', refresh_token, ...change }
    expect(await post(simulator, '/token', form)).toMatchObject({ status: 400, body: { error } })
  })

  it('takes email and profile in both spellings', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator, 'openid email')
    const { scope } = await refresh(simulator, refresh_token, 'email')
    expect(scope).toBe('https://www.googleapis.com/auth/userinfo.email')
  })

  it('answers an ID token without a nonce', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    const { id_token = '' } = await refresh(simulator, refresh_token)
    const claims = JSON.parse(atob(id_token.split('.')[1] ?? ''))
    expect(claims).toMatchObject({ sub: the.sub, at_hash: expect.any(String) })
    expect(claims).not.toHaveProperty('nonce')
  })

  it('refuses a parameter that comes twice', async () => {
    const simulator = google()
    const response = await simulator.fetch(
      new Request(`${the.origin}/token`, {
        method: 'POST',
        body: new URLSearchParams([...Object.entries(CODE), ['client_id', the.client_id]]),
      }),
    )
    expect(response.status).toBe(400)
  })
})
