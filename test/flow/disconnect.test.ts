/** This file is the story of endings: log out, forget, disconnect, and nothing that comes back afterwards (design.md §6.3; TMB-60 to 65). */

import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import type { Consent } from '../../src/subject/grant.ts'
import { ask, askSession, browse, logIn, subjectOf, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { alarm, aMinute, dumpKv, later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const end = async (browser: Browser, path: string): Promise<number> =>
  (await browser.call('DELETE', the.url + path)).status

/** What a code exchange brings that was begun before something ended. */
const lateTokens = (scope: string): Consent['tokens'] => ({
  access_token: 'canary-late',
  refresh_token: 'canary-late-refresh',
  expires_in: 3599,
  expires_at: Date.now() / 1000 + 3599,
  scope,
})

/** Another browser with a copy of the cookies, as a thief or a second tab has it. */
function copyOf(browser: Browser): Browser {
  const copy = browse()
  for (const [host, cookies] of browser.jar) copy.jar.set(host, new Map(cookies))
  return copy
}

describe('DELETE /session', () => {
  it('ends this session, here and in a copy, and keeps the grant', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser)
    const copy = copyOf(browser)
    const response = await browser.call('DELETE', `${the.url}/session`)
    expect(response.status).toBe(204)
    expect(response.headers.get('Clear-Site-Data')).toBe('"cache", "storage"')
    expect(browser.jar.get('broker.example')?.size).toBe(0)
    await aMinute((await subjectOf()).stub)
    expect((await ask(copy)).status).toBe(401)
    expect((await askSession(copy)).status).toBe(401)
    expect(await end(copy, '/grants/pick')).toBe(401)
    expect(await end(browser, '/session')).toBe(204)
    await logIn(browser)
    expect((await ask(browser)).status).toBe(200)
  })

  it('with all=true ends every session, and no other value is taken', async () => {
    scriptGoogle()
    const [one, two] = [browse(), browse()]
    await logIn(one)
    await logIn(two)
    expect(await end(one, '/session?all=yes')).toBe(400)
    expect(await end(one, '/session?all=true')).toBe(204)
    await aMinute((await subjectOf()).stub)
    expect((await ask(two)).status).toBe(401)
  })

  it('of one of several sessions leaves the others', async () => {
    scriptGoogle()
    const [one, two] = [browse(), browse()]
    await logIn(one)
    await logIn(two)
    expect(await end(one, '/session')).toBe(204)
    await aMinute((await subjectOf()).stub)
    expect((await ask(two)).status).toBe(200)
  })

  it('calls nobody at Google (TMB-63)', async () => {
    const google = scriptGoogle()
    const browser = browse()
    await logIn(browser)
    await end(browser, '/session?all=true')
    expect(google.revocations).toHaveLength(0)
  })
})

