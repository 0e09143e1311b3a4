/** This file is the tests of the refresh: of what comes back, or does not, and of what happened to its grant meanwhile. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import type { SubjectIndex } from '../../src/events/subject-index.ts'
import { parseScope } from '../../src/scope/scopes.ts'
import { scopeSetKey } from '../../src/subject/grants.ts'
import { accountName, namesOfToken } from '../../src/subject/provider-names.ts'
import type { ScopeStatus, Subject } from '../../src/subject/subject.ts'
import { browse, consentTo, logIn, subjectOf, the, theConfig } from '../support/broker.ts'
import { until } from '../support/grant-user.ts'
import { createHostileKv } from '../support/hostile-kv.ts'
import {
  type Call,
  oauthError,
  refreshed,
  type ScriptedGoogle,
  scriptGoogle,
} from '../support/scripted-google.ts'
import { later, readLog, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const kv = createHostileKv()
let google: ScriptedGoogle
let stub: DurableObjectStub<Subject>
let key: string
let lines: ReturnType<typeof readLog>
beforeEach(async () => {
  google = scriptGoogle()
  kv.reset()
  configure({ TOKENS: kv.namespace })
  const subject = await subjectOf()
  stub = subject.stub
  key = subject.key
  lines = readLog('info', 'error')
})

const credential = { kind: 'app_user' } as const

/** The failure, or what was handed out. */
async function outcomeOf(scope: string) {
  const answer = await stub.issueToken({ credential, scope, min_ttl: 0, missed_in_kv: false })
  return answer.ok ? answer.value : answer.failure
}

/** The access token, or code and why. */
async function ask(scope: string): Promise<string> {
  const answer = await outcomeOf(scope)
  if ('access_token' in answer) return answer.access_token
  const { code, members } = answer
  return [code, members?.reason, members?.likely_cause].filter(Boolean).join(' ')
}

async function statusOf(scope: string): Promise<ScopeStatus | undefined> {
  const described = await stub.describeScopes(credential, [scope])
  return described.ok ? described.value[0] : undefined
}

/** Keeps a grant whose access token is over. */
async function keep(scope: string, refresh_token = 'canary-r', more: object = {}): Promise<void> {
  const over = { expires_in: 1, expires_at: now() - 1 }
  const tokens = { access_token: 'canary-old', refresh_token, ...over, ...more }
  await stub.acceptConsent(consentTo(scope, { begins_session: false, tokens }))
}

/** The refresh tokens that Google was shown, or was told are over. */
const shown = (): unknown[] => google.refreshes.map(({ body }) => body.get('refresh_token'))
const revoked = (): unknown[] => google.revocations.map(({ body }) => body.get('token'))

/** The note that leads from a refresh token to its subject. */
async function noteOf(refresh_token: string): Promise<DurableObjectStub<SubjectIndex>> {
  const [name = ''] = await namesOfToken(theConfig(), { refresh_token })
  return env.SUBJECT_INDEX.getByName(name) as unknown as DurableObjectStub<SubjectIndex>
}

/** KV's record of a scope set, sealed. */
const recordOf = async (kind: 'grant' | 'token', scope: string): Promise<string | undefined> =>
  kv.dump().get(`${kind}/${key}/${await scopeSetKey(parseScope(scope))}`)

it('a grant that ended stays ended where a wider one will not be narrowed to it (design.md §3.5)', async () => {
  await logIn(browse(), { bundle: 'album' })
  await logIn(browse(), { bundle: 'upload', refresh_token: 'canary-own', expires_in: 1 })
  later(2)
  google.token = (call) =>
    call.body.get('refresh_token') === 'canary-own'
      ? oauthError(400, 'invalid_grant')
      : refreshed(call, { scope: the.album })
  for (let caller = 0; caller < 2; caller++)
    expect(await ask(the.upload)).toBe('consent_required ended revoked_by_user')
  expect(google.refreshes).toHaveLength(2)
})

it('what one wider grant could not be narrowed to is asked of the next, after a disconnect', async () => {
  await logIn(browse(), { bundle: 'album' })
  google.token = (call) => refreshed(call, { scope: the.album })
  for (let caller = 0; caller < 2; caller++)
    expect(await ask(the.upload)).toBe('consent_required never_granted')
  expect(google.refreshes).toHaveLength(1)
  await stub.disconnectForOperator()
  later(1)
  await logIn(browse(), { bundle: 'album' })
  google.token = (call) => refreshed(call, { access_token: 'canary-narrowed' })
  expect(await ask(the.upload)).toBe('canary-narrowed')
})

