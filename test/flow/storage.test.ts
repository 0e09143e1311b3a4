/** Tests of stored records: sealed for their key, rebuilt after failures of KV, readable after a key rotation (TMB-31, TMB-52, TMB-53). */

import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ask, askSession, browse, end, logIn, subjectOf, the } from '../support/broker.ts'
import { refreshed, type ScriptedGoogle, scriptGoogle } from '../support/scripted-google.ts'
import {
  alarm,
  dumpKv,
  dumpObject,
  isHostile,
  later,
  plantKv,
  readLog,
  stage,
  storedIn,
} from '../support/story.ts'
import { configure, hostileKv } from '../support/worker.ts'

stage()

it('storage holds no readable token, user, scope or session cookie', async () => {
  const google = scriptGoogle()
  google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated' })
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  await ask(browser)
  const stored =
    (await dumpObject((await subjectOf()).stub)) + JSON.stringify([...(await dumpKv())])
  expect(stored.length).toBeGreaterThan(1000)
  for (const secret of ['canary', the.sub, 'photospicker', 'googleapis'])
    expect(stored).not.toContain(secret)
  for (const value of browser.jar.get('broker.example')?.values() ?? [])
    expect(stored).not.toContain(value)
  for (const key of (await dumpKv()).keys())
    expect(key).toMatch(/^(token|grant)\/[\w-]{43}\/[\w-]{43}$/)
})

it.each(['', 'a.b.c.d.e', 'eyJhbGciOiJub25lIn0....'])(
  'an unreadable value %j in KV is ignored',
  async (value) => {
    scriptGoogle()
    const browser = await logIn(browse())
    for (const key of (await dumpKv()).keys()) await plantKv(key, value)
    expect((await ask(browser)).body.access_token).toBe('canary-access-token')
  },
)

it('swapped rows of the Durable Object do not open, and are reported as an ended grant', async () => {
  scriptGoogle()
  const browser = await logIn(browse())
  await logIn(browser, { bundle: 'upload' })
  const { stub } = await subjectOf()
  await runInDurableObject(stub, (_, { storage }) => {
    for (const table of ['grants', 'tokens']) {
      const [one, other] = storage.kv.list<{ sealed: string }>({ prefix: `${table}/` })
      if (one && other) storage.kv.put(one[0], { ...one[1], sealed: other[1].sealed })
    }
  })
  for (const key of (await dumpKv()).keys()) await plantKv(key, 'gone')
  const answers = [await ask(browser), await ask(browser, { bundle: 'upload' })]
  expect(answers.map(({ body }) => body.error ?? body.access_token).sort()).toEqual([
    'canary-access-token',
    'consent_required',
  ])
})

it('a failing KV delays no answer, and is written later', async () => {
  scriptGoogle()
  const broken = {
    get: async () => Promise.reject(new Error('KV GET failed')),
    put: async () => Promise.reject(new Error('KV PUT failed')),
    delete: async () => Promise.reject(new Error('KV DELETE failed')),
  }
  configure({ TOKENS: broken })
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  const { status, body } = await ask(browser)
  expect(status).toBe(200)
  expect((await askSession(browser)).status).toBe(200)
  const { stub } = await subjectOf()
  configure()
  await evictDurableObject(stub)
  expect((await dumpKv()).size).toBe(0)
  later(300)
  await alarm(stub)
  const inKv = async (): Promise<unknown[]> =>
    [...(await dumpKv()).keys()].map((key) => key.split('/')[0]).sort()
  expect(await inKv()).toEqual(['grant']) // a token is written when somebody asks for it
  expect((await ask(browser)).body.access_token).toBe(body.access_token)
  await expect.poll(inKv).toEqual(['grant', 'token'])
})

it('a crash between Google’s answer and the KV write loses nothing', async () => {
  const google = scriptGoogle()
  google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated' })
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  configure({
    TOKENS: {
      get: async () => null,
      put: async () => new Promise(() => {}),
      delete: async () => {},
    },
  })
  const { stub } = await subjectOf()
  await evictDurableObject(stub)
  const { body } = await ask(browser)
  configure()
  await runInDurableObject(stub, (_, ctx) => ctx.abort('crash')).catch(() => {})
  const again = (await subjectOf()).stub
  const due = await runInDurableObject(again, async (_, { storage }) => storage.getAlarm())
  expect(due).toBeLessThanOrEqual(Date.now() + 10_000)
  later(10)
  await alarm(again)
  const [[, grant] = []] = await dumpKv()
  const [[, row] = []] = await storedIn(again, 'grants')
  expect(row).toMatchObject({ sealed: grant })
  expect((await ask(browser)).body.access_token).toBe(body.access_token)
  expect(google.refreshes).toHaveLength(1)
})

