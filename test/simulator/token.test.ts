/** Tests of the token endpoint: what is checked before tokens are issued. */

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
const INVALID_GRANT = { status: 400, body: { error: 'invalid_grant' } }

async function codeForm(
  simulator: Simulator,
  more: Record<string, string | undefined> = {},
): Promise<Record<string, string>> {
  const { url, code_verifier } = await authorizationUrl(`openid ${the.pick}`, more)
  const redirect = await simulator.consent(url)
  return { ...CODE, code: redirect.searchParams.get('code') ?? '', code_verifier }
}

it('issues tokens that an independent client accepts', async () => {
  const body = await connect(google(), `openid email ${the.pick}`)
  expect(body).toMatchObject({ expires_in: 3599, token_type: 'bearer' })
  expect(oauth.getValidatedIdTokenClaims(body)).toMatchObject({
    ...{ iss: the.origin, aud: the.client_id, sub: the.sub, nonce: the.nonce },
    ...{ at_hash: expect.any(String), email: 'ada@example.com' },
  })
})

it('dates an ID token by the clock of the apps, also when its own is ahead', async () => {
  const simulator = google()
  simulator.world.settings.clock_ahead_seconds = 8 * 24 * 60 * 60
  const { iat } = oauth.getValidatedIdTokenClaims(await connect(simulator)) ?? {}
  expect(Math.abs((iat ?? 0) - Date.now() / 1000)).toBeLessThan(60)
})

describe('a code', () => {
  it.each([
    ['no verifier', { code_verifier: undefined }, 'invalid_grant'],
    ['a wrong verifier', { code_verifier: oauth.generateRandomCodeVerifier() }, 'invalid_grant'],
    ['another redirect URI', { redirect_uri: 'https://app.example/' }, 'redirect_uri_mismatch'],
    ['no redirect URI', { redirect_uri: undefined }, 'redirect_uri_mismatch'],
    ['an unknown code', { code: '4/0Aunknown' }, 'invalid_grant'],
    ['the name of an object method as code', { code: 'constructor' }, 'invalid_grant'],
    ['no grant type', { grant_type: undefined }, 'invalid_request'],
    ['another grant type', { grant_type: 'password' }, 'unsupported_grant_type'],
  ])('is not exchanged with %s', async (_, change, error) => {
    const simulator = google()
    const form = { ...(await codeForm(simulator)), ...change }
    expect(await post(simulator, '/token', form)).toMatchObject({ status: 400, body: { error } })
  })

  it('of a request without PKCE is exchanged without a verifier only', async () => {
    const simulator = google()
    const without = { code_challenge: undefined, code_challenge_method: undefined }
    const form = await codeForm(simulator, without)
    expect(await post(simulator, '/token', form)).toMatchObject({ status: 400 })
    const { code_verifier: _, ...right } = form
    expect(await post(simulator, '/token', right)).toMatchObject({ status: 200 })
  })

  it('is valid once, and a second use ends the tokens of the first', async () => {
    const simulator = google()
    const form = await codeForm(simulator)
    const { body } = await post(simulator, '/token', form)
    expect(await post(simulator, '/token', form)).toMatchObject(INVALID_GRANT)
    const { refresh_token, access_token } = body as { refresh_token: string; access_token: string }
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(INVALID_GRANT.body)
    expect(await post(simulator, '/tokeninfo', { access_token })).toMatchObject({ status: 400 })
  })

  it('is valid once for concurrent requests', async () => {
    const simulator = google()
    const form = await codeForm(simulator)
    const answers = await Promise.all([1, 2, 3].map(() => post(simulator, '/token', form)))
    expect(answers.map(({ status }) => status).sort()).toEqual([200, 400, 400])
  })

  it('is refused to another client, and after ten minutes', async () => {
    const other = { client_id: 'other', client_secret: 'other-secret' }
    const clients = [CODE, other].map((one) => ({ ...one, redirect_uris: [the.redirect_uri] }))
    const simulator = google({ clients })
    const form = await codeForm(simulator)
    expect(await post(simulator, '/token', { ...form, ...other })).toMatchObject(INVALID_GRANT)
    simulator.world.settings.clock_ahead_seconds = 601
    expect(await post(simulator, '/token', form)).toMatchObject(INVALID_GRANT)
  })
})

describe('client authentication', () => {
  const basic = (secret: string): Record<string, string> => ({
    Authorization: `Basic ${btoa(`${the.client_id}:${encodeURIComponent(secret)}`)}`,
  })
  const none = { client_id: undefined, client_secret: undefined }

  it.each([
    ['a wrong secret', { client_secret: 'wrong' }, {}, 401, 'invalid_client'],
    ['an unknown client', { client_id: 'unknown' }, {}, 401, 'invalid_client'],
    ['no secret', { client_secret: undefined }, {}, 400, 'invalid_request'],
    ['a wrong secret by Basic', none, basic('wrong'), 401, 'invalid_client'],
    ['both methods', {}, basic(the.client_secret), 400, 'invalid_request'],
  ])('fails with %s', async (_, change, headers, status, error) => {
    const simulator = google()
    const form = { ...(await codeForm(simulator)), ...change }
    expect(await post(simulator, '/token', form, headers)).toMatchObject({
      status,
      body: { error },
    })
  })

  it('succeeds by Basic too', async () => {
    const simulator = google()
    const form = { ...(await codeForm(simulator)), ...none }
    const answer = await post(simulator, '/token', form, basic(the.client_secret))
    expect(answer).toMatchObject({ status: 200 })
  })
})

describe('a refresh', () => {
  it.each([
    ['an unknown token', { refresh_token: '1//0unknown' }, 'invalid_grant'],
    ['no token', { refresh_token: undefined }, 'invalid_request'],
    ['a scope that was not granted', { scope: `${the.pick} ${the.edit}` }, 'invalid_scope'],
  ])('fails with %s', async (_, change, error) => {
    const simulator = google()
    const { refresh_token } = await connect(simulator)
    const form = { ...CODE, grant_type: 'refresh_token', refresh_token, ...change }
    expect(await post(simulator, '/token', form)).toMatchObject({ status: 400, body: { error } })
  })

  it('of the token of another client fails with unauthorized_client', async () => {
    const other = { client_id: 'other', client_secret: 'other-secret' }
    const clients = [CODE, other].map((one) => ({ ...one, redirect_uris: [the.redirect_uri] }))
    const simulator = google({ clients })
    const { refresh_token } = await connect(simulator)
    const form = { ...other, grant_type: 'refresh_token', refresh_token }
    const refused = { status: 401, body: { error: 'unauthorized_client' } }
    expect(await post(simulator, '/token', form)).toMatchObject(refused)
  })

  it('issues no new refresh token, and can down-scope', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator, `openid ${the.append} ${the.read}`)
    const all = await refresh(simulator, refresh_token)
    expect(all.scope).toBe(`openid ${the.append} ${the.read}`)
    expect(all.refresh_token).toBeUndefined()
    expect((await refresh(simulator, refresh_token, the.read)).scope).toBe(the.read)
  })
})
