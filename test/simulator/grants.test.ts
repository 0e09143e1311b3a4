/** This file is the tests of lives and ends: of refresh tokens, access tokens and whole grants. */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { connect, google, post, refresh, revoke, the } from './app.ts'

const HOUR = 60 * 60
const DAY = 24 * HOUR

function later(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: Date.UTC(2026, 10, 23) })
})
afterEach(() => {
  vi.useRealTimers()
})

const dead = { error: 'invalid_grant' }

describe('a refresh token', () => {
  it('dies after six months without use, and use keeps it alive', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    later(182 * DAY)
    await refresh(simulator, refresh_token)
    later(182 * DAY)
    await refresh(simulator, refresh_token)
    later(183 * DAY)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(dead)
  })

  it('dies after 7 days while the app is in "Testing", with the consent', async () => {
    const simulator = google()
    simulator.world.settings.publishing = 'testing'
    const { refresh_token = '' } = await connect(simulator)
    later(7 * DAY - 1)
    await refresh(simulator, refresh_token)
    later(1)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(dead)
    expect((await connect(simulator)).refresh_token).toBeDefined()
  })

  it('lives on in "Testing" when it is for sign-in only', async () => {
    const simulator = google()
    simulator.world.settings.publishing = 'testing'
    const { refresh_token = '' } = await connect(simulator, 'openid email')
    later(8 * DAY)
    expect((await refresh(simulator, refresh_token)).scope).toContain('openid')
  })

  it('says how long it lives when access is limited in time, and dies then', async () => {
    const simulator = google()
    const first = await connect(simulator, undefined, { lasts_seconds: 2 * HOUR })
    expect(first).toMatchObject({ refresh_token_expires_in: 2 * HOUR, expires_in: 3599 })
    later(2 * HOUR - 60)
    const { refresh_token = '' } = first
    const last = await refresh(simulator, refresh_token)
    expect(last).toMatchObject({ refresh_token_expires_in: 60, expires_in: 60 })
    later(60)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(dead)
    expect((await connect(simulator)).refresh_token).toBeDefined()
  })

  it('is the oldest of a hundred when the next one silently ends it', async () => {
    const simulator = google()
    const tokens: string[] = []
    for (let count = 0; count < 101; count++) {
      const { refresh_token = '' } = await connect(simulator, the.pick, {}, { prompt: 'consent' })
      tokens.push(refresh_token)
    }
    const other = await connect(simulator, the.pick, { account: 'ben.okafor@example.com' })
    await expect(refresh(simulator, tokens[0] ?? '')).rejects.toMatchObject(dead)
    for (const alive of [tokens[1], tokens[100], other.refresh_token]) {
      expect((await refresh(simulator, alive ?? '')).scope).toBe(the.pick)
    }
  })

  it('lives beside another of the same consent', async () => {
    const simulator = google()
    const one = await connect(simulator)
    const two = await connect(simulator, undefined, {}, { prompt: 'consent' })
    await refresh(simulator, one.refresh_token ?? '')
    await refresh(simulator, two.refresh_token ?? '')
  })
})

describe('an access token', () => {
  it('tells what it is for until it dies', async () => {
    const simulator = google()
    const { access_token } = await connect(simulator, `openid email ${the.pick}`)
    expect(await post(simulator, '/tokeninfo', { access_token })).toMatchObject({
      status: 200,
      body: { aud: the.client_id, sub: the.sub, email: 'ada@example.com', expires_in: '3599' },
    })
    later(3599)
    expect(await post(simulator, '/tokeninfo', { access_token })).toMatchObject({ status: 400 })
  })

  it.each([
    {
      given: 'profile',
      scope: 'openid profile',
      status: 200,
      body: { sub: the.sub, name: 'Ada Brook' },
    },
    { given: 'email', scope: 'email', status: 200, body: { email: 'ada@example.com' } },
    { given: 'no scope for sign-in', scope: the.pick, status: 403, body: {} },
  ])('opens userinfo with $given', async ({ scope, status, body }) => {
    const simulator = google()
    const { access_token } = await connect(simulator, scope)
    const headers = { Authorization: `Bearer ${access_token}` }
    expect(await post(simulator, '/v1/userinfo', {}, headers)).toMatchObject({ status, body })
  })

  it('opens no userinfo when it is dead', async () => {
    const headers = { Authorization: 'Bearer ya29.dead' }
    expect(await post(google(), '/v1/userinfo', {}, headers)).toMatchObject({ status: 401 })
  })
})

describe('the end of a grant', () => {
  it('is everything of that account and app, and nothing else', async () => {
    const simulator = google()
    const ada = await connect(simulator, `openid ${the.pick}`)
    const upload = await connect(simulator, the.append)
    const ben = await connect(simulator, the.pick, { account: 'ben.okafor@example.com' })
    await revoke(simulator, upload.refresh_token ?? '')
    await expect(refresh(simulator, ada.refresh_token ?? '')).rejects.toMatchObject(dead)
    const { status } = await post(simulator, '/tokeninfo', { access_token: ada.access_token })
    expect(status).toBe(400)
    await refresh(simulator, ben.refresh_token ?? '')
  })

  it('comes when the person removes the app on the connections page', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    const page = await (await simulator.fetch(new Request(`${the.origin}/connections`))).text()
    expect(page).toContain('Test app')
    const body = new URLSearchParams({ account: the.sub, client_id: the.client_id })
    const remove = new Request(`${the.origin}/connections/remove`, { method: 'POST', body })
    expect((await simulator.fetch(remove)).status).toBe(303)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(dead)
  })

  it('comes when a test removes the app', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    expect(simulator.removeApp('ada@example.com')).toBe(1)
    expect(simulator.removeApp('ada@example.com')).toBe(0)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(dead)
  })

  it('ends a code that was not exchanged yet', async () => {
    const simulator = google()
    simulator.faults.add({ at: 'token', do: { lose_answer: true } })
    await expect(connect(simulator)).rejects.toThrow()
    simulator.removeApp(the.sub)
    expect(simulator.world).toMatchObject({ codes: {}, refresh_tokens: {}, access_tokens: {} })
  })

  it('takes its token from the form alone', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    const answer = await post(simulator, `/revoke?token=${encodeURIComponent(refresh_token)}`, {})
    expect(answer).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
    await refresh(simulator, refresh_token)
  })
})