describe('DELETE /grants/NAME', () => {
  it('forgets one bundle here and leaves the others and Google alone (TMB-63)', async () => {
    const google = scriptGoogle()
    const browser = browse()
    await logIn(browser)
    await logIn(browser, { bundle: 'upload' })
    expect(await end(browser, '/grants/pick')).toBe(204)
    await aMinute((await subjectOf()).stub)
    expect(await ask(browser)).toMatchObject({
      status: 403,
      body: { error: 'consent_required', reason: 'ended' },
    })
    expect((await ask(browser, { bundle: 'upload' })).status).toBe(200)
    expect(google.revocations).toHaveLength(0)
    expect(await end(browser, '/grants/pick')).toBe(204)
    expect(await end(browser, '/grants/no-such')).toBe(400)
  })

  it('of what was never granted changes nothing', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser)
    expect(await end(browser, '/grants/upload')).toBe(204)
    expect((await ask(browser, { bundle: 'upload' })).body).toMatchObject({
      reason: 'never_granted',
    })
  })

  it('is not undone by a refresh of a wider grant that is under way, nor does that lose a rotated token', async () => {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated' })
    const browser = browse()
    await logIn(browser, { bundle: 'album' })
    const gate = google.hold()
    const asking = ask(copyOf(browser), { bundle: 'upload' })
    await gate.arrived()
    expect(await end(browser, '/grants/upload')).toBe(204)
    gate.release()
    expect((await asking).status).toBe(403)
    await aMinute((await subjectOf()).stub)
    expect((await ask(browser, { bundle: 'upload' })).status).toBe(403)
    later(3600)
    expect((await ask(browser, { bundle: 'album' })).status).toBe(200)
    expect(google.refreshes.at(-1)?.body.get('refresh_token')).toBe('canary-rotated')
  })

  it('is not undone by a late consent to a wider bundle that turns out partial', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser, { bundle: 'upload' })
    const began_at = Date.now() / 1000
    later(5)
    await end(browser, '/grants/upload')
    const tokens = lateTokens(the.upload)
    const { stub } = await subjectOf()
    expect(
      await stub.acceptConsent({
        sub: the.sub,
        requested_scope: the.album,
        tokens,
        began_at,
        begins_session: true,
      }),
    ).toMatchObject({
      ok: false,
    })
  })

  it('is not undone by a wider grant', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser, { bundle: 'album' })
    expect((await ask(browser, { bundle: 'upload' })).status).toBe(200)
    await end(browser, '/grants/upload')
    await aMinute((await subjectOf()).stub)
    expect((await ask(browser, { bundle: 'upload' })).status).toBe(403)
    expect((await ask(browser, { bundle: 'album' })).status).toBe(200)
  })
})

describe('DELETE /grants', () => {
  it('revokes at Google in the body, forgets everything, ends every session, and may be done twice (TMB-60, TMB-62)', async () => {
    const google = scriptGoogle()
    const [browser, other] = [browse(), browse()]
    await logIn(browser)
    await logIn(other, { bundle: 'upload', refresh_token: 'canary-other' })
    const copy = copyOf(browser)
    expect(await end(browser, '/grants')).toBe(204)
    expect(google.revocations.map(({ body }) => body.get('token')).sort()).toEqual([
      'canary-other',
      'canary-refresh-token',
    ])
    for (const { url } of google.revocations) expect(url.search).toBe('')
    expect(await end(browser, '/grants')).toBe(204)
    expect(await end(copy, '/grants')).toBe(204)
    expect(google.revocations).toHaveLength(2)
    await aMinute((await subjectOf()).stub)
    for (const session of [copy, other]) expect((await ask(session)).status).toBe(401)
    expect([...(await dumpKv()).keys()]).toEqual([])
  })

  it('with Google down holds here at once, and Google is told until it hears (TMB-62)', async () => {
    const google = scriptGoogle()
    google.revoke = () => new Response('', { status: 503 })
    const browser = browse()
    await logIn(browser)
    const copy = copyOf(browser)
    expect(await end(browser, '/grants')).toBe(204)
    await aMinute((await subjectOf()).stub)
    expect((await ask(copy)).status).toBe(401)
    const { stub } = await subjectOf()
    for (let tries = 3; tries <= 6; tries++) {
      later(3600)
      await alarm(stub)
      expect(google.revocations).toHaveLength(tries)
    }
    google.revoke = () => oauthError(400, 'invalid_token')
    later(3600)
    await alarm(stub)
    later(3600)
    await alarm(stub)
    expect(google.revocations).toHaveLength(7)
  })

  it('leaves a tombstone, and after a day not even that (TMB-65)', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser)
    await end(browser, '/grants')
    const { stub } = await subjectOf()
    const size = async (): Promise<number> =>
      runInDurableObject(
        stub,
        (_, { storage }) => storage.sql.exec('SELECT name FROM sqlite_master').toArray().length,
      )
    later(60 * 60)
    await alarm(stub)
    expect(await size()).toBeGreaterThan(0)
    later(25 * 60 * 60)
    await alarm(stub)
    expect(await size()).toBe(0)
  })
})

