/** Attack: stale KV records and delayed requests must not bring back what was revoked (TMB-47, TMB-60, TMB-61, TMB-65). */

import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { type AppIssuer, openIssuer } from '../support/app-issuer.ts'
import {
  AUTH_METHODS,
  configureAuthMethods,
  type GrantUser,
  gate,
  openGrantUser,
} from '../support/grant-user.ts'
import { createHold } from '../support/hold.ts'
import { GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import {
  alarm,
  aMinute,
  dumpKv,
  isHostile,
  later,
  plantKv,
  stage,
  storedIn,
  travel,
} from '../support/story.ts'
import { hostileKv } from '../support/worker.ts'

stage()
vi.setConfig({ testTimeout: 30_000 })

const LOCATIONS = ['fra', 'sin', 'gru', 'home']

let google: SimulatedGoogle
let issuer: AppIssuer

beforeEach(async () => {
  configureAuthMethods()
  google = simulateGoogle()
  issuer = await openIssuer()
})

async function connected(way: (typeof AUTH_METHODS)[number], bundle = 'pick'): Promise<GrantUser> {
  const holder = await openGrantUser(way, { google, issuer })
  await holder.connect(bundle)
  return holder
}

/** Whether Google still accepts an access token. */
async function isAlive(access_token: string): Promise<boolean> {
  const url = `${GOOGLE}/tokeninfo?access_token=${encodeURIComponent(access_token)}`
  return (await google.simulator.fetch(new Request(url))).ok
}

/** Asks for an access token at each location. */
async function askEverywhere(holder: GrantUser): Promise<(string | undefined)[]> {
  const got: (string | undefined)[] = []
  for (const location of LOCATIONS) {
    travel(location)
    got.push((await holder.ask()).body.access_token)
  }
  return got
}

const NONE = LOCATIONS.map(() => undefined)

/** Checks that neither KV nor the object has a token of this subject, once its pending grants have expired. */
async function expectNothingStored({ key, stub }: GrantUser): Promise<void> {
  later(65)
  await alarm(stub)
  expect([...(await dumpKv()).keys()].filter((name) => name.includes(key))).toEqual([])
  for (const table of ['grants', 'tokens', 'pending_grants'])
    expect([table, await storedIn(stub, table)]).toEqual([table, new Map()])
}

/** Makes revocation fail at Google, so that only the broker can end a grant. */
function failRevocations(): void {
  google.simulator.faults.add({ at: 'revoke', times: 'always', do: { status: 503 } })
}

describe.each(AUTH_METHODS)('by %s', (way) => {
  it('strict: after a disconnect no location issues a token, whatever KV contains', async () => {
    configureAuthMethods({ CONSISTENCY: 'strict' })
    const holder = await connected(way)
    expect(await askEverywhere(holder)).not.toContain(undefined)
    const kept = await dumpKv()
    expect(kept.size).toBeGreaterThan(0)
    expect(await holder.end('/grants')).toBe(204)
    for (const [key, value] of kept) await plantKv(key, value)
    expect(await askEverywhere(holder)).toEqual(NONE)
    later(61)
    expect(await askEverywhere(holder)).toEqual(NONE)
  })

  it('edge: after a disconnect a location may issue a token for a minute, but Google has revoked it', async () => {
    const holder = await connected(way)
    const tokens = await askEverywhere(holder)
    expect(await Promise.all(tokens.map(async (token) => isAlive(token ?? '')))).not.toContain(
      false,
    )
    expect(await holder.end('/grants')).toBe(204)
    for (const token of [...tokens, ...(await askEverywhere(holder))])
      if (token !== undefined) expect(await isAlive(token)).toBe(false)
    await aMinute(holder.stub)
    expect(await askEverywhere(holder)).toEqual(NONE)
  })

  it.each([
    { how: 'a disconnect', path: '/grants' },
    { how: 'forgetting the bundle', path: '/grants/pick' },
  ])(
    'a refresh that was delayed until after $how issues and stores nothing (TMB-61)',
    async ({ path }) => {
      const holder = await connected(way)
      later(3500) // it is due, and KV still has it
      const held = gate('refresh_token')
      const asking = holder.ask()
      await held.arrived()
      expect(await holder.end(path)).toBe(204)
      held.release()
      expect((await asking).body).not.toHaveProperty('access_token')
      await expectNothingStored(holder)
      expect(await askEverywhere(holder)).toEqual(NONE)
    },
  )

  it('a code exchange that was delayed until after a disconnect issues and stores nothing', async () => {
    failRevocations()
    const holder = await connected(way)
    later(5)
    const deliver = await holder.startConsent('upload')
    const held = gate('authorization_code')
    const delivering = deliver()
    await held.arrived()
    later(5)
    expect(await holder.end('/grants')).toBe(204)
    held.release()
    expect(await delivering).toEqual({ ok: false })
    await expectNothingStored(holder)
    expect((await holder.ask('upload')).body).not.toHaveProperty('access_token')
  })

  it('a consent that began before a disconnect is refused, one that began after it is stored', async () => {
    failRevocations()
    const holder = await connected(way)
    later(5)
    const deliver = await holder.startConsent('upload')
    later(5)
    expect(await holder.end('/grants')).toBe(204)
    expect(await deliver()).toEqual({ ok: false })
    await expectNothingStored(holder)
    later(5)
    await holder.connect('pick')
    expect((await holder.ask()).status).toBe(200)
    expect((await holder.ask('upload')).body.error).toBe('consent_required')
  })
})

describe('a write to KV', () => {
  it('that is under way during a disconnect does not arrive after the deletion', async () => {
    const holder = await connected('cookie')
    later(3600)
    const hold = createHold()
    const { put } = isHostile ? hostileKv.namespace : env.TOKENS
    const slow = async (...write: Parameters<KVNamespace['put']>): Promise<void> => {
      await hold.pass()
      later(2)
      await put.call(env.TOKENS, ...write)
      later(2)
    }
    const kv = isHostile ? hostileKv.namespace : env.TOKENS
    configureAuthMethods({
      TOKENS: { get: kv.get.bind(kv), delete: kv.delete.bind(kv), put: slow },
    })
    await evictDurableObject(holder.stub)
    const asking = holder.ask()
    await hold.arrived()
    const ending = holder.end('/grants')
    await new Promise((resolve) => setTimeout(resolve, 50))
    hold.release()
    await asking
    expect(await ending).toBe(204)
    expect([...(await dumpKv()).keys()].filter((key) => key.startsWith('token/'))).toEqual([])
    await aMinute(holder.stub)
    expect(await askEverywhere(holder)).toEqual(NONE)
  })

  it('that failed is a deletion when it is retried after a disconnect', async () => {
    const holder = await connected('cookie')
    later(3600)
    const failing = async (): Promise<never> => Promise.reject(new Error('KV PUT failed: 429'))
    const kv = isHostile ? hostileKv.namespace : env.TOKENS
    configureAuthMethods({ TOKENS: { get: kv.get.bind(kv), delete: failing, put: failing } })
    await evictDurableObject(holder.stub)
    expect((await holder.ask()).status).toBe(200)
    expect(await holder.end('/grants')).toBe(503)
    configureAuthMethods()
    await evictDurableObject(holder.stub)
    for (let minute = 0; minute < 3; minute++) {
      later(60)
      await alarm(holder.stub)
    }
    expect([...(await dumpKv())].filter(([key]) => key.includes(holder.key))).toEqual([])
    expect(await askEverywhere(holder)).toEqual(NONE)
  })
})

it('a disconnect finds all records without listing KV', async () => {
  const list = vi.spyOn(env.TOKENS, 'list')
  const holder = await connected('cookie')
  later(2)
  await holder.connect('upload')
  await holder.connect('album')
  expect(await holder.end('/grants')).toBe(204)
  expect(await holder.end('/grants')).toBe(204)
  expect(list).not.toHaveBeenCalled()
  await expectNothingStored(holder)
})
