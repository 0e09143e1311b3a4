/** Tests of how tokens and grants end: by time, by number, by revocation and by the user. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, google, post, refresh, revoke, the } from './app.ts'

const DAY = 24 * 60 * 60
const ENDED = { error: 'invalid_grant' }

function advance(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 23) })
})
afterEach(() => {
  vi.useRealTimers()
})

describe('a refresh token', () => {
  it('ends after six months without use', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    for (const days of [182, 182]) {
      advance(days * DAY)
      await refresh(simulator, refresh_token)
    }
    advance(183 * DAY)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(ENDED)
  })

  it('ends after 7 days in "Testing", unless it is for sign-in only', async () => {
    const simulator = google()
    simulator.world.settings.publishing = 'testing'
    const { refresh_token = '' } = await connect(simulator)
    const signIn = await connect(simulator, 'openid', { account: 'ben.okafor@example.com' })
    advance(7 * DAY - 1)
    await refresh(simulator, refresh_token)
    advance(1)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(ENDED)
    await refresh(simulator, signIn.refresh_token ?? '')
    expect((await connect(simulator)).refresh_token).toBeDefined()
  })

  it('ends with time-limited access, and says when', async () => {
    const simulator = google()
    const first = await connect(simulator, undefined, { lasts_seconds: 7200 })
    expect(first).toMatchObject({ refresh_token_expires_in: 7200, expires_in: 3599 })
    advance(7140)
    const last = await refresh(simulator, first.refresh_token ?? '')
    expect(last).toMatchObject({ refresh_token_expires_in: 60, expires_in: 60 })
    advance(60)
    await expect(refresh(simulator, first.refresh_token ?? '')).rejects.toMatchObject(ENDED)
  })

  it('ends when a hundred newer ones of the account exist', async () => {
    const simulator = google()
    const tokens: string[] = []
    for (let count = 0; count < 101; count++) {
      const { refresh_token = '' } = await connect(simulator, the.pick, {}, { prompt: 'consent' })
      tokens.push(refresh_token)
    }
    await expect(refresh(simulator, tokens[0] ?? '')).rejects.toMatchObject(ENDED)
    await refresh(simulator, tokens[1] ?? '')
  })
})

it('an access token is described by tokeninfo until it ends', async () => {
  const simulator = google()
  const { access_token } = await connect(simulator, `openid email ${the.pick}`)
  expect(await post(simulator, '/tokeninfo', { access_token })).toMatchObject({
    status: 200,
    body: { aud: the.client_id, sub: the.sub, email: 'ada@example.com', expires_in: '3599' },
  })
  advance(3599)
  expect(await post(simulator, '/tokeninfo', { access_token })).toMatchObject({ status: 400 })
})

describe('a grant', () => {
  it('ends as a whole when one of its tokens is revoked, and no other account’s does', async () => {
    const simulator = google()
    const ada = await connect(simulator, `openid ${the.pick}`)
    const upload = await connect(simulator, the.append)
    const ben = await connect(simulator, the.pick, { account: 'ben.okafor@example.com' })
    await revoke(simulator, upload.access_token)
    await expect(refresh(simulator, ada.refresh_token ?? '')).rejects.toMatchObject(ENDED)
    const { access_token } = ada
    expect(await post(simulator, '/tokeninfo', { access_token })).toMatchObject({ status: 400 })
    await expect(revoke(simulator, access_token)).rejects.toMatchObject({ error: 'invalid_token' })
    await refresh(simulator, ben.refresh_token ?? '')
  })

  it('ends when the user removes the app on the connections page', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    const body = new URLSearchParams({ account: the.sub, client_id: the.client_id })
    const remove = new Request(`${the.origin}/connections/remove`, { method: 'POST', body })
    expect((await simulator.fetch(remove)).status).toBe(303)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(ENDED)
  })
})
