/** Attack: an attacker with write access to KV swaps, restores and changes records (TMB-53 to TMB-55). */

import { evictDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { Purpose } from '../../src/crypto/keyring.ts'
import { seal } from '../../src/crypto/seal.ts'
import { type AppIssuer, openIssuer } from '../support/app-issuer.ts'
import { theConfig } from '../support/broker.ts'
import {
  AUTH_METHODS,
  configureAuthMethods,
  type GrantUser,
  openGrantUser,
} from '../support/grant-user.ts'
import {
  ADA,
  BEN,
  GOOGLE,
  type SimulatedGoogle,
  simulateGoogle,
} from '../support/simulated-google.ts'
import { alarm, aMinute, dumpKv, later, plantKv, stage } from '../support/story.ts'

stage()

const OLD_KEY = 'k2:QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8'

let google: SimulatedGoogle
let issuer: AppIssuer

beforeEach(async () => {
  configureAuthMethods({ ENCRYPTION_KEYS: `${env.ENCRYPTION_KEYS},${OLD_KEY}` })
  google = simulateGoogle()
  issuer = await openIssuer()
})

async function connected(way: (typeof AUTH_METHODS)[number], account = ADA): Promise<GrantUser> {
  const holder = await openGrantUser(way, { google, issuer }, account)
  await holder.connect('pick')
  return holder
}

/** Reads the access-token records of a user. */
async function recordsOf({ key }: GrantUser): Promise<[string, string][]> {
  return [...(await dumpKv())].filter(([name]) => name.startsWith(`token/${key}/`))
}

/** Puts records into KV. */
async function restore(records: readonly (readonly [string, string])[]): Promise<void> {
  for (const [key, value] of records) await plantKv(key, value)
}

async function isAlive(access_token: string): Promise<boolean> {
  const url = `${GOOGLE}/tokeninfo?access_token=${encodeURIComponent(access_token)}`
  return (await google.simulator.fetch(new Request(url))).ok
}

it('a record in the place of another user, bundle, client or kind gives nobody a foreign token', async () => {
  const holders = [
    await connected('cookie'),
    await connected('cookie', BEN),
    await connected('oauth'),
    await connected('jwt'),
  ]
  const bundles = ['pick', 'upload']
  const own = new Map<string, string>()
  for (const [at, holder] of holders.entries()) {
    later(2)
    await holder.connect('upload')
    await alarm(holder.stub)
    for (const bundle of bundles)
      own.set(`${at}/${bundle}`, (await holder.ask(bundle)).body.access_token)
  }
  expect(new Set(own.values()).size).toBe(8)
  const records = [...(await dumpKv())]
  const tokens = records.filter(([key]) => key.startsWith('token/'))
  expect([tokens.length, records.length]).toEqual([8, 16])
  for (let by = 1; by < records.length; by++) {
    for (const [at, [key]] of tokens.entries())
      await plantKv(key, (records[(at + by) % records.length] as [string, string])[1])
    for (const [at, holder] of holders.entries()) {
      for (const bundle of bundles) {
        const { body } = await holder.ask(bundle)
        expect(body.access_token).toBe(own.get(`${at}/${bundle}`))
      }
    }
  }
}, 60_000)

describe.each(AUTH_METHODS)('by %s', (way) => {
  it('a record of last week is not used', async () => {
    const holder = await connected(way)
    const old = await recordsOf(holder)
    const { access_token } = (await holder.ask()).body
    later(6 * 86_400)
    await restore(old)
    const { status, body } = await holder.ask()
    expect(status).toBe(200)
    expect(body.access_token).not.toBe(access_token)
  })

  it('strict: a record from before a disconnect is not used, before or after a new consent', async () => {
    const holder = await connected(way)
    const old = await recordsOf(holder)
    expect(old).toHaveLength(1)
    configureAuthMethods({ CONSISTENCY: 'strict' })
    await evictDurableObject(holder.stub)
    const { access_token } = (await holder.ask()).body
    expect(await holder.end('/grants')).toBe(204)
    await restore(old)
    expect((await holder.ask()).body).not.toHaveProperty('access_token')
    later(5)
    await holder.connect('pick')
    await restore(old)
    expect((await holder.ask()).body.access_token).not.toBe(access_token)
  })

  it('edge: a record from before a disconnect can only bring back a token that Google has revoked', async () => {
    const holder = await connected(way)
    const old = await recordsOf(holder)
    const { access_token } = (await holder.ask()).body
    expect(await holder.end('/grants')).toBe(204)
    await aMinute(holder.stub)
    await restore(old)
    const { body } = await holder.ask()
    expect([undefined, access_token]).toContain(body.access_token)
    expect(await isAlive(access_token)).toBe(false)
  })

  it('a record with another kid, or with a changed byte, is not used; the object answers instead', async () => {
    const holder = await connected(way)
    const [[key, old] = ['', '']] = await recordsOf(holder)
    const { access_token } = (await holder.ask()).body
    await renew(holder)
    const [kid = '', text = ''] = old.split('.')
    const flip = (at: number): string =>
      text.slice(0, at) + (text[at] === 'A' ? 'B' : 'A') + text.slice(at + 1)
    const served: string[] = []
    const changed = [`k2.${text}`, `k3.${text}`, `.${text}`, text, kid, `${kid}.`]
    changed.push(...[0, 15, 40, text.length - 3].map((at) => `${kid}.${flip(at)}`))
    for (const record of [old, ...changed]) {
      await plantKv(key, record)
      const { status, body } = await holder.ask()
      expect(status).toBe(200)
      if (body.access_token === access_token) served.push(record)
    }
    expect(served).toEqual([old])
  })
})

/** Makes the object refresh a token with ten minutes left, so that the old record would still be fresh. */
async function renew(holder: GrantUser): Promise<void> {
  const [[key, old] = ['', '']] = await recordsOf(holder)
  later(3000)
  await holder.ask()
  await vi.waitFor(async () => expect((await dumpKv()).get(key)).not.toBe(old))
}

it.each([
  { what: 'the key of cookies', purpose: 'cookie' as const },
  { what: 'the key of OAuth tokens', purpose: 'oauth' as const },
  { what: 'the key of media tickets', purpose: 'media' as const },
])('a record made with $what is not used', async ({ purpose }) => {
  const holder = await connected('jwt')
  const [[at] = ['']] = await recordsOf(holder)
  const record = {
    v: 1,
    access_token: 'canary-forged',
    scope: 'x',
    expires_at: Date.now() / 1000 + 3600,
    generation: 'x',
    sessions: [],
  }
  const sealed = (purpose: Purpose): Promise<string> =>
    seal(theConfig().keyring, { kind: { type: 'token', purpose }, at }, record)
  await restore([[at, await sealed(purpose)]])
  expect((await holder.ask()).body.access_token).not.toBe('canary-forged')
  await restore([[at, await sealed('storage')]])
  expect((await holder.ask()).body.access_token).toBe('canary-forged')
})
