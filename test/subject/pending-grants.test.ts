/** Pending grants beside other work on the same subject: an ended grant, a disconnect, revocations. */

import { runInDurableObject } from 'cloudflare:test'
import { beforeEach, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import type { Consent } from '../../src/subject/grant.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { consentTo, subjectOf } from '../support/broker.ts'
import { holdCrypto } from '../support/grant-user.ts'
import { type ScriptedGoogle, scriptGoogle } from '../support/scripted-google.ts'
import { alarm, later, readLog, stage } from '../support/story.ts'

stage()

let google: ScriptedGoogle
let stub: DurableObjectStub<Subject>
beforeEach(async () => {
  google = scriptGoogle()
  stub = (await subjectOf()).stub
})

interface Given extends Partial<Omit<Consent, 'tokens'>> {
  tokens?: object
}

const store = async (id: string, more: Given = {}, expires_at = now() + 60): Promise<unknown> =>
  resultOf(
    await stub.storePendingGrant({
      id,
      consent: consentTo(more.requested_scope, more),
      expires_at,
    }),
  )
const redeem = async (id: string): Promise<unknown> => resultOf(await stub.redeemCode(id, 'a-key'))

/** The value, or the code and reason of the failure. */
function resultOf(
  outcome: Awaited<ReturnType<Subject['redeemCode' | 'storePendingGrant']>>,
): unknown {
  return outcome.ok ? outcome.value : `${outcome.failure.code} ${outcome.failure.reason}`
}

async function change(work: (kv: SyncKvStorage) => void): Promise<void> {
  await runInDurableObject(stub, (_, { storage }) => work(storage.kv))
}

it('a consent without a refresh token is refused if the older grant has ended', async () => {
  await stub.acceptConsent(consentTo())
  await store('one', { tokens: { refresh_token: undefined } })
  await change((kv) => {
    for (const [key] of kv.list({ prefix: 'grants/' })) kv.delete(key)
  })
  expect(await redeem('one')).toBe('invalid_grant grant_ended_meanwhile')
})

it('codes are redeemed one after the other (TMB-28)', async () => {
  await store('one')
  await store('two', { sub: 'ben' })
  const hold = holdCrypto('encrypt')
  const redeeming = ['one', 'two'].map(redeem)
  await hold.arrived()
  await new Promise((resolve) => setTimeout(resolve, 50)) // so that the second arrives, too
  hold.release()
  const [first, second] = await Promise.all(redeeming)
  expect(first).toMatchObject({ access_token: 'canary-access-token' })
  expect(second).toBe('account_mismatch other_account')
})

it('a pending consent keeps an object that would be deleted', async () => {
  await stub.acceptConsent(consentTo())
  await stub.disconnectForOperator()
  later(24 * 60 * 60 - 30)
  await store('one')
  later(31)
  await alarm(stub)
  expect(await redeem('one')).toHaveProperty('session')
})

it('a revocation waits until no consent is pending, since it would end that too (TMB-62)', async () => {
  const revoked = (): unknown[] => google.revocations.map(({ body }) => body.get('token'))
  google.revoke = () => new Response(null, { status: 503 })
  await stub.acceptConsent(consentTo())
  later(1)
  await stub.disconnectForOperator()
  expect(revoked()).toEqual(['canary-refresh-token'])
  google.revoke = () => new Response(null)
  later(1)
  await store('one', { tokens: { refresh_token: 'canary-waiting' } })
  later(10)
  await alarm(stub)
  expect(revoked()).toEqual(['canary-refresh-token'])
  later(50)
  await alarm(stub)
  expect(revoked().slice(1).sort()).toEqual(['canary-refresh-token', 'canary-waiting'])
})

it('a late consent is not revoked while another is pending: both would end (TMB-61)', async () => {
  await store('late')
  later(1)
  const session = { id: 's', family_id: 'l', created_at: 9e9, seen_at: 9e9, kid: 'k1' }
  await change((kv) => kv.put('sessions/s', session))
  await stub.disconnectForOperator()
  later(1)
  await store('good', { tokens: { refresh_token: 'canary-good' } })
  const late = { ...consentTo(), began_at: now() - 9 }
  expect(resultOf((await stub.acceptConsent(late)) as never)).toBe('access_denied consent_too_late')
  expect(google.revocations).toEqual([])
  expect(await redeem('good')).toHaveProperty('session')
})

it('an expired consent is recorded in the audit log, a redeemed one is not (TMB-76)', async () => {
  await store('one')
  await redeem('one')
  await store('two')
  later(60)
  const lines = readLog('info', 'error')
  await alarm(stub)
  expect(lines).toEqual([
    expect.objectContaining({
      event: 'pending_grant_dropped',
      subject: (await subjectOf()).key,
    }),
  ])
})
