/** This file is the tests of what an operator hears of a subject, and of the resealing that goes before it. */

import { runInDurableObject } from 'cloudflare:test'
import { beforeEach, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { browse, logIn, subjectOf, theConfig } from '../support/broker.ts'
import { createHostileKv } from '../support/hostile-kv.ts'
import { deployKeys } from '../support/operator.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const kv = createHostileKv()
let stub: DurableObjectStub<Subject>
beforeEach(async () => {
  kv.reset()
  configure({ TOKENS: kv.namespace })
  scriptGoogle()
  stub = (await subjectOf()).stub
  await logIn(browse())
})

async function change(sql: string): Promise<void> {
  await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec(sql))
}

it('sessions are counted by key, until the last of each is over; of an older version nobody knows the key', async () => {
  const ttl = theConfig().session_ttl_seconds
  const until = now() + ttl
  later(10)
  await logIn(browse())
  expect(await stub.census(false)).toMatchObject({
    ...{ sessions: { k1: 2 }, sessions_until: { k1: until + 10 } },
  })
  await change(`UPDATE sessions SET created_at = 2 * ${now()} - 10 - created_at`) // the first is the last now
  expect(await stub.census(false)).toMatchObject({ sessions_until: { k1: until + 10 } })
  await change('UPDATE sessions SET kid = NULL')
  expect(await stub.census(false)).toMatchObject({
    ...{ sessions: { '?': 2 }, sessions_until: { '?': until + 10 } },
  })
})

it('counting alone writes nothing, also where KV is behind', async () => {
  kv.down.writes = true
  await logIn(browse(), { bundle: 'upload' })
  later(2)
  const { refused } = kv.counts
  expect(await stub.census(false)).toMatchObject({ unpublished: 2 })
  expect(kv.counts.refused).toBe(refused)
})

it.each([
  { table: 'tokens', left: 'grant/' },
  { table: 'grants', left: 'token/' },
])('without its $table only what is resealed is written: $left', async ({ table, left }) => {
  await change(`DELETE FROM ${table}`)
  await deployKeys(['k2', 'k1'], [stub], { TOKENS: kv.namespace })
  kv.reset()
  expect(await stub.census(true)).toMatchObject({ records: { k2: 1 }, unreadable: 0 })
  expect(kv.counts.writes).toBe(1)
  expect([...kv.dump().keys()]).toEqual([expect.stringContaining(left)])
})