describe('what began before', () => {
  it.each([
    { how: 'a disconnect', path: '/grants', status: 401 },
    { how: 'a logout', path: '/session', status: 401 },
    { how: 'forgetting the bundle', path: '/grants/pick', status: 403 },
  ])(
    'a refresh held over $how gives nothing and writes nothing (TMB-61)',
    async ({ path, status }) => {
      const google = scriptGoogle()
      const browser = browse()
      await logIn(browser, { expires_in: 1 })
      later(2)
      const gate = google.hold()
      const asking = ask(copyOf(browser))
      await gate.arrived()
      expect(await end(browser, path)).toBe(204)
      gate.release()
      const late = await asking
      expect(late.status).toBe(status)
      expect(late.body).not.toHaveProperty('access_token')
      if (path === '/session') return
      const { stub } = await subjectOf()
      later(10)
      await alarm(stub)
      expect([...(await dumpKv()).keys()].filter((key) => key.startsWith('token/'))).toEqual([])
      await runInDurableObject(stub, (_, { storage }) => {
        for (const table of ['grants', 'tokens'])
          expect(storage.sql.exec(`SELECT * FROM ${table}`).toArray()).toEqual([])
      })
    },
  )

  it('a refresh token that Google rotated over a disconnect is revoked as well', async () => {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated' })
    const browser = browse()
    await logIn(browser, { expires_in: 1 })
    later(2)
    const gate = google.hold()
    const asking = ask(copyOf(browser))
    await gate.arrived()
    await end(browser, '/grants')
    gate.release()
    await asking
    const { stub } = await subjectOf()
    await alarm(stub)
    expect(google.revocations.map(({ body }) => body.get('token'))).toContain('canary-rotated')
  })

  it.each([
    { how: 'a disconnect', path: '/grants', revoked: true },
    { how: 'forgetting the bundle', path: '/grants/pick', revoked: false },
  ])('a callback from before $how is not kept (TMB-61)', async ({ path, revoked }) => {
    const google = scriptGoogle()
    const browser = browse()
    await logIn(browser)
    const began_at = Date.now() / 1000
    later(5)
    await end(browser, path)
    later(5)
    const { stub } = await subjectOf()
    const tokens = lateTokens(the.pick)
    expect(
      await stub.acceptConsent({
        sub: the.sub,
        requested_scope: the.pick,
        tokens,
        began_at,
        begins_session: true,
      }),
    ).toMatchObject({
      ok: false,
      failure: { code: 'access_denied' },
    })
    expect(
      google.revocations.map(({ body }) => body.get('token')).includes('canary-late-refresh'),
    ).toBe(revoked)
    expect(
      await stub.acceptConsent({
        sub: the.sub,
        requested_scope: the.pick,
        tokens,
        began_at: Date.now() / 1000,
        begins_session: true,
      }),
    ).toMatchObject({ ok: true })
  })
})

describe('a revocation that Google has yet to hear', () => {
  it('is given up when the user consents anew: it would end that consent with the old one', async () => {
    const google = scriptGoogle()
    google.revoke = () => new Response('', { status: 503 })
    const browser = browse()
    await logIn(browser)
    await end(browser, '/grants')
    later(5)
    await logIn(browser, { refresh_token: 'canary-new' })
    const told = google.revocations.length
    google.revoke = () => new Response(null, { status: 200 })
    later(3600)
    await alarm((await subjectOf()).stub)
    expect(google.revocations).toHaveLength(told)
    expect((await ask(browser)).status).toBe(200)
  })

  it('is not noted for a late callback once the user has consented anew', async () => {
    const google = scriptGoogle()
    const browser = browse()
    await logIn(browser)
    const began_at = Date.now() / 1000
    later(5)
    await end(browser, '/grants')
    later(5)
    await logIn(browser, { refresh_token: 'canary-new' })
    const { stub } = await subjectOf()
    const tokens = lateTokens(the.pick)
    expect(
      await stub.acceptConsent({
        sub: the.sub,
        requested_scope: the.pick,
        tokens,
        began_at,
        begins_session: true,
      }),
    ).toMatchObject({
      ok: false,
    })
    expect(google.revocations.map(({ body }) => body.get('token'))).not.toContain(
      'canary-late-refresh',
    )
  })

  it('outlives a configuration that was faulty for a while', async () => {
    const google = scriptGoogle()
    google.revoke = () => new Response('', { status: 503 })
    const browser = browse()
    await logIn(browser)
    await end(browser, '/grants')
    const { stub } = await subjectOf()
    configure({ CONSISTENCY: 'faulty' })
    await evictDurableObject(stub)
    later(60)
    await alarm(stub)
    configure()
    await evictDurableObject(stub)
    google.revoke = () => new Response(null, { status: 200 })
    const told = google.revocations.length
    later(3600)
    await alarm(stub)
    expect(google.revocations).toHaveLength(told + 1)
  })
})

