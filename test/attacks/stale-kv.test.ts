/** This file is attack 13 of the checklist: a KV that lags behind what was revoked, and everything that could bring it back (TMB-47, TMB-60, TMB-61, TMB-65). */

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
  until,
} from '../support/grant-user.ts'
import { GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import {
  alarm,
  aMinute,
  dumpKv,
  dumpObject,
  isHostile,
  later,
  plantKv,
  stage,
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

/** Whether Google would still take an access token. */
async function isAlive(access_token: string): Promise<boolean> {
  const url = `${GOOGLE}/tokeninfo?access_token=${encodeURIComponent(access_token)}`
  return (await google.simulator.fetch(new Request(url))).ok
}

/** What a holder gets at each place. */
async function askEverywhere(holder: GrantUser): Promise<(string | undefined)[]> {
  const got: (string | undefined)[] = []
  for (const location of LOCATIONS) {
    travel(location)
    got.push((await holder.ask()).body.access_token)
  }
  return got
}

const NOTHING = LOCATIONS.map(() => undefined)

/** Neither KV nor the object holds a token of this subject, once the minute of a pending grant is over. */
async function expectNothingKept({ key, stub }: GrantUser): Promise<void> {
  later(65)
  await alarm(stub)
  expect([...(await dumpKv()).keys()].filter((name) => name.includes(key))).toEqual([])
  const [rows] = JSON.parse(await dumpObject(stub)) as [[string, unknown[]][]]
  for (const [table, kept] of rows)
    if (['grants', 'tokens', 'pending_grants'].includes(table))
      expect([table, kept]).toEqual([table, []])
}

/** Has Google not hear of revocations: what ends then, ends here. */
function deafToRevocations(): void {
  google.simulator.faults.add({ at: 'revoke', times: 'always', do: { status: 503 } })
}

describe.each(AUTH_METHODS)('by %s', (way) => {
  it('strict: from the moment a disconnect is answered no location gives anything, whatever KV still holds', async () => {
    configureAuthMethods({ CONSISTENCY: 'strict' })
    const holder = await connected(way)
    expect(await askEverywhere(holder)).not.toContain(undefined)
    const kept = await dumpKv()
    expect(kept.size).toBeGreaterThan(0)
    expect(await holder.end('/grants')).toBe(204)
    for (const [key, value] of kept) await plantKv(key, value)
    expect(await askEverywhere(holder)).toEqual(NOTHING)
    later(61)
    expect(await askEverywhere(holder)).toEqual(NOTHING)
  })

  it('edge: what a location remembers for a minute is dead at Google at once, and after that it is gone', async () => {
    const holder = await connected(way)
    const tokens = await askEverywhere(holder)
    expect(await Promise.all(tokens.map(async (token) => isAlive(token ?? '')))).not.toContain(
      false,
    )
    expect(await holder.end('/grants')).toBe(204)
    for (const token of [...tokens, ...(await askEverywhere(holder))])
      if (token !== undefined) expect(await isAlive(token)).toBe(false)
    await aMinute(holder.stub)
    expect(await askEverywhere(holder)).toEqual(NOTHING)
  })

  it.each([
    { how: 'a disconnect', path: '/grants' },
    { how: 'forgetting the bundle', path: '/grants/pick' },
  ])(
    'a refresh that was held back over $how gives nothing and brings nothing back',
    async ({ path }) => {
      const holder = await connected(way)
      later(3600)
      const held = gate('refresh_token')
      const asking = holder.ask()
      await held.arrived()
      expect(await holder.end(path)).toBe(204)
      held.release()
      expect((await asking).body).not.toHaveProperty('access_token')
      await expectNothingKept(holder)
      expect(await askEverywhere(holder)).toEqual(NOTHING)
    },
  )

  it('a callback whose code exchange was held back over a disconnect gives nothing and brings nothing back', async () => {
    deafToRevocations()
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
    await expectNothingKept(holder)
    expect((await holder.ask('upload')).body).not.toHaveProperty('access_token')
  })

  it('a consent that was under way over a disconnect is not kept, and one from after it is', async () => {
    deafToRevocations()
    const holder = await connected(way)
    later(5)
    const deliver = await holder.startConsent('upload')
    later(5)
    expect(await holder.end('/grants')).toBe(204)
    expect(await deliver()).toEqual({ ok: false })
    await expectNothingKept(holder)
    later(5)
    await holder.connect('pick')
    expect((await holder.ask()).status).toBe(200)
    expect((await holder.ask('upload')).body.error).toBe('consent_required')
  })
})

describe('a write to KV', () => {
  it('that is on its way when a disconnect comes does not land after the removal', async () => {
    const holder = await connected('cookie')
    later(3600)
    let isHeld = true
    let arrived = false
    const { put } = isHostile ? hostileKv.namespace : env.TOKENS
    const slow = async (...write: Parameters<KVNamespace['put']>): Promise<void> => {
      arrived = true
      await until(() => !isHeld)
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
    await until(() => arrived)
    const ending = holder.end('/grants')
    await new Promise((resolve) => setTimeout(resolve, 50))
    isHeld = false
    await asking
    expect(await ending).toBe(204)
    expect([...(await dumpKv()).keys()].filter((key) => key.startsWith('token/'))).toEqual([])
    await aMinute(holder.stub)
    expect(await askEverywhere(holder)).toEqual(NOTHING)
  })

  it('that failed, and is tried again after a disconnect, is a removal by then', async () => {
    const holder = await connected('cookie')
    later(3600)
    const failing = async (): Promise<never> => Promise.reject(new Error('KV PUT failed: 429'))
    const kv = isHostile ? hostileKv.namespace : env.TOKENS
    configureAuthMethods({ TOKENS: { get: kv.get.bind(kv), delete: failing, put: failing } })
    await evictDurableObject(holder.stub)
    expect((await holder.ask()).status).toBe(200)
    expect(await holder.end('/grants')).toBe(204)
    configureAuthMethods()
    await evictDurableObject(holder.stub)
    for (let minute = 0; minute < 3; minute++) {
      later(60)
      await alarm(holder.stub)
    }
    expect([...(await dumpKv())].filter(([key]) => key.includes(holder.key))).toEqual([])
    expect(await askEverywhere(holder)).toEqual(NOTHING)
  })
})

it('what is removed is known by the object’s own index: KV is never asked for a list', async () => {
  const list = vi.spyOn(env.TOKENS, 'list')
  const holder = await connected('cookie')
  later(2)
  await holder.connect('upload')
  await holder.connect('album')
  expect(await holder.end('/grants')).toBe(204)
  expect(await holder.end('/grants')).toBe(204)
  expect(list).not.toHaveBeenCalled()
  await expectNothingKept(holder)
})
