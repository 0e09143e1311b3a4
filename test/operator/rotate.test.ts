/** This file is the story of a key that goes: resealed while all goes on, counted, and retired (design.md §6.10; TMB-56, TMB-61). */

import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { ask, askSession, browse, logIn, subjectOf } from '../support/broker.ts'
import { censusOf, deployKeys, kidsInKv, listAll, operator, rotate } from '../support/operator.ts'
import { oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { alarm, aMinute, isHostile, later, stage } from '../support/story.ts'
import { hostileKv } from '../support/worker.ts'

stage()

const PEOPLE = ['ada', 'ben', 'cy', 'dee']

it('reseals every record of everybody, in their objects and in KV, and asks Google nothing', async () => {
  const google = scriptGoogle()
  for (const sub of PEOPLE) await logIn(browse(), { sub })
  await logIn(browse(), { sub: 'ada', bundle: 'upload' })
  const people = await Promise.all(PEOPLE.map((sub) => subjectOf(sub)))
  later(61) // until KV lists them everywhere
  await deployKeys(
    ['k2', 'k1'],
    people.map(({ stub }) => stub),
  )
  expect(await censusOf(people[0]?.key ?? '')).toMatchObject({
    current: 'k2',
    records: { k1: 4 },
    sessions: { k1: 2 },
  })
  expect((await listAll()).sort()).toEqual(people.map(({ key }) => key).sort())
  const reports = await rotate()
  expect(reports).toHaveLength(PEOPLE.length)
  for (const { census } of reports)
    expect(census).toMatchObject({ unreadable: 0, unpublished: 0, current: 'k2' })
  expect(reports.flatMap(({ census }) => Object.keys(census?.records ?? {}))).toEqual(
    PEOPLE.map(() => 'k2'),
  )
  expect(await kidsInKv()).toEqual(new Set(['k2']))
  expect(google.refreshes).toHaveLength(0)
})

it('serves everything once the old key is gone; a cookie of that key is a login_required', async () => {
  const google = scriptGoogle()
  const [old, young] = [browse(), browse()]
  await logIn(old)
  const { key, stub } = await subjectOf()
  await deployKeys(['k2', 'k1'], [stub])
  expect((await ask(old)).status).toBe(200)
  await logIn(young, { bundle: 'upload' })
  await censusOf(key, true)
  later(61)
  await deployKeys(['k2'], [stub])
  for (const bundle of ['pick', 'upload']) expect((await ask(young, { bundle })).status).toBe(200)
  expect(google.refreshes).toHaveLength(0)
  later(3600)
  for (const bundle of ['pick', 'upload']) expect((await ask(young, { bundle })).status).toBe(200)
  expect(google.refreshes).toHaveLength(2)
  expect((await ask(old)).body.error).toBe('login_required')
  expect((await askSession(old)).status).toBe(401)
})

it('a refresh that was under way neither brings the old key back nor loses what it brings', async () => {
  for (const rotates of [false, true]) {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call, rotates ? { refresh_token: 'canary-rotated' } : {})
    const browser = browse()
    await logIn(browser, { expires_in: 200 })
    const { key, stub } = await subjectOf()
    await deployKeys(['k2', 'k1'], [stub])
    const gate = google.hold()
    const asking = ask(browser)
    await gate.arrived()
    await censusOf(key, true)
    gate.release()
    const first = await asking
    expect(first.status).toBe(200)
    expect(Object.keys((await censusOf(key)).records)).toEqual(['k2'])
    later(3600)
    expect((await ask(browser)).status).toBe(200)
    const used = rotates ? 'canary-rotated' : 'canary-refresh-token'
    expect(google.refreshes.at(-1)?.body.get('refresh_token')).toBe(used)
  }
})

it('what KV refuses to take is told, and written from the alarm', async () => {
  scriptGoogle()
  await logIn(browse())
  const { key, stub } = await subjectOf()
  await deployKeys(['k2', 'k1'], [stub])
  hostileKv.down.writes = true
  const { records, unpublished } = await censusOf(key, true)
  expect({ records, unpublished }).toEqual({ records: { k2: 2 }, unpublished: isHostile ? 2 : 0 })
  hostileKv.down.writes = false
  await aMinute(stub)
  expect((await censusOf(key)).unpublished).toBe(0)
  expect(await kidsInKv()).toEqual(new Set(['k2']))
})

it('a revocation that Google has not heard is in no list, and is resealed by its own alarm', async () => {
  const google = scriptGoogle()
  google.revoke = () => new Response(null, { status: 503 })
  const browser = browse()
  await logIn(browser)
  const { key, stub } = await subjectOf()
  await browser.call('DELETE', 'https://broker.example/grants')
  await deployKeys(['k2', 'k1'], [stub])
  later(3600)
  await aMinute(stub)
  expect(await listAll()).toEqual([])
  expect(await censusOf(key)).toMatchObject({ records: { k2: 1 }, revocations: 1 })
  google.revoke = () => new Response(null, { status: 200 })
  await deployKeys(['k2'], [stub])
  later(3600)
  await alarm(stub)
  expect(google.revocations.at(-1)?.body.get('token')).toBe('canary-refresh-token')
  expect((await censusOf(key)).revocations).toBe(0)
})

it('a record that does not open is told, and left as it is', async () => {
  scriptGoogle()
  await logIn(browse())
  const { key, stub } = await subjectOf()
  await deployKeys(['k3'], [stub])
  const { unreadable, records } = await censusOf(key, true)
  expect({ unreadable, records }).toEqual({ unreadable: 2, records: {} })
  await deployKeys(['k3', 'k1'], [stub])
  expect(await censusOf(key, true)).toMatchObject({ unreadable: 0, records: { k3: 2 } })
})

it('an ended grant is not brought back by a reseal, and who keeps nothing is left alone', async () => {
  const google = scriptGoogle()
  google.token = () => oauthError(400, 'invalid_grant')
  const browser = browse()
  await logIn(browser, { expires_in: 1 })
  later(2)
  const { key, stub } = await subjectOf()
  await deployKeys(['k2', 'k1'], [stub])
  await Promise.all([ask(browser), operator.census('ada', [key], true)])
  expect((await censusOf(key)).grants).toEqual([])
  expect((await ask(browser)).body.error).toBe('consent_required')
  const nobody = await subjectOf('nobody')
  expect(await operator.census('ada', [nobody.key], true)).toEqual([{ subject: nobody.key }])
  await runInDurableObject(nobody.stub, (_, { storage }) =>
    expect([...storage.kv.list()]).toEqual([]),
  )
})

it('a session of an older version, which noted no key, is counted and lives on', async () => {
  scriptGoogle()
  const browser = browse()
  await logIn(browser)
  const { key, stub } = await subjectOf()
  await runInDurableObject(stub, (_, { storage }) => {
    storage.sql.exec('ALTER TABLE sessions DROP COLUMN kid')
  })
  await deployKeys(['k2', 'k1'], [])
  await evictDurableObject(stub)
  expect((await askSession(browser)).status).toBe(200)
  expect((await censusOf(key, true)).sessions).toEqual({ '?': 1 })
  await logIn(browser)
  expect((await censusOf(key)).sessions).toEqual({ '?': 1, k2: 1 })
})
