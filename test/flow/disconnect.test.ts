/** Tests of forgetting a bundle and disconnecting, and of what was under way then (TMB-60 to 65). */

import { evictDurableObject } from 'cloudflare:test'
import { describe, expect, it } from 'vitest'
import { ask, browse, consentTo, copyOf, end, logIn, subjectOf, the } from '../support/broker.ts'
import { oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { alarm, aMinute, dumpKv, later, readLog, stage, storedIn } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

/** What a late code exchange returns. */
const lateTokens = (scope: string): object => {
  return { access_token: 'canary-late', refresh_token: 'canary-late-refresh', scope }
}

describe('DELETE /grants/NAME', () => {
  it('deletes one grant here, and nothing at Google (TMB-63)', async () => {
    const google = scriptGoogle()
    const browser = await logIn(browse())
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

  it('is not undone by a refresh of a wider grant, which keeps its rotated refresh token', async () => {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated' })
    const browser = await logIn(browse(), { bundle: 'album' })
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
})

describe('DELETE /grants', () => {
  it('revokes the refresh tokens, deletes everything, ends every session, and can be repeated (TMB-60, TMB-62)', async () => {
    const google = scriptGoogle()
    const [browser, other] = [browse(), browse()]
    await logIn(browser)
    await logIn(other, { bundle: 'upload', refresh_token: 'canary-other' })
    const [copy, old] = [copyOf(browser), copyOf(browser)]
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
    await logIn(browser)
    expect(await end(old, '/grants')).toBe(401) // its session ended before this consent
    expect((await ask(browser)).status).toBe(200)
  })

  it.each([null, 'http://google.example/revoke', undefined])(
    'is done without a revocation where discovery has the endpoint %s',
    async (revocation_endpoint) => {
      const google = scriptGoogle({ revocation_endpoint })
      const browser = await logIn(browse())
      const errors = readLog('warn', 'error')
      expect(await end(browser, '/grants')).toBe(204)
      await aMinute((await subjectOf()).stub)
      expect(google.revocations).toEqual([])
      expect(errors.filter(({ event }) => event === 'revocation_failed')).toEqual([])
    },
  )

  it('takes effect here at once, and revokes at Google as soon as it answers (TMB-62)', async () => {
    const google = scriptGoogle()
    google.revoke = () => new Response('', { status: 503 })
    const browser = await logIn(browse())
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

  it('leaves a tombstone, which is deleted after a day (TMB-65)', async () => {
    scriptGoogle()
    const browser = await logIn(browse())
    await end(browser, '/grants')
    const { stub } = await subjectOf()
    const size = async (): Promise<number> => (await storedIn(stub)).size
    later(60 * 60)
    await alarm(stub)
    expect(await size()).toBeGreaterThan(0)
    later(25 * 60 * 60)
    await alarm(stub)
    expect(await size()).toBe(0)
  })
})

describe('a request that began before', () => {
  it('a logout: a refresh issues nothing (TMB-61)', async () => {
    const google = scriptGoogle()
    const browser = await logIn(browse(), { expires_in: 1 })
    later(2)
    const gate = google.hold()
    const asking = ask(copyOf(browser))
    await gate.arrived()
    expect(await end(browser, '/session')).toBe(204)
    gate.release()
    const late = await asking
    expect(late.status).toBe(401)
    expect(late.body).not.toHaveProperty('access_token')
  })

  it('a disconnect: a refresh token that Google rotates is revoked, too', async () => {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated' })
    const browser = await logIn(browse(), { expires_in: 1 })
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
    { how: 'deleting the grant', path: '/grants/pick', revoked: false },
  ])('$how: a consent is not stored (TMB-61)', async ({ path, revoked }) => {
    const google = scriptGoogle()
    const browser = await logIn(browse())
    const began_at = Date.now() / 1000
    later(5)
    await end(browser, path)
    later(5)
    const { stub } = await subjectOf()
    const tokens = lateTokens(the.pick)
    const late = consentTo(the.pick, { tokens, began_at })
    const failure = { code: 'access_denied' }
    expect(await stub.acceptConsent(late)).toMatchObject({ ok: false, failure })
    const revocations = google.revocations.map(({ body }) => body.get('token'))
    expect(revocations.includes('canary-late-refresh')).toBe(revoked)
    const next = consentTo(the.pick, { tokens })
    expect(await stub.acceptConsent(next)).toMatchObject({ ok: true })
  })
})

describe('a pending revocation', () => {
  it('is cancelled by a new consent, which it would revoke, too', async () => {
    const google = scriptGoogle()
    google.revoke = () => new Response('', { status: 503 })
    const browser = await logIn(browse())
    await end(browser, '/grants')
    later(5)
    await logIn(browser, { refresh_token: 'canary-new' })
    const before = google.revocations.length
    google.revoke = () => new Response(null, { status: 200 })
    later(3600)
    await alarm((await subjectOf()).stub)
    expect(google.revocations).toHaveLength(before)
    expect((await ask(browser)).status).toBe(200)
  })

  it('survives a faulty configuration', async () => {
    const google = scriptGoogle()
    google.revoke = () => new Response('', { status: 503 })
    const browser = await logIn(browse())
    await end(browser, '/grants')
    const { stub } = await subjectOf()
    configure({ CONSISTENCY: 'faulty' })
    await evictDurableObject(stub)
    later(60)
    await alarm(stub)
    configure()
    await evictDurableObject(stub)
    google.revoke = () => new Response(null, { status: 200 })
    const before = google.revocations.length
    later(3600)
    await alarm(stub)
    expect(google.revocations).toHaveLength(before + 1)
  })
})
