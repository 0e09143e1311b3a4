/** Attack: two hundred concurrent calls with an expired token, for each answer of Google (TMB-20 to TMB-22). */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type AppIssuer, openIssuer } from '../support/app-issuer.ts'
import {
  AUTH_METHODS,
  configureAuthMethods,
  type GrantUser,
  gate,
  openGrantUser,
} from '../support/grant-user.ts'
import { oauthError } from '../support/scripted-google.ts'
import { type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { isHostile, later, stage, travel } from '../support/story.ts'

stage()
vi.setConfig({ testTimeout: 60_000 })

let google: SimulatedGoogle
let issuer: AppIssuer

beforeEach(async () => {
  configureAuthMethods()
  google = simulateGoogle()
  issuer = await openIssuer()
})

/** How many calls: 200 in cookie mode, fewer where only the credential or the locations matter. */
const crowdBy = (way: GrantUser['method']): number => (isHostile || way !== 'cookie' ? 40 : 200)

/** Calls from two locations, all sent before the first answer. */
async function stampede(
  holder: GrantUser,
  many = crowdBy(holder.method),
): Promise<Awaited<ReturnType<GrantUser['ask']>>[]> {
  const asking = Array.from({ length: many }, async (_, at) => {
    travel(at % 2 === 0 ? 'fra' : 'sin')
    return holder.ask()
  })
  return Promise.all(asking)
}

async function stale(way: (typeof AUTH_METHODS)[number]): Promise<GrantUser> {
  const holder = await openGrantUser(way, { google, issuer })
  await holder.connect('pick')
  await holder.ask()
  later(3600)
  return holder
}

const only = <T>(values: readonly T[]): T | undefined => {
  expect(new Set(values).size).toBe(1)
  return values[0]
}

describe.each(AUTH_METHODS)('by %s', (way) => {
  it.each(['edge', 'strict'])(
    '%s: a slow Google is asked once, and all callers get its token',
    async (consistency) => {
      configureAuthMethods({ CONSISTENCY: consistency })
      const holder = await stale(way)
      const old = google.simulator.calls('token:refresh_token').length
      const slow = gate('refresh_token')
      const asking = stampede(holder)
      await slow.arrived()
      slow.release()
      const answers = await asking
      expect(only(answers.map(({ status }) => status))).toBe(200)
      expect(only(answers.map(({ body }) => body.access_token))).toBeDefined()
      expect(slow.calls()).toBe(1)
      expect(google.simulator.calls('token:refresh_token')).toHaveLength(old + 1)
    },
  )

  it.each([
    { what: '429', answer: () => oauthError(429, 'rate_limit_exceeded') },
    { what: '503', answer: () => new Response('', { status: 503 }) },
    {
      what: 'no answer',
      answer: () => {
        throw new TypeError('canary')
      },
    },
  ])(
    '$what: all callers get 503, Google is asked once, and the grant stays',
    async ({ answer }) => {
      const holder = await stale(way)
      const failing = gate('refresh_token')
      failing.release(answer)
      const answers = await stampede(holder)
      expect(only(answers.map(({ status }) => status))).toBe(503)
      expect(only(answers.map(({ body }) => body.error))).toBe('temporarily_unavailable')
      for (const { headers } of answers)
        expect(Number(headers.get('Retry-After'))).toBeGreaterThan(0)
      expect(failing.calls()).toBe(1)
      await stampede(holder, 20)
      expect(failing.calls()).toBe(1)
      failing.release()
      later(61)
      expect((await holder.ask()).status).toBe(200)
    },
  )

  it('a rotated refresh token is used once, and then its successor', async () => {
    const holder = await stale(way)
    const counted = gate('refresh_token', false)
    google.simulator.faults.add({
      at: 'token:refresh_token',
      times: 'always',
      do: { rotate: true },
    })
    for (let round = 1; round <= 3; round++) {
      const answers = await stampede(holder, round === 1 ? crowdBy(way) : 20)
      expect(only(answers.map(({ status }) => status))).toBe(200)
      expect(only(answers.map(({ body }) => body.access_token))).toBeDefined()
      expect(counted.calls()).toBe(round)
      later(3600)
    }
  })

  it('invalid_grant ends the grant for all callers after one request', async () => {
    const holder = await stale(way)
    const dead = gate('refresh_token')
    dead.release(() => oauthError(400, 'invalid_grant'))
    const answers = await stampede(holder)
    expect(only(answers.map(({ status }) => status))).toBe(way === 'cookie' ? 403 : 400)
    expect(only(answers.map(({ body }) => body.error))).toBe('consent_required')
    await stampede(holder, 20)
    expect(dead.calls()).toBe(1)
  })

  it('invalid_grant for a replaced refresh token ends nothing', async () => {
    const holder = await stale(way)
    const dead = gate('refresh_token')
    const asking = stampede(holder)
    await dead.arrived()
    google.simulator.faults.add({
      at: 'token:authorization_code',
      do: { set: { refresh_token: 'canary-replacement' } },
    })
    const other = await openGrantUser(way, { google, issuer })
    await other.connect('pick')
    dead.release(() => oauthError(400, 'invalid_grant'))
    const answers = await asking
    expect(only(answers.map(({ status }) => status))).toBe(200)
    const { access_token } = (await other.ask()).body
    expect(only(answers.map(({ body }) => body.access_token))).toBe(access_token)
    expect(dead.calls()).toBe(1)
  })
})
