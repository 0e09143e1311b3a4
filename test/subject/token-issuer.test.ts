/** This file is the tests of the hand-out: what is answered at once, what after a refresh, and what is mended behind the answer. */

import { runInDurableObject } from 'cloudflare:test'
import { beforeEach, expect, it, vi } from 'vitest'
import { sha256 } from '../../src/crypto/digest.ts'
import type { Asker } from '../../src/subject/credential.ts'
import type { Subject } from '../../src/subject/subject.ts'
import type { Ask } from '../../src/subject/token-issuer.ts'
import { beginSession, browse, consentTo, logIn, subjectOf, the } from '../support/broker.ts'
import { holdCrypto, until } from '../support/holder.ts'
import { createHostileKv } from '../support/hostile-kv.ts'
import {
  oauthError,
  refreshed,
  type ScriptedGoogle,
  scriptGoogle,
} from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const kv = createHostileKv()
let google: ScriptedGoogle
let stub: DurableObjectStub<Subject>
beforeEach(async () => {
  google = scriptGoogle()
  stub = (await subjectOf()).stub
  kv.reset()
  configure({ TOKENS: kv.namespace })
})

const user: Asker = { kind: 'app_user' }

/** Begins a session, and nothing else: a consent to nothing. */
async function session(): Promise<Asker> {
  const { id } = await beginSession(stub, consentTo(the.pick, { tokens: { scope: '' } }))
  return { kind: 'session', id }
}

/** The access token, or code and reason. */
async function ask(more: Partial<Ask> = {}): Promise<string> {
  const asked = { asker: user, scope: the.pick, min_ttl: 0, missed_in_kv: false, ...more }
  const answer = await stub.accessToken(asked)
  return answer.ok ? answer.value.access_token : `${answer.failure.code} ${answer.failure.reason}`
}

/** Waits until KV was written so often since, and once all is done no more. */
async function expectWrites(count: number, before: number): Promise<void> {
  await until(() => kv.counts.writes >= before + count)
  await stub.census(true)
  expect(kv.counts.writes).toBe(before + count)
}

it('a record that KV missed is written anew, for each who missed it and once a minute', async () => {
  await logIn(browse(), { bundle: 'upload' })
  await logIn(browse())
  const [one, two] = [await session(), await session()]
  later(10)
  await stub.census(true)
  const missed = async (count: number, asker: Asker, more: Partial<Ask> = {}): Promise<void> => {
    const before = kv.counts.writes
    await ask({ asker, missed_in_kv: true, ...more })
    await expectWrites(count, before)
  }
  await missed(0, user, { missed_in_kv: false })
  for (const asker of [user, one, two]) {
    later(2)
    await missed(1, asker)
    later(2)
    await missed(0, asker)
  }
  later(57.999)
  await missed(0, two)
  later(0.001)
  await missed(1, two)
})

it.each([{ expires_in: 3 * 3600 }, { expires_in: 3599 }])(
  'a session that is seen again is told to KV, where its token of $expires_in s is refreshed for it or not',
  async ({ expires_in }) => {
    await logIn(browse(), { bundle: 'upload', expires_in: 3 * 3600 })
    await logIn(browse(), { expires_in })
    const asker = await session()
    google.token = () => new Response(null, { status: 503 })
    later(3599)
    let before = kv.counts.writes
    await ask({ asker })
    await expectWrites(0, before)
    later(61)
    before = kv.counts.writes
    await ask({ asker })
    await expectWrites(2, before)
  },
)

it('six refreshes a minute may be forced, and joining one is not forcing (TMB-49)', async () => {
  await logIn(browse(), { bundle: 'album' })
  const album = { scope: the.album }
  const force = async (): Promise<string> => {
    const rejected = await sha256(await ask(album))
    return ask({ ...album, rejected })
  }
  later(30)
  await force()
  later(1)
  for (let count = 1; count < 6; count++) expect(await force()).toMatch(/^canary-refreshed/)
  const rejected = await sha256(await ask(album))
  const answer = await stub.accessToken({
    ...{ asker: user, scope: the.album, min_ttl: 0, missed_in_kv: false, rejected },
  })
  expect(answer).toMatchObject({
    failure: { code: 'slow_down', reason: 'forced_too_often', retry_after: 60 },
  })
  later(58.999)
  expect(await force()).toBe('slow_down forced_too_often')
  later(0.001)
  const gate = google.hold()
  const joined = [
    ask({ ...album, rejected }),
    ask({ ...album, rejected }),
    ask({ ...album, rejected }),
  ]
  await gate.arrived()
  joined.push(ask({ ...album, rejected }))
  gate.release()
  for (const answer of await Promise.all(joined)) expect(answer).toMatch(/^canary-refreshed/)
  expect(await force()).toBe('slow_down forced_too_often')
})

