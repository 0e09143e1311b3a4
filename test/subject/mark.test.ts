/** This file is the tests of the objects that are no subject's: what is used once, whose a name is, and when both go. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { accountName } from '../../src/subject/provider-names.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { browse, logIn, subjectOf, the, theConfig } from '../support/broker.ts'
import { holdCrypto } from '../support/holder.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { alarm, dumpObject, later, stage } from '../support/story.ts'

stage()

const DAY = 24 * 60 * 60

let mark: DurableObjectStub<Subject>
beforeEach(() => {
  scriptGoogle()
  mark = named(crypto.randomUUID())
})

function named(name: string): DurableObjectStub<Subject> {
  return env.SUBJECTS.getByName(name) as unknown as DurableObjectStub<Subject>
}

/** Seconds until its alarm, and how many things it keeps. */
async function stateOf(
  stub: DurableObjectStub<Subject>,
): Promise<{ alarm?: number; keeps: number }> {
  return runInDurableObject(stub, async (_, { storage }) => {
    const at = await storage.getAlarm()
    const keeps = [...storage.kv.list()].length
    return at === null ? { keeps } : { alarm: at / 1000 - now(), keeps }
  })
}

it('what is used once is marked so until a minute after it could be used (TMB-11)', async () => {
  expect(await mark.isConsumed()).toBe(false)
  expect(await mark.consume(now() + 600)).toBe(true)
  expect(await mark.isConsumed()).toBe(true)
  expect(await stateOf(mark)).toEqual({ alarm: 660, keeps: 1 })
  later(1)
  expect(await mark.consume(now() + 6000)).toBe(false)
  expect(await stateOf(mark)).toEqual({ alarm: 659, keeps: 1 })
  await alarm(mark)
  expect(await stateOf(mark)).toEqual({ keeps: 0 })
  expect(await mark.isConsumed()).toBe(false)
})

it('a name leads to each of its subjects once, the latest last, and to a hundred at most', async () => {
  expect(await mark.linked()).toEqual([])
  for (const subject of ['a', 'b', 'a']) await mark.link('n', subject)
  expect(await mark.linked()).toEqual(['b', 'a'])
  for (let count = 0; count < 99; count++) await mark.link('n', `${count}`)
  const linked = await mark.linked()
  expect(linked).toHaveLength(100)
  expect([linked[0], linked.at(-1)]).toEqual(['a', '98'])
})

it('a note is looked at again after thirty days, and keeps those who still go by the name', async () => {
  await logIn(browse())
  const name = await accountName(theConfig(), the.sub)
  const { key } = await subjectOf()
  const note = named(name)
  for (const subject of ['nobody', key, 'nobody else']) await note.link(name, subject)
  expect(await stateOf(note)).toEqual({ alarm: 30 * DAY, keeps: 1 })
  later(29 * DAY)
  await alarm(note)
  expect(await note.linked()).toEqual([key])
  expect(await stateOf(note)).toEqual({ alarm: 30 * DAY, keeps: 1 })
  await (await subjectOf()).stub.disconnectForOperator()
  await alarm(note)
  expect(await stateOf(note)).toEqual({ keeps: 0 })
})

it('who is noted while others are looked for stays noted', async () => {
  await logIn(browse())
  const name = await accountName(theConfig(), the.sub)
  const { key } = await subjectOf()
  const note = named(name)
  await note.link(name, key)
  const gate = holdCrypto('sign')
  const tidying = alarm(note)
  await gate.arrived()
  await note.link(name, 'new')
  gate.release()
  await tidying
  expect(await note.linked()).toEqual([key, 'new'])
  expect(await dumpObject(note)).toMatch(/^\[\[\],/) // and it is no subject for that
})

it('an object that is neither a mark nor a note goes on with its own work', async () => {
  await logIn(browse())
  const { stub } = await subjectOf()
  await alarm(stub)
  expect((await stateOf(stub)).keeps).toBeGreaterThan(0)
})
