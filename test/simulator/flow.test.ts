/** This file is the story of a client that knows nothing of the simulator, told with oauth4webapi. */

import * as oauth from 'oauth4webapi'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { authorizationUrl, connect, discover, google, refresh, revoke, the } from './app.ts'

afterEach(() => {
  vi.useRealTimers()
})

describe('a client that knows nothing of the simulator', () => {
  it('connects, and its ID token holds against the published keys', async () => {
    const simulator = google()
    const body = await connect(simulator, `openid email profile ${the.pick}`)
    expect(body).toMatchObject({ expires_in: 3599, token_type: 'bearer' })
    expect(body.refresh_token).toEqual(expect.any(String))
    expect(body.scope).toBe(
      `openid https://www.googleapis.com/auth/userinfo.email https://www.googleapis.com/auth/userinfo.profile ${the.pick}`,
    )
    expect(oauth.getValidatedIdTokenClaims(body)).toMatchObject({
      iss: the.origin,
      aud: the.client_id,
      azp: the.client_id,
      sub: the.sub,
      nonce: the.nonce,
      at_hash: expect.any(String),
      email: 'ada@example.com',
      name: 'Ada Brook',
    })
  })

  it('refreshes, keeps its refresh token, and can narrow the scope', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator, `openid ${the.append} ${the.read}`)
    const all = await refresh(simulator, refresh_token)
    expect(all.scope).toBe(`openid ${the.append} ${the.read}`)
    expect(all.refresh_token).toBeUndefined()
    const narrow = await refresh(simulator, refresh_token, the.read)
    expect(narrow.scope).toBe(the.read)
    expect(narrow.id_token).toBeUndefined()
  })

  it('may not widen the scope when it refreshes', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator, the.append)
    await expect(
      refresh(simulator, refresh_token, `${the.append} ${the.read}`),
    ).rejects.toMatchObject({ error: 'invalid_scope' })
  })

  it('ends the whole grant when it revokes one of its tokens', async () => {
    const simulator = google()
    const pick = await connect(simulator, `openid ${the.pick}`)
    const upload = await connect(simulator, `openid ${the.append}`)
    await revoke(simulator, pick.access_token)
    await expect(refresh(simulator, upload.refresh_token ?? '')).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    await expect(revoke(simulator, pick.access_token)).rejects.toMatchObject({
      error: 'invalid_token',
    })
    expect((await connect(simulator, `openid ${the.pick}`)).refresh_token).toBeDefined()
  })

  it('finds everything in the discovery document', async () => {
    expect(await discover(google())).toMatchObject({
      issuer: the.origin,
      code_challenge_methods_supported: ['S256'],
      token_endpoint_auth_methods_supported: ['client_secret_post', 'client_secret_basic'],
    })
  })

  it('is told when the person cancels', async () => {
    const { url } = await authorizationUrl(the.pick)
    const back = await google().consent(url, { cancel: true })
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'access_denied',
      state: the.state,
    })
  })
})