describe('an object', () => {
  const stored = async (): Promise<{ tables: number; due: number | null; sessions: number }> => {
    const { stub } = await subjectOf()
    return runInDurableObject(stub, async (_, { storage }) => {
      const tables = storage.sql
        .exec("SELECT name FROM sqlite_master WHERE name = 'sessions'")
        .toArray().length
      const sessions =
        tables === 0 ? 0 : storage.sql.exec('SELECT id FROM sessions').toArray().length
      return { tables, due: await storage.getAlarm(), sessions }
    })
  }

  it('whose sessions are over sleeps: its alarm is never in the past', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser)
    later(8 * 86_400)
    await alarm((await subjectOf()).stub)
    const { due, sessions } = await stored()
    expect(sessions).toBe(0)
    expect(due ?? Number.POSITIVE_INFINITY).toBeGreaterThan(Date.now())
  })

  it('that was emptied is not filled again by a stale cookie (TMB-59, TMB-65)', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser)
    const copy = copyOf(browser)
    await end(browser, '/grants')
    await aMinute((await subjectOf()).stub)
    later(26 * 3600)
    await alarm((await subjectOf()).stub)
    expect((await stored()).tables).toBe(0)
    expect((await ask(copy)).status).toBe(401)
    expect((await askSession(copy)).status).toBe(401)
    expect(await end(copy, '/grants/pick')).toBe(401)
    expect(await end(copy, '/session')).toBe(204)
    expect(await end(copy, '/grants')).toBe(204)
    expect((await stored()).tables).toBe(0)
  })

  it('keeps twenty sessions, and the one that gave way gets nothing more', async () => {
    scriptGoogle()
    const first = browse()
    await logIn(first, { bundle: 'upload' })
    for (let login = 0; login < 20; login++) {
      later(2)
      await logIn(browse())
    }
    await aMinute((await subjectOf()).stub)
    expect((await ask(first, { bundle: 'upload' })).status).toBe(401)
  })
})

describe('a session', () => {
  it('ends when it idles, and not while it is used (TMB-33)', async () => {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call)
    const browser = browse()
    await logIn(browser)
    for (let day = 0; day < 20; day += 6) {
      later(6 * 86_400)
      expect((await ask(browser)).status).toBe(200)
    }
    later(8 * 86_400)
    expect((await ask(browser)).status).toBe(401)
  })

  it('ends at its time whatever happens (TMB-33)', async () => {
    scriptGoogle()
    const browser = browse()
    await logIn(browser)
    const copy = copyOf(browser)
    for (let day = 0; day < 30; day += 5) {
      expect((await ask(browser)).status).toBe(200)
      later(5 * 86_400)
    }
    expect((await ask(browser)).status).toBe(401)
    expect((await askSession(copy)).status).toBe(401)
    const { stub } = await subjectOf()
    const ids = await runInDurableObject(stub, (_, { storage }) =>
      storage.sql.exec<{ id: string }>('SELECT id FROM sessions').toArray(),
    )
    for (const { id } of ids)
      expect(await stub.describeScopes({ kind: 'session', id }, [])).toMatchObject({ ok: false })
  })

  it('that is used at the edge alone counts as used', async () => {
    scriptGoogle()
    const [busy, quiet] = [browse(), browse()]
    await logIn(quiet)
    await logIn(busy)
    for (let hour = 0; hour < 24 * 9; hour++) {
      later(3600)
      if (hour % 2 === 0) await ask(busy)
    }
    expect((await ask(busy)).status).toBe(200)
    expect((await ask(quiet)).status).toBe(401)
  })
})
