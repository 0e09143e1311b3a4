/** The Durable Object of a subject: its answers to each kind of caller, and an empty object stays empty. */

import { runInDurableObject } from 'cloudflare:test'
import { beforeEach, expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import type { Credential } from '../../src/subject/credential.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { beginSession, consentTo, subjectOf, the, theConfig } from '../support/broker.ts'
import { refreshed, type ScriptedGoogle, scriptGoogle } from '../support/scripted-google.ts'
import { alarm, dumpObject, later, readLog, stage } from '../support/story.ts'

stage()

let google: ScriptedGoogle
let stub: DurableObjectStub<Subject>
beforeEach(async () => {
  google = scriptGoogle()
  stub = (await subjectOf()).stub
})

const user: Credential = { kind: 'app_user' }
type Session = Extract<Credential, { kind: 'session' }>

const stranger: Credential = { kind: 'session', id: 'stranger' }

/** Consents. @returns the session that began */
async function connect(
  scope: string = the.pick,
): Promise<{ credential: Session; family_id: string }> {
  const { id, family_id } = await beginSession(stub, consentTo(scope))
  return { credential: { kind: 'session', id }, family_id }
}

const isLive = async (credential: Credential): Promise<boolean> =>
  (await stub.touchSession(credential)).ok

/** The status of each scope set, for a user of an app. */
async function statuses(...scopes: string[]): Promise<unknown[]> {
  const described = await stub.describeScopes(user, scopes)
  return described.ok ? described.value : []
}

const NEVER = { status: 'consent_required', reason: 'never_granted', missing_scope: the.pick }
const LOGIN_REQUIRED = { ok: false, failure: { code: 'login_required', reason: 'session_ended' } }
const DONE = { ok: true, value: undefined }

it.each<{ what: string; call: () => Promise<unknown>; expected: unknown }>([
  {
    what: 'beginConsent',
    call: async () => stub.beginConsent(user, the.pick),
    expected: { ok: true, value: { granted: false } },
  },
  {
    what: 'issueToken',
    call: async () =>
      stub.issueToken({ credential: user, scope: the.pick, min_ttl: 0, missed_in_kv: true }),
    expected: {
      ok: false,
      failure: {
        ...{ code: 'consent_required', reason: 'grant_missing' },
        members: { reason: 'never_granted', missing_scope: the.pick },
      },
    },
  },
  {
    what: 'describeScopes',
    call: async () => stub.describeScopes(user, [the.pick]),
    expected: { ok: true, value: [NEVER] },
  },
  { what: 'touchSession', call: async () => stub.touchSession(user), expected: DONE },
  {
    what: 'touchSession of a session',
    call: async () => stub.touchSession(stranger),
    expected: LOGIN_REQUIRED,
  },
  {
    what: 'redeemCode',
    call: async () => stub.redeemCode('one'),
    expected: { ok: false, failure: { code: 'invalid_grant', reason: 'code_unknown' } },
  },
  { what: 'dropPendingGrant', call: async () => stub.dropPendingGrant('one'), expected: DONE },
  { what: 'endSession', call: async () => stub.endSession('one', true), expected: DONE },
  { what: 'forgetGrant', call: async () => stub.forgetGrant(user, the.pick), expected: DONE },
  { what: 'disconnect', call: async () => stub.disconnect(user), expected: DONE },
  {
    what: 'disconnect of a session',
    call: async () => stub.disconnect(stranger),
    expected: DONE,
  },
  {
    what: 'disconnectForOperator',
    call: async () => stub.disconnectForOperator(),
    expected: false,
  },
  {
    what: 'applySecurityEvent',
    call: async () => stub.applySecurityEvent({ type: 'tokens_revoked', name: 'n', at: now() }),
    expected: DONE,
  },
  { what: 'hasProviderName', call: async () => stub.hasProviderName('n'), expected: false },
  { what: 'stats', call: async () => stub.stats(true), expected: undefined },
])('an empty object stays empty after $what (TMB-59)', async (row) => {
  const answer = await row.call()
  if (row.expected === undefined || typeof row.expected === 'boolean')
    expect(answer).toBe(row.expected)
  else expect(answer).toMatchObject(row.expected as object)
  expect(await dumpObject(stub)).toBe('[[],[]]')
})

it('an unknown session reads and changes nothing', async () => {
  const { credential } = await connect()
  for (const answer of [
    await stub.beginConsent(stranger, the.pick),
    await stub.issueToken({
      credential: stranger,
      scope: the.pick,
      min_ttl: 0,
      missed_in_kv: true,
    }),
    await stub.describeScopes(stranger, [the.pick]),
    await stub.touchSession(stranger),
    await stub.forgetGrant(stranger, the.pick),
    await stub.disconnect(stranger),
  ])
    expect(answer).toMatchObject(LOGIN_REQUIRED)
  await stub.endSession('stranger', true)
  expect(await isLive(credential)).toBe(true)
  expect(await statuses(the.pick)).toMatchObject([{ status: 'ready' }])
})

it('a consent begins with what is known: existing grants, their account, and the session family', async () => {
  const { credential, family_id } = await connect()
  const value = { granted: true, account: the.sub }
  expect(await stub.beginConsent(credential, the.pick)).toEqual({
    ok: true,
    value: { ...value, family_id },
  })
  expect(await stub.beginConsent(user, the.pick)).toEqual({ ok: true, value })
  expect(await stub.beginConsent(user, the.upload)).toEqual({
    ...{ ok: true, value: { ...value, granted: false } },
  })
  await stub.forgetGrant(credential, the.pick)
  const forgotten = { ok: true, value: { granted: false } }
  expect(await stub.beginConsent(user, the.pick)).toEqual(forgotten)
})

it('each scope set has a status: ready, also through a larger grant, or the reason why not', async () => {
  later(0.9)
  await connect(the.album)
  const granted_at = Math.floor(now())
  expect(await statuses(the.upload, the.pick, the.album)).toEqual([
    { status: 'ready', granted_at },
    NEVER,
    { status: 'ready', granted_at },
  ])
  later(3600)
  google.token = (call) => refreshed(call, { scope: the.upload })
  await stub.issueToken({ credential: user, scope: the.album, min_ttl: 0, missed_in_kv: false })
  expect(await statuses(the.album)).toMatchObject([
    { status: 'consent_required', reason: 'partially_granted' },
  ])
  const larger = `${the.album} ${the.pick}`
  google.token = (call) => refreshed(call, { scope: larger })
  later(3600)
  await stub.issueToken({ credential: user, scope: the.album, min_ttl: 0, missed_in_kv: false })
  expect(await statuses(the.album)).toEqual([{ status: 'unavailable' }])
})

it('a second disconnect succeeds, unless a consent came between', async () => {
  const { credential } = await connect()
  expect(await stub.disconnect(stranger)).toMatchObject(LOGIN_REQUIRED)
  later(2)
  expect(await stub.disconnect(credential)).toEqual(DONE)
  expect(google.revocations).toHaveLength(1)
  expect(await stub.disconnect(credential)).toEqual(DONE)
  expect(await stub.disconnectForOperator()).toBe(true)
  later(2)
  await connect()
  expect(await stub.disconnect(credential)).toMatchObject(LOGIN_REQUIRED)
})

it('a DPoP proof that was used before is refused, also by a second disconnect (RFC 9449 §11.1)', async () => {
  const { credential } = await connect()
  const proof = { jkt: 'key', jti: 'one', expires_at: now() + 60 }
  expect(await stub.touchSession({ ...credential, proof })).toEqual(DONE)
  later(2)
  await stub.disconnectForOperator()
  expect(await stub.disconnect({ ...credential, proof })).toMatchObject({
    failure: { code: 'invalid_dpop_proof' },
  })
})

it('codes are redeemed one after the other, also after one has failed (TMB-28)', async () => {
  const accounts = { one: the.sub, two: 'ben', three: the.sub }
  for (const [id, sub] of Object.entries(accounts))
    await stub.storePendingGrant({
      id,
      consent: consentTo(the.pick, { sub }),
      expires_at: now() + 60,
    })
  vi.spyOn(crypto.subtle, 'encrypt').mockRejectedValueOnce(new Error('out of order'))
  const redeeming = [stub.redeemCode('three'), stub.redeemCode('one'), stub.redeemCode('two')]
  const [failed, first, second] = await Promise.allSettled(redeeming)
  expect(failed?.status).toBe('rejected')
  expect(first).toMatchObject({ value: { value: { access_token: 'canary-access-token' } } })
  expect(second).toMatchObject({
    value: { failure: { code: 'access_denied', reason: 'account_mismatch' } },
  })
})

it('the alarm deletes an expired session', async () => {
  const { credential } = await connect()
  later(theConfig().session_idle_seconds)
  expect(await dumpObject(stub)).toContain(credential.id)
  await alarm(stub)
  expect(await dumpObject(stub)).not.toContain(credential.id)
})

it('a failed alarm is logged and repeated after a minute', async () => {
  await connect()
  const lines = readLog('error')
  const storageOf = async <T>(work: (storage: DurableObjectStorage) => T): Promise<T> =>
    runInDurableObject(stub, (_, { storage }) => work(storage))
  await storageOf((storage) =>
    vi.spyOn(storage.sql, 'exec').mockImplementationOnce(() => {
      throw new RangeError('canary')
    }),
  )
  await alarm(stub)
  expect(lines).toMatchObject([{ event: 'alarm_failed', reason: 'unexpected (RangeError)' }])
  expect(await storageOf(async (storage) => storage.getAlarm())).toBe(Date.now() + 60_000)
})
