/** Tests of how tokens and grants end: by time, by number, by revocation and by the user. */

import { decodeJwt } from 'jose'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { authorizationUrl, connect, google, post, refresh, revoke, the } from './app.ts'

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

  it('ends at every client of the project, and at no other', async () => {
    const { client_id, client_secret, redirect_uri } = the
    const client = { client_secret, redirect_uris: [redirect_uri] }
    const simulator = google({
      clients: [
        { ...client, client_id, project: 'photos' },
        { ...client, client_id: 'sign-in', project: 'photos' },
        { ...client, client_id: 'other' },
      ],
    })
    const connectAs = async (id: string): Promise<Record<string, string>> => {
      const { url, code_verifier } = await authorizationUrl(the.pick, { client_id: id })
      const code = (await simulator.consent(url)).searchParams.get('code') ?? ''
      const form = { ...{ client_id: id, client_secret, redirect_uri, code, code_verifier } }
      const grant = { grant_type: 'authorization_code', ...form }
      return (await post(simulator, '/token', grant)).body as Record<string, string>
    }
    const photos = await connectAs(client_id)
    const signIn = await connectAs('sign-in')
    const other = await connectAs('other')
    expect(photos['refresh_token']).toBeDefined()
    expect(signIn['refresh_token']).toBeUndefined() // the project has this consent already
    await revoke(simulator, photos['access_token'] ?? '')
    const isAlive = async (token: Record<string, string>): Promise<boolean> => {
      const { access_token } = token
      return (await post(simulator, '/tokeninfo', { access_token })).status === 200
    }
    expect([await isAlive(photos), await isAlive(signIn), await isAlive(other)]).toEqual([
      false,
      false,
      true,
    ])
  })

  it('that the user ends is one event to the project, dated by the clock of the apps', async () => {
    const { client_id, client_secret, redirect_uri } = the
    const client = { client_secret, redirect_uris: [redirect_uri], project: 'photos' }
    const sent: Request[] = []
    const simulator = google({
      clients: [
        { ...client, client_id },
        { ...client, client_id: 'sign-in', receiver: 'https://app.example/events' },
      ],
      async send(request) {
        sent.push(request)
        return new Response(null, { status: 202 })
      },
    })
    await connect(simulator)
    simulator.world.settings.clock_ahead_seconds = DAY
    const body = new URLSearchParams({ account: the.sub, client_id })
    await simulator.fetch(new Request(`${the.origin}/connections/remove`, { method: 'POST', body }))
    expect(sent).toHaveLength(1)
    expect(decodeJwt(new TextDecoder().decode(await sent[0]?.arrayBuffer()))).toMatchObject({
      aud: [client_id, 'sign-in'],
      iat: Date.now() / 1000,
    })
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
