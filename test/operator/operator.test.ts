/** The operator's entrypoint: it returns metadata only, records every call, and no route reaches it (TMB-76, 78, 79). */

import { expect, it, vi } from 'vitest'
import { Operator } from '../../src/operator.ts'
import { ask, askSession, broker, browse, logIn, subjectOf, the } from '../support/broker.ts'
import { deployKeys, listAll, operator, statsOf } from '../support/operator.ts'
import { oauthError, scriptGoogle } from '../support/scripted-google.ts'
import { aMinute, later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

it('answers names of keys and bundles, counts and times, and no token, key or name', async () => {
  const google = scriptGoogle()
  google.token = () => oauthError(503, 'canary-outage')
  const browser = browse()
  await logIn(browser, { expires_in: 200 })
  await logIn(browser, { bundle: 'album', refresh_token: 'canary-album' })
  await ask(browser)
  const { key, stub } = await subjectOf()
  await deployKeys(['k2', 'k1'], [stub])
  later(61)
  const answers = [
    await operator.keys(),
    await operator.subjects('ada'),
    await operator.stats('ada', [key], false),
    await operator.stats('ada', [key], true),
    await operator.subjectKey(the.client, the.sub),
    await operator.subjectKey('nobody', the.sub),
  ]
  const answer = JSON.stringify(answers)
  for (const secret of ['canary', the.sub, 'AAECAwQF', 'googleapis', 'eyJ'])
    expect(answer).not.toContain(secret)
  expect(answers[0]).toMatchObject({ current: 'k2', kids: ['k2', 'k1'] })
  expect(answers[4]).toBe(key)
  expect(answers[5]).toBe(undefined)
  const { grants, sessions, sessions_until } = await statsOf(key)
  expect(grants.filter(({ is_failing }) => is_failing)).toHaveLength(1)
  expect(sessions).toEqual({ k1: 2 })
  expect(sessions_until['k1']).toBeGreaterThan(Date.now() / 1000 + 29 * 86400)
  const named = grants.map(({ scope_set_key }) =>
    JSON.stringify(answers[0]).includes(scope_set_key),
  )
  expect(named).toEqual([true, true])
  expect(answers[0]).toMatchObject({ bundles: expect.anything() })
})

it('has methods to list, reseal and forget, and none that returns a token', () => {
  const names = Object.getOwnPropertyNames(Operator.prototype)
  expect(names.sort()).toEqual(['constructor', 'forget', 'keys', 'stats', 'subjectKey', 'subjects'])
})

it('forgets a subject as a disconnect does, also when called twice', async () => {
  const google = scriptGoogle()
  const [one, other] = [browse(), browse()]
  await logIn(one)
  await logIn(other, { sub: 'somebody-else', refresh_token: 'canary-else' })
  const { key, stub } = await subjectOf()
  expect(await operator.forget('ada', key)).toBe(true)
  expect(google.revocations.map(({ body }) => body.get('token'))).toEqual(['canary-refresh-token'])
  expect((await askSession(one)).status).toBe(401)
  expect((await askSession(other)).status).toBe(200)
  expect(await operator.forget('ada', key)).toBe(true)
  expect(google.revocations).toHaveLength(1)
  expect(await operator.forget('ada', (await subjectOf('nobody')).key)).toBe(false)
  await aMinute(stub)
  later(60)
  expect(await listAll()).not.toContain(key)
})

it('records every action with the name of the operator', async () => {
  scriptGoogle()
  await logIn(browse())
  const { key } = await subjectOf()
  const log = vi.spyOn(console, 'info').mockImplementation(() => {})
  await listAll()
  await operator.stats('ada', [key], false)
  await operator.stats('ada', [key], true)
  await operator.forget('ada', key)
  const lines = log.mock.calls.map(([line]) => JSON.parse(String(line)))
  const byAda = lines.filter(({ operator }) => operator === 'ada')
  expect(byAda.map(({ event }) => event)).toEqual([
    'operator_list',
    'operator_stats',
    'operator_reseal',
    'operator_forget',
  ])
  expect(byAda.at(-1)).toMatchObject({ subject: key })
})

it('is not reached by any request', async () => {
  scriptGoogle()
  const browser = browse()
  await logIn(browser)
  for (const path of ['/operator', '/Operator', '/admin', '/__operator', '/keys', '/stats']) {
    for (const method of ['GET', 'POST']) {
      const answer = await broker(new Request(the.url + path, { method }))
      expect(answer.status).toBe(404)
    }
  }
})

it('returns the problems of a wrong configuration, without its values', async () => {
  configure({ ENCRYPTION_KEYS: 'k1:canary' })
  const answer = JSON.stringify([
    await operator.keys(),
    await operator.subjectKey('default', the.sub),
  ])
  expect(answer).toContain('ENCRYPTION_KEYS: ')
  expect(answer).not.toContain('canary')
})
