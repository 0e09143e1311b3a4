/** This file is the tests of when a subject's object wakes: for what is left to do, what runs out, and its own end. */

import { runInDurableObject } from 'cloudflare:test'
import { beforeEach, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { browse, consentTo, logIn, subjectOf, the, theConfig } from '../support/broker.ts'
import { until } from '../support/holder.ts'
import { createHostileKv } from '../support/hostile-kv.ts'
import { type ScriptedGoogle, scriptGoogle } from '../support/scripted-google.ts'
import { alarm, dumpObject, later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const DAY = 24 * 60 * 60

let google: ScriptedGoogle
let stub: DurableObjectStub<Subject>
beforeEach(async () => {
  google = scriptGoogle()
  stub = (await subjectOf()).stub
})

/** Seconds until the alarm; without a limit where there is none. */
async function alarmIn(): Promise<number> {
  const at = await runInDurableObject(stub, async (_, { storage }) => storage.getAlarm())
  return at === null ? Number.POSITIVE_INFINITY : at / 1000 - now()
}

/** Keeps a grant without a session. */
async function acceptUser(): Promise<void> {
  await stub.accept(consentTo(the.pick, { begins_session: false }))
}

it('a grant alone needs no alarm but the one that looks after its first write', async () => {
  await acceptUser()
  expect(await alarmIn()).toBe(5)
  later(5)
  await alarm(stub)
  expect(await alarmIn()).toBe(Number.POSITIVE_INFINITY)
})

it.each([
  { ttl: 30 * DAY, idle: 7 * DAY, touched: 0, expected: 7 * DAY },
  { ttl: 30 * DAY, idle: 7 * DAY, touched: 3 * DAY, expected: 7 * DAY },
  { ttl: 8 * DAY, idle: 7 * DAY, touched: 3 * DAY, expected: 5 * DAY },
])(
  'a session of $ttl s, $idle unseen, seen after $touched s is over in $expected s',
  async ({ ttl, idle, touched, expected }) => {
    configure({ SESSION_TTL_SECONDS: `${ttl}`, SESSION_IDLE_SECONDS: `${idle}` })
    expect(theConfig().session_idle_seconds).toBe(idle)
    const browser = browse()
    await logIn(browser)
    later(touched)
    await browser.call('GET', `${the.url}/session`)
    await alarm(stub)
    expect(await alarmIn()).toBe(expected)
  },
)

it('what is being worked off is looked at again in five seconds, and what failed when it is due', async () => {
  await acceptUser()
  let isHeld = true
  google.revoke = async () => {
    await until(() => !isHeld)
    return new Response(null, { status: 503 })
  }
  later(2)
  const disconnecting = stub.disconnectForOperator()
  await until(() => google.revocations.length > 0)
  expect(await alarmIn()).toBe(5)
  isHeld = false
  await disconnecting
  expect(await alarmIn()).toBe(2)
  later(2)
  await alarm(stub)
  expect(google.revocations).toHaveLength(2)
  expect(await alarmIn()).toBe(4)
})

it('what KV refused is due before the session that waits beside it', async () => {
  const kv = createHostileKv()
  configure({ TOKENS: kv.namespace })
  kv.down.writes = true
  await logIn(browse())
  expect(await alarmIn()).toBe(1)
})

it('a consent that waits wakes it when its time is over', async () => {
  await stub.hold({ id: 'one', consent: consentTo(), expires_at: now() + 60 })
  expect(await alarmIn()).toBe(60)
})

it('an object with nothing left goes after a day, and not before (TMB-65)', async () => {
  await acceptUser()
  later(10)
  await stub.disconnectForOperator()
  later(10)
  await alarm(stub)
  expect(await alarmIn()).toBe(DAY - 10)
  later(DAY - 10.001)
  await alarm(stub)
  expect(await dumpObject(stub)).toContain('emptied_at')
  later(0.001)
  await alarm(stub)
  expect(await dumpObject(stub)).toBe('[[],[]]')
  expect(await alarmIn()).toBe(Number.POSITIVE_INFINITY)
})

it('an object that is used again stays', async () => {
  await acceptUser()
  later(2)
  await stub.disconnectForOperator()
  later(2)
  await acceptUser()
  later(2 * DAY)
  await alarm(stub)
  expect(await dumpObject(stub)).not.toContain('emptied_at')
  expect(await stub.describe({ kind: 'app_user' }, [the.pick])).toMatchObject({
    value: [{ status: 'ready' }],
  })
})
