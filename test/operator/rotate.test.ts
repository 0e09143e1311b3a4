/** Key rotation: records are resealed while the broker runs, and the old key is retired (TMB-56, TMB-61). */

import { runInDurableObject } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { ask, askSession, browse, logIn, subjectOf } from '../support/broker.ts'
import { deployKeys, kidsInKv, listAll, operator, rotate, statsOf } from '../support/operator.ts'
import { oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { alarm, aMinute, isHostile, later, stage } from '../support/story.ts'
import { hostileKv } from '../support/worker.ts'

stage()

const PEOPLE = ['ada', 'ben', 'cy', 'dee']

it('reseals every record of every user, in objects and in KV, without a request to Google', async () => {
  const google = scriptGoogle()
  for (const sub of PEOPLE) await logIn(browse(), { sub })
  await logIn(browse(), { sub: 'ada', bundle: 'upload' })
  const people = await Promise.all(PEOPLE.map((sub) => subjectOf(sub)))
  later(61) // until KV lists them everywhere
  await deployKeys(
    ['k2', 'k1'],
    people.map(({ stub }) => stub),
  )
  expect(await statsOf(people[0]?.key ?? '')).toMatchObject({
    current: 'k2',
    records: { k1: 4 },
    sessions: { k1: 2 },
  })
  expect((await listAll()).sort()).toEqual(people.map(({ key }) => key).sort())
  const reports = await rotate()
  expect(reports).toHaveLength(PEOPLE.length)
  for (const { stats } of reports)
    expect(stats).toMatchObject({ unreadable: 0, kv_outbox: 0, current: 'k2' })
  expect(reports.flatMap(({ stats }) => Object.keys(stats?.records ?? {}))).toEqual(
    PEOPLE.map(() => 'k2'),
  )
  expect(await kidsInKv()).toEqual(new Set(['k2']))
  expect(google.refreshes).toHaveLength(0)
})

it('serves everything without the old key; a cookie under that key gets login_required', async () => {
  const google = scriptGoogle()
  const [old, young] = [browse(), browse()]
  await logIn(old)
  const { key, stub } = await subjectOf()
  await deployKeys(['k2', 'k1'], [stub])
  expect((await ask(old)).status).toBe(200)
  await logIn(young, { bundle: 'upload' })
  await statsOf(key, true)
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

it('a refresh during the rotation does not restore the old key, and its result is kept', async () => {
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
    await statsOf(key, true)
    gate.release()
    const first = await asking
    expect(first.status).toBe(200)
    expect(Object.keys((await statsOf(key)).records)).toEqual(['k2'])
    later(3600)
    expect((await ask(browser)).status).toBe(200)
    const used = rotates ? 'canary-rotated' : 'canary-refresh-token'
    expect(google.refreshes.at(-1)?.body.get('refresh_token')).toBe(used)
  }
})

it('writes that KV refuses are counted, and repeated by the alarm', async () => {
  scriptGoogle()
  await logIn(browse())
  const { key, stub } = await subjectOf()
  await deployKeys(['k2', 'k1'], [stub])
  hostileKv.down.writes = true
  const { records, kv_outbox } = await statsOf(key, true)
  expect({ records, kv_outbox }).toEqual({ records: { k2: 2 }, kv_outbox: isHostile ? 2 : 0 })
  hostileKv.down.writes = false
  await aMinute(stub)
  expect((await statsOf(key)).kv_outbox).toBe(0)
  expect(await kidsInKv()).toEqual(new Set(['k2']))
})

it('a revocation that Google has not answered is in no list, and is resealed by its own alarm', async () => {
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
  expect(await statsOf(key)).toMatchObject({ records: { k2: 1 }, revocation_outbox: 1 })
  google.revoke = () => new Response(null, { status: 200 })
  await deployKeys(['k2'], [stub])
  later(3600)
  await alarm(stub)
  expect(google.revocations.at(-1)?.body.get('token')).toBe('canary-refresh-token')
  expect((await statsOf(key)).revocation_outbox).toBe(0)
})

it('a record that cannot be decrypted is counted, and left unchanged', async () => {
  scriptGoogle()
  await logIn(browse())
  const { key, stub } = await subjectOf()
  await deployKeys(['k3'], [stub])
  const { unreadable, records } = await statsOf(key, true)
  expect({ unreadable, records }).toEqual({ unreadable: 2, records: {} })
  await deployKeys(['k3', 'k1'], [stub])
  expect(await statsOf(key, true)).toMatchObject({ unreadable: 0, records: { k3: 2 } })
})

it('a reseal does not restore an ended grant, and leaves an empty object empty', async () => {
  const google = scriptGoogle()
  google.token = () => oauthError(400, 'invalid_grant')
  const browser = browse()
  await logIn(browser, { expires_in: 1 })
  later(2)
  const { key, stub } = await subjectOf()
  await deployKeys(['k2', 'k1'], [stub])
  await Promise.all([ask(browser), operator.stats('ada', [key], true)])
  expect((await statsOf(key)).grants).toEqual([])
  expect((await ask(browser)).body.error).toBe('consent_required')
  const nobody = await subjectOf('nobody')
  expect(await operator.stats('ada', [nobody.key], true)).toEqual([{ subject: nobody.key }])
  await runInDurableObject(nobody.stub, (_, { storage }) =>
    expect([...storage.kv.list()]).toEqual([]),
  )
})
