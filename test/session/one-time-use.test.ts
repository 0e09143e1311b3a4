/** The Durable Object that lets a name be used once. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { isUsed, useOnce } from '../../src/session/one-time-use.ts'
import { alarm, later, stage } from '../support/story.ts'

stage()

it('lets a name be used once, and forgets it a minute after the name has expired (TMB-11)', async () => {
  const stub = env.ONE_TIME_USES.getByName('one')
  const stored = async (): Promise<{ rows: number; alarm?: number }> =>
    runInDurableObject(stub, async (_, { storage }) => {
      const at = await storage.getAlarm()
      const rows = [...storage.kv.list()].length
      return at === null ? { rows } : { rows, alarm: at / 1000 - now() }
    })
  expect(await isUsed(env, 'one')).toBe(false)
  expect(await useOnce(env, 'one', now() + 600)).toBe(true)
  expect(await isUsed(env, 'one')).toBe(true)
  expect(await stored()).toEqual({ alarm: 660, rows: 1 })
  later(1)
  expect(await useOnce(env, 'one', now() + 6000)).toBe(false)
  expect(await stored()).toEqual({ alarm: 659, rows: 1 })
  await alarm(stub as unknown as DurableObjectStub)
  expect(await stored()).toEqual({ rows: 0 })
  expect(await isUsed(env, 'one')).toBe(false)
})

it('answers 503 when the object cannot be reached', async () => {
  const broken = { getByName: () => ({ use: async () => Promise.reject(new Error('canary')) }) }
  await expect(
    useOnce({ ...env, ONE_TIME_USES: broken } as never, 'one', now()),
  ).rejects.toMatchObject({ failure: { code: 'temporarily_unavailable' } })
})