it('an outage is told as one to every caller, whatever scope Google gave before (TMB-22)', async () => {
  await logIn(browse(), { bundle: 'album', expires_in: 1 })
  later(2)
  google.token = (call) => refreshed(call, { scope: the.upload })
  expect(await ask(the.album)).toBe('consent_required partially_granted')
  google.token = () => new Response(null, { status: 503 })
  later(61)
  for (let caller = 0; caller < 3; caller++)
    expect(await ask(the.album)).toBe('temporarily_unavailable')
})

it('a token that Google gave before it disabled the account is not kept; its rotated refresh token is (TMB-21, TMB-67)', async () => {
  await logIn(browse(), { expires_in: 1 })
  later(2)
  let count = 0
  google.token = (call) => {
    count++
    return refreshed(call, { access_token: `canary-${count}`, refresh_token: `canary-r${count}` })
  }
  const gate = google.hold()
  const asking = ask(the.pick)
  await gate.arrived()
  const name = await accountName(theConfig(), the.sub)
  await stub.applySecurityEvent({ type: 'account_disabled', name, at: now() })
  gate.release()
  expect(await asking).toBe('canary-2')
  expect(google.refreshes.map(({ body }) => body.get('refresh_token'))).toEqual([
    'canary-refresh-token',
    'canary-r1',
  ])
})

const NARROW = parseScope(the.album).filter((scope) => scope !== the.upload)[0] ?? ''

describe('one grant', () => {
  it('is asked for one thing at a time, however many come while another waits (TMB-20)', async () => {
    await keep(`${the.album} ${the.pick}`)
    let [inFlight, most] = [0, 0]
    let goOn: (() => void)[] = []
    google.token = async (call) => {
      most = Math.max(most, ++inFlight)
      let isHeld = true
      goOn.push(() => (isHeld = false))
      await until(() => !isHeld)
      inFlight--
      return refreshed(call)
    }
    const next = async (): Promise<void> => {
      await vi.waitFor(() => expect(goOn.length).toBeGreaterThan(0))
      for (const go of goOn) go()
      goOn = []
    }
    const first = [ask(the.upload), ask(NARROW)]
    await next()
    await vi.waitFor(() => expect(google.refreshes).toHaveLength(2))
    const third = ask(the.pick)
    expect((await statusOf(the.pick))?.status).toBe('ready') // it has been asked by now
    await next()
    await next()
    for (const answer of await Promise.all([...first, third]))
      expect(answer).toMatch(/^canary-refreshed/)
    expect(most).toBe(1)
  })

  it('that goes while others wait for it is gone for them too', async () => {
    await keep(the.album)
    google.token = () => oauthError(400, 'invalid_grant')
    const gate = google.hold()
    const asking = [ask(the.upload), ask(NARROW)]
    await gate.arrived()
    gate.release()
    for (const answer of await Promise.all(asking))
      expect(answer).toBe('consent_required never_granted')
    expect(google.refreshes).toHaveLength(1)
    expect(await statusOf(the.album)).toMatchObject({ reason: 'ended' })
  })

  it('that does not open when its turn comes is looked for again, and told as ended', async () => {
    await keep(the.album)
    const gate = google.hold()
    const first = ask(the.upload)
    await gate.arrived()
    const opening = vi.spyOn(crypto.subtle, 'decrypt')
    const second = ask(the.album)
    await until(() => opening.mock.calls.length > 0)
    await Promise.all(opening.mock.results.map(({ value }) => value))
    opening.mockRejectedValue(new Error('not now'))
    gate.release()
    expect(await first).toMatch(/^canary-refreshed/)
    expect(await second).toBe('consent_required ended unknown')
    expect(google.refreshes).toHaveLength(1)
  })

  it('that is replaced again and again is given up after five refreshes', async () => {
    await keep(the.pick)
    let released = 0
    google.token = async (call) => {
      const turn = google.refreshes.length
      await until(() => released >= turn)
      return turn % 2 === 0 ? refreshed(call) : oauthError(400, 'invalid_grant')
    }
    const asking = outcomeOf(the.pick)
    for (const turn of [1, 2, 3, 4, 5]) {
      await until(() => google.refreshes.length === turn)
      await keep(the.pick, `canary-${turn}`)
      released = turn
    }
    expect(await asking).toMatchObject({
      ...{ code: 'temporarily_unavailable', reason: 'grant_keeps_changing' },
    })
    expect(shown()).toEqual(['canary-r', 'canary-1', 'canary-2', 'canary-3', 'canary-4'])
  })

  it.each([
    { what: 'a token', token: (call: Call) => refreshed(call) },
    { what: 'invalid_grant', token: () => oauthError(400, 'invalid_grant') },
    { what: 'an outage', token: () => new Response(null, { status: 503 }) },
  ])(
    'replaced under a refresh that brings $what is answered with what came instead (TMB-22)',
    async (row) => {
      await keep(the.pick)
      google.token = row.token
      const gate = google.hold()
      const asking = ask(the.pick)
      await gate.arrived()
      await keep(the.pick, 'canary-new', { access_token: 'canary-a', expires_at: now() + 3599 })
      gate.release()
      expect(await asking).toBe('canary-a')
      expect(shown()).toEqual(['canary-r'])
    },
  )
})

