/** The Durable Object that leads from a provider's name to the subjects that have it. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import type { SubjectIndex } from '../../src/events/subject-index.ts'
import { accountName } from '../../src/subject/provider-names.ts'
import { browse, logIn, subjectOf, the, theConfig } from '../support/broker.ts'
import { holdCrypto } from '../support/grant-user.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { alarm, dumpObject, later, stage } from '../support/story.ts'

stage()

const DAY = 24 * 60 * 60

let index: DurableObjectStub<SubjectIndex>
beforeEach(() => {
  scriptGoogle()
  index = named(crypto.randomUUID())
})

function named(name: string): DurableObjectStub<SubjectIndex> {
  return env.SUBJECT_INDEX.getByName(name) as unknown as DurableObjectStub<SubjectIndex>
}

/** Seconds until its alarm, and how many things it keeps. */
async function stateOf(
  stub: DurableObjectStub<SubjectIndex>,
): Promise<{ alarm?: number; keeps: number }> {
  return runInDurableObject(stub, async (_, { storage }) => {
    const at = await storage.getAlarm()
    const keeps = [...storage.kv.list()].length
    return at === null ? { keeps } : { alarm: at / 1000 - now(), keeps }
  })
}

it('leads to each subject once, the newest last, and to a hundred at most', async () => {
  expect(await index.subjects()).toEqual([])
  for (const subject of ['a', 'b', 'a']) await index.add('n', subject)
  expect(await index.subjects()).toEqual(['b', 'a'])
  for (let count = 0; count < 99; count++) await index.add('n', `${count}`)
  const linked = await index.subjects()
  expect(linked).toHaveLength(100)
  expect([linked[0], linked.at(-1)]).toEqual(['a', '98'])
})

it('is checked after thirty days, and keeps the subjects that still have the name', async () => {
  await logIn(browse())
  const name = await accountName(theConfig(), the.sub)
  const { key } = await subjectOf()
  const entry = named(name)
  for (const subject of ['nobody', key, 'nobody else']) await entry.add(name, subject)
  expect(await stateOf(entry)).toEqual({ alarm: 30 * DAY, keeps: 1 })
  later(29 * DAY)
  await alarm(entry)
  expect(await entry.subjects()).toEqual([key])
  expect(await stateOf(entry)).toEqual({ alarm: 30 * DAY, keeps: 1 })
  await (await subjectOf()).stub.disconnectForOperator()
  await alarm(entry)
  expect(await stateOf(entry)).toEqual({ keeps: 0 })
})

it('a subject that is added while others are checked stays', async () => {
  await logIn(browse())
  const name = await accountName(theConfig(), the.sub)
  const { key } = await subjectOf()
  const entry = named(name)
  await entry.add(name, key)
  const gate = holdCrypto('sign')
  const tidying = alarm(entry)
  await gate.arrived()
  await entry.add(name, 'new')
  gate.release()
  await tidying
  expect(await entry.subjects()).toEqual([key, 'new'])
  expect(await dumpObject(entry)).toMatch(/^\[\[\],/) // and it is no subject for that
})