it('a refresh of what has expired anyway is not forced, whatever is said of it', async () => {
  await logIn(browse(), { expires_in: 10 })
  const rejected = await sha256(await ask())
  later(10)
  google.token = () => new Response(null, { status: 503, headers: { 'Retry-After': '100' } })
  for (let count = 0; count < 10; count++)
    expect(await ask({ rejected })).toMatch(/^temporarily_unavailable/)
})

it.each([
  { left: 1, expected: 'canary-access-token' },
  { left: 0.999, expected: 'temporarily_unavailable google_unavailable' },
])(
  'where Google fails a token with $left s left is answered by: $expected (TMB-45)',
  async ({ left, expected }) => {
    await logIn(browse(), { expires_in: 1000 })
    google.token = () => new Response(null, { status: 503 })
    later(1000 - left)
    expect(await ask({ min_ttl: 300 })).toBe(expected)
    const rejected = await sha256('canary-access-token')
    expect(await ask({ min_ttl: 300, rejected })).toMatch(/^temporarily_unavailable/)
  },
)

it('how long Google took is told, when it was asked', async () => {
  await logIn(browse(), { expires_in: 600 })
  const asked = { asker: user, scope: the.pick, min_ttl: 0, missed_in_kv: false }
  expect((await stub.accessToken(asked)) as object).not.toHaveProperty('value.google_ms')
  later(600)
  google.token = (call) => {
    later(1.5)
    return refreshed(call, { expires_in: 3599 })
  }
  expect(await stub.accessToken(asked)).toMatchObject({ value: { google_ms: 1500 } })
})

it('what is taken away while it is opened is not handed out (TMB-61)', async () => {
  await logIn(browse())
  const asker = await session()
  later(2)
  const before = kv.counts.writes
  const [gate, asking] = [holdCrypto('decrypt'), [ask(), ask({ asker })]]
  await gate.arrived()
  const disconnecting = stub.disconnectForOperator()
  await until(() => kv.counts.writes > before)
  gate.release()
  await disconnecting
  expect(await Promise.all(asking)).toEqual([
    'temporarily_unavailable grant_keeps_changing',
    'login_required session_ended',
  ])
})

it('whose session ends while Google is asked gets nothing, not even what went wrong', async () => {
  await logIn(browse(), { expires_in: 1 })
  const asker = await session()
  later(2)
  google.token = () => new Response(null, { status: 503 })
  const gate = google.hold()
  const asking = [ask({ asker }), ask()]
  await gate.arrived()
  await stub.endSession(asker.kind === 'session' ? asker.id : '', false)
  gate.release()
  expect(await Promise.all(asking)).toEqual([
    'login_required session_ended',
    'temporarily_unavailable google_unavailable',
  ])
})

it('a new token that ran out before it was sealed is no answer (TMB-45)', async () => {
  await logIn(browse(), { expires_in: 1 })
  later(2)
  google.token = (call) => refreshed(call, { expires_in: 2 })
  const [gate, asking] = [holdCrypto('encrypt'), ask()]
  await gate.arrived()
  later(1.001)
  gate.release()
  expect(await asking).toBe('temporarily_unavailable token_expired')
})

it('a token that wanes is answered with, and another comes behind it', async () => {
  await logIn(browse(), { expires_in: 1000 })
  later(400)
  expect(await ask()).toBe('canary-access-token')
  expect(google.refreshes).toHaveLength(0)
  later(0.001)
  google.token = (call) => refreshed(call, { access_token: 'canary-next' })
  expect(await ask()).toBe('canary-access-token')
  await vi.waitFor(async () => expect(await ask()).toBe('canary-next'))
  expect(google.refreshes).toHaveLength(1)
})

it('what goes wrong behind the answer is told to the log alone', async () => {
  await logIn(browse(), { expires_in: 500 })
  google.token = () => oauthError(400, 'invalid_grant')
  await runInDurableObject(stub, (_, { storage }) => {
    vi.spyOn(storage, 'transactionSync').mockImplementation(() => {
      throw new RangeError('canary')
    })
  })
  const error = vi.spyOn(console, 'error').mockImplementation(() => {})
  expect(await ask()).toBe('canary-access-token')
  await until(() => error.mock.calls.length > 0)
  expect(JSON.parse(`${error.mock.lastCall}`)).toMatchObject({
    ...{ event: 'refresh_failed', reason: 'unexpected (RangeError)' },
  })
})