it('what has no grant is refused for it, and nobody is asked', async () => {
  await keep(the.pick)
  expect(await outcomeOf(the.upload)).toMatchObject({ reason: 'grant_missing' })
  expect(google.refreshes).toEqual([])
})

describe('a refresh that is young', () => {
  it('and failed is everybody’s answer, with the time that is left', async () => {
    await keep(the.pick)
    google.token = () => new Response(null, { status: 503, headers: { 'Retry-After': '100' } })
    expect(await outcomeOf(the.pick)).toMatchObject({
      ...{ code: 'temporarily_unavailable', reason: 'google_unavailable', retry_after: 100 },
    })
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'refresh_failed', subject: key, level: 'error' }),
    )
    later(40)
    expect(await outcomeOf(the.pick)).toMatchObject({
      ...{ code: 'temporarily_unavailable', reason: 'backing_off', retry_after: 60 },
    })
    expect(google.refreshes).toHaveLength(1)
    later(60)
    google.token = (call) => refreshed(call, { access_token: 'canary-a' })
    expect(await ask(the.pick)).toBe('canary-a')
  })

  it('and brought another scope is told as what is missing, a minute long', async () => {
    await keep(the.album)
    google.token = (call) => refreshed(call, { scope: the.upload })
    expect(await outcomeOf(the.album)).toMatchObject({ reason: 'google_grants_another_scope' })
    expect(lines).toContainEqual(
      expect.objectContaining({ event: 'google_grants_another_scope', subject: key }),
    )
    later(59.999)
    expect(await outcomeOf(the.album)).toMatchObject({
      ...{ reason: 'backing_off', members: { reason: 'partially_granted' } },
    })
    expect(google.refreshes).toHaveLength(1)
    later(0.001)
    google.token = (call) => refreshed(call)
    expect(await outcomeOf(the.album)).toMatchObject({ scope: the.album })
    expect(await statusOf(the.album)).toMatchObject({ status: 'ready' })
  })
})

describe('a refresh token', () => {
  it('that stays is neither written nor noted again; the access token is written', async () => {
    for (const more of [{}, { refresh_token: 'canary-r' }]) {
      await keep(the.pick)
      const note = await noteOf('canary-r')
      await vi.waitFor(async () => expect(await note.subjects()).toEqual([key]))
      await runInDurableObject(note, (_, { storage }) => void storage.kv.delete('entry'))
      later(2)
      const grant = await recordOf('grant', the.pick)
      const { writes } = kv.counts
      google.token = (call) => refreshed(call, { access_token: 'canary-a', ...more })
      expect(await ask(the.pick)).toBe('canary-a')
      await vi.waitFor(() => expect(kv.counts.writes).toBe(writes + 1))
      expect(await recordOf('grant', the.pick)).toBe(grant)
      expect(await recordOf('token', the.pick)).toBeDefined()
      expect(await note.subjects()).toEqual([])
      later(3600)
    }
  })

  it('that Google rotates is kept, written and noted, and its account is not (TMB-21)', async () => {
    await logIn(browse(), { expires_in: 1 })
    later(2)
    const { writes } = kv.counts
    const before = await recordOf('grant', the.pick)
    google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated', expires_in: 10 })
    await ask(the.pick)
    await vi.waitFor(() => expect(kv.counts.writes).toBe(writes + 2))
    expect(await recordOf('grant', the.pick)).not.toBe(before)
    const note = await noteOf('canary-rotated')
    await vi.waitFor(async () => expect(await note.subjects()).toEqual([key]))
    later(10)
    await ask(the.pick)
    expect(shown()).toEqual(['canary-refresh-token', 'canary-rotated'])
    const account = env.SUBJECT_INDEX.getByName(await accountName(theConfig(), the.sub))
    expect(await account.subjects()).toEqual([])
  })

  it.each([
    { what: 'a limit of its own', before: {}, rotated: { refresh_token_expires_in: 7200 } },
    { what: 'none', before: { refresh_token_expires_at: 2_114_424_000 + 7200 }, rotated: {} },
  ])('that is rotated with $what keeps to the limit that was told', async (given) => {
    await keep(the.pick, 'canary-r', given.before)
    google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated', ...given.rotated })
    await ask(the.pick)
    google.token = () => oauthError(400, 'invalid_grant')
    later(7200)
    expect(await ask(the.pick)).toBe('consent_required ended time_limited_access')
  })

  it.each([
    {
      what: 'a disconnect',
      during: async () => void (await stub.disconnectForOperator()),
      rotates: true,
      left: ['canary-r', 'canary-rotated'],
    },
    {
      what: 'a disconnect',
      during: async () => void (await stub.disconnectForOperator()),
      rotates: false,
      left: ['canary-r'],
    },
    {
      what: 'a bundle that is forgotten',
      during: async () => void (await stub.forgetGrant(credential, the.pick)),
      rotates: true,
      left: [],
    },
    { what: 'nothing', during: async () => {}, rotates: true, left: [] },
  ])('that was rotated ($rotates) over $what leaves to be revoked: $left (TMB-61)', async (row) => {
    await keep(the.pick)
    google.token = (call) => refreshed(call, row.rotates ? { refresh_token: 'canary-rotated' } : {})
    const gate = google.hold()
    const asking = ask(the.pick)
    await gate.arrived()
    await row.during()
    gate.release()
    expect(await asking).toMatch(row.what === 'nothing' ? /^canary/ : /^consent_required/)
    await vi.waitFor(() => expect(revoked()).toEqual(row.left))
    expect(await stub.stats(false)).toMatchObject({ revocation_outbox: 0 })
    const note = await noteOf('canary-rotated')
    if (row.what !== 'nothing') expect(await note.subjects()).toEqual([])
  })
})

