/** Tests of logout, of sessions that end on their own, and of old cookies after a disconnect (TMB-33, TMB-59 to 65). */

import { runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { ask, askSession, browse, copyOf, end, logIn, subjectOf, the } from '../support/broker.ts'
import { refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { alarm, aMinute, later, stage, storedIn } from '../support/story.ts'

stage()

describe('DELETE /session', () => {
  it('ends the session for every copy of its cookie, and keeps the grant', async () => {
    scriptGoogle()
    const browser = await logIn(browse())
    const copy = copyOf(browser)
    const response = await browser.call('DELETE', `${the.url}/session`)
    expect(response.status).toBe(204)
    expect(response.headers.has('Clear-Site-Data')).toBe(false) // the app may share the origin
    expect(browser.jar.get('broker.example')?.size).toBe(0)
    await aMinute((await subjectOf()).stub)
    expect((await ask(copy)).status).toBe(401)
    expect((await askSession(copy)).status).toBe(401)
    expect(await end(copy, '/grants/pick')).toBe(401)
    expect(await end(browser, '/session')).toBe(204)
    await logIn(browser)
    expect((await ask(browser)).status).toBe(200)
  })

  it('ends every session with all=true, and refuses other values', async () => {
    scriptGoogle()
    const [one, two] = [browse(), browse()]
    await logIn(one)
    await logIn(two)
    expect(await end(one, '/session?all=yes')).toBe(400)
    expect(await end(one, '/session?all=true')).toBe(204)
    await aMinute((await subjectOf()).stub)
    expect((await ask(two)).status).toBe(401)
  })

  it('keeps the other sessions, and revokes nothing at Google (TMB-63)', async () => {
    const google = scriptGoogle()
    const [one, two] = [browse(), browse()]
    await logIn(one)
    await logIn(two)
    expect(await end(one, '/session')).toBe(204)
    await aMinute((await subjectOf()).stub)
    expect((await ask(two)).status).toBe(200)
    expect(google.revocations).toHaveLength(0)
  })
})

describe('GET /session?optional=true', () => {
  it('answers 204 without a session or with an ended one, and refuses other values', async () => {
    scriptGoogle()
    const browser = browse()
    const status = async (path: string): Promise<number> =>
      (await browser.call('GET', the.url + path)).status
    expect(await status('/session?optional=true')).toBe(204)
    expect(await status('/session')).toBe(401)
    expect(await status('/session?optional=yes')).toBe(400)
    await logIn(browser)
    expect(await status('/session?optional=true')).toBe(200)
    const copy = copyOf(browser)
    await end(browser, '/session')
    expect((await copy.call('GET', `${the.url}/session?optional=true`)).status).toBe(204)
    expect((await copy.call('GET', `${the.url}/session`)).status).toBe(401)
  })
})

describe('a Durable Object', () => {
  const stored = async (): Promise<Map<string, unknown>> => storedIn((await subjectOf()).stub)

  it('deletes expired sessions, and has no alarm in the past', async () => {
    scriptGoogle()
    await logIn(browse())
    later(8 * 86_400)
    await alarm((await subjectOf()).stub)
    const { stub } = await subjectOf()
    expect((await storedIn(stub, 'sessions')).size).toBe(0)
    const due = await runInDurableObject(stub, async (_, { storage }) => storage.getAlarm())
    expect(due ?? Number.POSITIVE_INFINITY).toBeGreaterThan(Date.now())
  })

  it('that deleted its storage is not filled again by an old cookie (TMB-59, TMB-65)', async () => {
    scriptGoogle()
    const browser = await logIn(browse())
    const copy = copyOf(browser)
    await end(browser, '/grants')
    await aMinute((await subjectOf()).stub)
    later(26 * 3600)
    await alarm((await subjectOf()).stub)
    expect((await stored()).size).toBe(0)
    expect((await ask(copy)).status).toBe(401)
    expect((await askSession(copy)).status).toBe(401)
    expect(await end(copy, '/grants/pick')).toBe(401)
    expect(await end(copy, '/session')).toBe(204)
    expect(await end(copy, '/grants')).toBe(204)
    expect((await stored()).size).toBe(0)
  })

  it('keeps twenty sessions, and refuses the one that was evicted', async () => {
    scriptGoogle()
    const first = await logIn(browse(), { bundle: 'upload' })
    for (let login = 0; login < 20; login++) {
      later(2)
      await logIn(browse())
    }
    await aMinute((await subjectOf()).stub)
    expect((await ask(first, { bundle: 'upload' })).status).toBe(401)
  })
})

describe('a session', () => {
  it('ends when it is not used (TMB-33)', async () => {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call)
    const browser = await logIn(browse())
    for (let day = 0; day < 20; day += 6) {
      later(6 * 86_400)
      expect((await ask(browser)).status).toBe(200)
    }
    later(8 * 86_400)
    expect((await ask(browser)).status).toBe(401)
  })

  it('ends at its lifetime (TMB-33)', async () => {
    scriptGoogle()
    const browser = await logIn(browse())
    const copy = copyOf(browser)
    for (let day = 0; day < 30; day += 5) {
      expect((await ask(browser)).status).toBe(200)
      later(5 * 86_400)
    }
    expect((await ask(browser)).status).toBe(401)
    expect((await askSession(copy)).status).toBe(401)
    const { stub } = await subjectOf()
    for (const key of (await storedIn(stub, 'sessions')).keys()) {
      const [, id = ''] = key.split('/')
      expect(await stub.describeScopes({ kind: 'session', id }, [])).toMatchObject({ ok: false })
    }
  })
})
