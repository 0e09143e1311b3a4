/** The Durable Object that finds the subjects of a provider name. */

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

/** Seconds until its alarm, and how many values it stores. */
async function stateOf(
  stub: DurableObjectStub<SubjectIndex>,
): Promise<{ alarm?: number; values: number }> {
  return runInDurableObject(stub, async (_, { storage }) => {
    const at = await storage.getAlarm()
    const values = [...storage.kv.list()].length
    return at === null ? { values } : { alarm: at / 1000 - now(), values }
  })
}

it('lists each subject once, the newest last, at most a hundred', async () => {
  expect(await index.subjects()).toEqual([])
  for (const subject of ['a', 'b', 'a']) await index.add('n', subject)
  expect(await index.subjects()).toEqual(['b', 'a'])
  for (let count = 0; count < 99; count++) await index.add('n', `${count}`)
  const indexed = await index.subjects()
  expect(indexed).toHaveLength(100)
  expect([indexed[0], indexed.at(-1)]).toEqual(['a', '98'])
})

it('keeps only subjects with a grant of that name, checked every thirty days', async () => {
  await logIn(browse())
  const name = await accountName(theConfig(), the.sub)
  const { key } = await subjectOf()
  const entry = named(name)
  for (const subject of ['nobody', key, 'nobody else']) await entry.add(name, subject)
  expect(await stateOf(entry)).toEqual({ alarm: 30 * DAY, values: 1 })
  later(29 * DAY)
  await alarm(entry)
  expect(await entry.subjects()).toEqual([key])
  expect(await stateOf(entry)).toEqual({ alarm: 30 * DAY, values: 1 })
  await (await subjectOf()).stub.disconnectForOperator()
  await alarm(entry)
  expect(await stateOf(entry)).toEqual({ values: 0 })
})

it('keeps a subject that is added during a check', async () => {
  await logIn(browse())
  const name = await accountName(theConfig(), the.sub)
  const { key } = await subjectOf()
  const entry = named(name)
  await entry.add(name, key)
  const gate = holdCrypto('sign')
  const checking = alarm(entry)
  await gate.arrived()
  await entry.add(name, 'new')
  gate.release()
  await checking
  expect(await entry.subjects()).toEqual([key, 'new'])
  expect(await dumpObject(entry)).toMatch(/^\[\[\],/) // the check makes no subject
})
