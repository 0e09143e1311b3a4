/// <reference types="vite/types/importMeta.d.ts" />
/** What earlier builds stored stays readable, and what a later one stored is refused and stays as it is. */

import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { open, seal } from '../../src/crypto/seal.ts'
import { ACCESS_TOKEN, GRANT } from '../../src/subject/grant.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { ask, browse, end, logIn, subjectOf, theConfig } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { sha256 } from '../support/frontend.ts'
import { rotate } from '../support/operator.ts'
import { ADA, simulateGoogle } from '../support/simulated-google.ts'
import { answersOf, makeStored, restore, type Stored } from '../support/stored.ts'
import { alarm, dumpKv, later, plantKv, readLog, stage, storedIn } from '../support/story.ts'

stage()

const files = import.meta.glob<Stored>('./stored/*.json', { eager: true, import: 'default' })

it.each(Object.entries(files))('%s opens, and answers as it did', async (_, stored) => {
  await restore(stored)
  expect(await answersOf(stored)).toMatchObject(stored.answers)
})

/** A release that stores anything in another form adds a set of its own; see test/README.md. */
const { STORED } = env as unknown as { STORED: string }

it.runIf(STORED)('a set is made', async () => {
  const stored = await makeStored()
  await expect(`${JSON.stringify(stored, null, 1)}\n`).toMatchFileSnapshot(`stored/${STORED}.json`)
})

describe('what a later version stored', () => {
  let browser: Browser
  let stub: DurableObjectStub<Subject>
  beforeEach(async () => {
    browser = await logIn(browse())
    stub = (await subjectOf()).stub
    readLog('error', 'info')
  })

  /** Everything that is stored. */
  const everything = async (): Promise<unknown> => [
    [...(await storedIn(stub))],
    [...(await dumpKv())],
  ]

  /** Changes what the object stores, and restarts it. */
  const change = async (work: (kv: SyncKvStorage) => void): Promise<void> => {
    await runInDurableObject(stub, (_, { storage }) => work(storage.kv))
    await evictDurableObject(stub)
  }

  const consent = async (): Promise<string | null> => {
    const google = simulateGoogle()
    const { url } = await google.connect(google.browse(), 'pick', { account: ADA })
    return url.searchParams.get('error')
  }

  it('in tables is refused by every call that needs them, and does not change', async () => {
    await change((kv) => kv.put('version', 2))
    const before = await everything()
    const answer = await ask(browser, {
      bundle: 'pick',
      min_ttl: 0,
      rejected: await sha256('canary-access-token'),
    })
    expect(answer).toMatchObject({ status: 500, body: { error: 'server_error' } })
    expect(answer.body.error_description).toMatch(REFUSAL)
    expect(await end(browser, '/session')).toBe(500)
    expect(await end(browser, '/grants/pick')).toBe(500)
    expect(await end(browser, '/grants')).toBe(500)
    expect(await consent()).toBe('server_error')
    await alarm(stub)
    expect(await rotate()).toMatchObject([{ failed: true }])
    expect(await everything()).toEqual(before)

    await change((kv) => kv.delete('version'))
    expect((await ask(browser)).status).toBe(200)
  })

  it.each([
    { type: 'grant', table: 'grants', kind: GRANT, after_s: 3600 },
    { type: 'token', table: 'tokens', kind: ACCESS_TOKEN, after_s: 0 },
  ])('in a $type is refused, and does not change', async ({ type, table, kind, after_s }) => {
    const records = [...(await dumpKv())]
    const [at = '', sealed = ''] = records.find(([name]) => name.startsWith(`${type}/`)) ?? []
    const { keyring } = theConfig()
    const record = await open<object>(keyring, { kind, at }, sealed, now())
    const later_record = await seal<object>(keyring, { kind, at }, { ...record, v: 2 })
    await plantKv(at, later_record)
    const row = `${table}/${at.split('/')[2]}`
    await change((kv) => kv.put(row, { ...kv.get<object>(row), sealed: later_record }))
    later(after_s)

    const { body, status } = await ask(browser)
    expect([status, body.error_description]).toEqual([500, expect.stringMatching(REFUSAL)])
    expect(await consent()).toBe('server_error')
    expect((await storedIn(stub)).get(row)).toMatchObject({ sealed: later_record })
    expect((await dumpKv()).get(at)).toBe(later_record)
  })
})

const REFUSAL = /^A later version of this broker wrote what is stored\. Nothing was changed/