describe('a narrower bundle', () => {
  it('that is forgotten while a wider grant is narrowed to it stays so (design.md §6.5)', async () => {
    await keep(the.album)
    const gate = google.hold()
    const asking = ask(the.upload)
    await gate.arrived()
    await stub.forgetGrant(credential, the.upload)
    gate.release()
    expect(await asking).toBe('consent_required ended revoked_by_user')
    expect(await recordOf('token', the.upload)).toBeUndefined()
  })

  it('that is served forgets why it once was not', async () => {
    await keep(the.upload, 'canary-own')
    google.token = () => oauthError(400, 'invalid_grant')
    await ask(the.upload)
    await keep(the.album)
    google.token = () => new Response(null, { status: 503, headers: { 'Retry-After': '1' } })
    expect(await ask(the.upload)).toBe('temporarily_unavailable')
    await stub.forgetGrant(credential, the.album)
    expect(await statusOf(the.upload)).toMatchObject({ likely_cause: 'revoked_by_user' })
    later(1)
    await keep(the.album)
    google.token = (call) => refreshed(call)
    expect(await ask(the.upload)).toMatch(/^canary-refreshed/)
    await stub.forgetGrant(credential, the.album)
    expect(await statusOf(the.upload)).toMatchObject({ reason: 'never_granted' })
  })

  it('that Google refuses to narrow to is not asked for again; refused its own, a bundle keeps its grant', async () => {
    google.token = () => oauthError(400, 'invalid_scope')
    await keep(the.album)
    for (let caller = 0; caller < 2; caller++)
      expect(await ask(the.upload)).toBe('consent_required never_granted')
    expect(google.refreshes).toHaveLength(1)
    expect(await outcomeOf(the.album)).toMatchObject({
      ...{ code: 'server_error', reason: 'google_invalid_scope' },
    })
    expect(await statusOf(the.album)).toMatchObject({ status: 'ready' })
  })
})

it('another scope that comes after a disconnect is noted nowhere', async () => {
  await keep(the.album)
  google.token = (call) => refreshed(call, { scope: the.upload })
  const gate = google.hold()
  const asking = ask(the.album)
  await gate.arrived()
  await stub.disconnectForOperator()
  gate.release()
  expect(await asking).toBe('consent_required never_granted')
})

it.each([
  { more: {}, likely_cause: 'revoked_by_user' },
  { more: { error_subtype: 'invalid_rapt' }, likely_cause: 'unknown' },
])('a grant that Google ends with $more goes from KV too, by $likely_cause', async (given) => {
  await keep(the.pick)
  later(2)
  google.token = () => oauthError(400, 'invalid_grant', given.more)
  expect(await ask(the.pick)).toBe(`consent_required ended ${given.likely_cause}`)
  await vi.waitFor(() => expect(kv.dump()).toEqual(new Map()))
  expect(lines).toContainEqual(
    expect.objectContaining({
      ...{ event: 'grant_ended', subject: key, reason: 'google_invalid_grant' },
    }),
  )
})