describe('while the storage takes no row, a refresh is answered 503 and is not lost', () => {
  let google: ScriptedGoogle
  beforeEach(() => {
    google = scriptGoogle()
    google.token = (call) =>
      refreshed(call, { access_token: 'canary-new', refresh_token: 'canary-rotated' })
  })

  /** Lets no write of Ada's object succeed. @returns what ends that */
  const takeNoRow = async (): Promise<() => Promise<void>> => {
    const { stub } = await subjectOf()
    const put = await runInDurableObject(stub, (_, { storage: { kv } }) =>
      vi.spyOn(kv, 'put').mockImplementation(() => {
        throw new Error('canary: no row')
      }),
    )
    return async () => runInDurableObject(stub, () => put.mockRestore())
  }

  const used = (): unknown[] => google.refreshes.map(({ body }) => body.get('refresh_token'))

  it('Google is not asked again meanwhile, and the rotated refresh token is kept', async () => {
    const browser = await logIn(browse(), { expires_in: 1 })
    later(2)
    const takeRows = await takeNoRow()
    expect((await ask(browser)).status).toBe(503)
    later(4000)
    expect((await ask(browser)).status).toBe(503)
    expect(used()).toEqual(['canary-refresh-token'])
    await takeRows()
    const { body } = await ask(browser)
    expect(body).toMatchObject({ access_token: 'canary-new', expires_in: 3599 })
    expect(used()).toEqual(['canary-refresh-token', 'canary-rotated'])
  })

  it('a caller for another bundle of the grant uses its refresh token', async () => {
    const browser = await logIn(browse(), { bundle: 'album', expires_in: 1 })
    later(2)
    const takeRows = await takeNoRow()
    expect((await ask(browser, { bundle: 'upload' })).status).toBe(503)
    await takeRows()
    expect((await ask(browser, { bundle: 'album' })).status).toBe(200)
    expect(used()).toEqual(['canary-refresh-token', 'canary-rotated'])
    expect((await ask(browser, { bundle: 'upload' })).status).toBe(200)
    expect(google.refreshes).toHaveLength(2)
  })

  it('a disconnect revokes its refresh token', async () => {
    const browser = await logIn(browse(), { expires_in: 1 })
    later(2)
    const takeRows = await takeNoRow()
    expect((await ask(browser)).status).toBe(503)
    await takeRows()
    expect(await end(browser, '/grants')).toBe(204)
    expect(google.revocations.map(({ body }) => body.get('token'))).toEqual(['canary-rotated'])
  })

  it('a new consent replaces it', async () => {
    const browser = await logIn(browse(), { expires_in: 1 })
    later(2)
    const takeRows = await takeNoRow()
    expect((await ask(browser)).status).toBe(503)
    await takeRows()
    await logIn(browser, { access_token: 'canary-consented', refresh_token: 'canary-consented' })
    later(3600)
    expect((await ask(browser)).status).toBe(200)
    expect(used()).toEqual(['canary-refresh-token', 'canary-consented'])
  })
})

it('a token in its last minute is not written to KV, which would refuse it', async () => {
  const google = scriptGoogle()
  google.token = (call) => refreshed(call, { expires_in: 59 })
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  expect((await ask(browser, { bundle: 'pick', min_ttl: 0 })).status).toBe(200)
  expect([...(await dumpKv()).keys()].filter((key) => key.startsWith('token/'))).toEqual([])
  later(2)
  await alarm((await subjectOf()).stub)
  expect(await (await subjectOf()).stub.stats(false)).toMatchObject({ kv_outbox: 0 })
})

it('a failed alarm is logged and repeated after a minute', async () => {
  scriptGoogle()
  await logIn(browse())
  const { stub } = await subjectOf()
  const lines = readLog('error')
  await runInDurableObject(stub, (_, { storage }) =>
    vi.spyOn(storage.kv, 'list').mockImplementationOnce(() => {
      throw new RangeError('canary')
    }),
  )
  await alarm(stub)
  expect(lines).toMatchObject([{ event: 'alarm_failed', reason: 'unexpected (RangeError)' }])
  const due = await runInDurableObject(stub, async (_, { storage }) => storage.getAlarm())
  expect(due).toBe(Date.now() + 60_000)
})

it('after a key rotation old records open, new ones use the new key, and a lost key is an ended grant (TMB-55, TMB-57)', async () => {
  const google = scriptGoogle()
  google.token = (call) => refreshed(call)
  const browser = await logIn(browse(), { expires_in: 200 })
  const { stub, key } = await subjectOf()
  const rotated = `k2:QEFCQ0RFRkdISUpLTE1OT1BRUlNUVVZXWFlaW1xdXl8,${env.ENCRYPTION_KEYS}`
  configure({ ENCRYPTION_KEYS: rotated })
  await evictDurableObject(stub)
  later(2)
  expect((await ask(browser)).status).toBe(200)
  const kids = async (): Promise<string[]> =>
    [...(await dumpKv())]
      .map(([name, value]) => `${name.split('/')[0]} ${value.split('.')[0]}`)
      .sort()
  expect(await kids()).toEqual(['grant k1', 'token k2'])
  expect((await subjectOf()).key).toBe(key)
  configure({ ENCRYPTION_KEYS: rotated.split(',')[0] })
  await evictDurableObject(stub)
  expect((await ask(browser)).status).toBe(401)
  await logIn(browser, { bundle: 'upload' })
  later(3600)
  expect((await ask(browser)).body).toMatchObject({
    ...{ error: 'consent_required', bundle: 'pick' },
    ...{ reason: 'ended', likely_cause: 'unknown' },
  })
  expect((await ask(browser, { bundle: 'upload' })).status).toBe(200)
})

if (isHostile) {
  it('a write that KV refuses as the second within a second is repeated', async () => {
    scriptGoogle()
    const browser = await logIn(browse(), { access_token: 'canary-1' })
    await logIn(browser, { access_token: 'canary-2' })
    expect(hostileKv.counts.refused).toBeGreaterThan(0)
    expect((await ask(browser)).body.access_token).toBe('canary-2')
    later(2)
    await alarm((await subjectOf()).stub)
    hostileKv.location = 'home'
    const before = hostileKv.counts.reads
    expect((await ask(browser)).body.access_token).toBe('canary-2')
    expect(hostileKv.counts.reads).toBe(before + 1)
  })
}
