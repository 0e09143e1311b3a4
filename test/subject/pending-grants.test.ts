/** Pending grants: storing, redeeming once, deleting, and refusing them. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { parseScope } from '../../src/scope/scopes.ts'
import type { Consent } from '../../src/subject/grant.ts'
import { scopeSetKey } from '../../src/subject/grants.ts'
import { readToken, tokenKey } from '../../src/subject/kv-records.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { consentTo, subjectOf, the, theConfig } from '../support/broker.ts'
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
const redeem = async (id: string): Promise<unknown> => resultOf(await stub.redeemCode(id))

/** The value, or the code and reason of the failure. */
function resultOf(
  outcome: Awaited<ReturnType<Subject['redeemCode' | 'storePendingGrant']>>,
): unknown {
  return outcome.ok ? outcome.value : `${outcome.failure.code} ${outcome.failure.reason}`
}

async function change(sql: string): Promise<void> {
  await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec(sql))
}

/** The sessions in KV that may use the access token. */
async function kvSessions(): Promise<string[]> {
  const { key } = await subjectOf()
  const name = tokenKey(key, await scopeSetKey(parseScope(the.pick)))
  const stored = await readToken(env.TOKENS, theConfig().keyring, name, () => {})
  return stored?.sessions?.map(([id]) => id) ?? []
}

async function isLive(session: string): Promise<boolean> {
  return (await stub.touchSession({ kind: 'session', id: session })).ok
}

it('a code gives a session and a token; its second use ends both (RFC 6749 §4.1.2)', async () => {
  expect(await store('one')).toBe('held')
  const redeemed = await redeem('one')
  expect(redeemed).toMatchObject({
    access_token: 'canary-access-token',
    session: expect.any(String),
  })
  const { session } = redeemed as { session: string }
  expect(await isLive(session)).toBe(true)
  expect(await kvSessions()).toContain(session)
  expect(await redeem('one')).toBe('invalid_grant code_used')
  expect(await isLive(session)).toBe(false)
  expect(await kvSessions()).not.toContain(session)
})

it("the code of an app's user begins no session, and its second use is refused", async () => {
  await store('one', { begins_session: false })
  const redeemed = await redeem('one')
  expect(redeemed).toMatchObject({ access_token: 'canary-access-token' })
  expect(redeemed).not.toHaveProperty('session')
  expect(await stub.stats(true)).toMatchObject({ unreadable: 0 })
  expect(await redeem('one')).toBe('invalid_grant code_used')
})

it('without a refresh token, a consent is stored only if an older grant has one, or nothing was granted', async () => {
  const tokens = { refresh_token: undefined }
  expect(await store('one', { tokens })).toBe('refresh_token_missing')
  expect(await store('two', { tokens: { ...tokens, scope: 'openid' } })).toBe('held')
  await stub.acceptConsent(consentTo())
  expect(await store('three', { tokens })).toBe('held')
})

it('a consent without a refresh token is refused if the older grant has ended', async () => {
  await stub.acceptConsent(consentTo())
  await store('one', { tokens: { refresh_token: undefined } })
  await change('DELETE FROM grants')
  expect(await redeem('one')).toBe('invalid_grant grant_ended_meanwhile')
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
  await change("INSERT INTO sessions VALUES ('s', 'l', 9e9, 9e9, 'k1')")
  await stub.disconnectForOperator()
  later(1)
  await store('good', { tokens: { refresh_token: 'canary-good' } })
  const late = { ...consentTo(), began_at: now() - 9 }
  expect(resultOf((await stub.acceptConsent(late)) as never)).toBe('access_denied disconnected')
  expect(google.revocations).toEqual([])
  expect(await redeem('good')).toHaveProperty('session')
})

it('a code is answered 503 if Google cannot down-scope a larger consent now', async () => {
  google.token = () => new Response(null, { status: 503 })
  await store('one', { tokens: { scope: `${the.upload} ${the.pick}` } })
  expect(await redeem('one')).toBe('temporarily_unavailable google_grants_another_scope')
})

it('a dropped consent is deleted; a redeemed one stays used', async () => {
  await store('one')
  await store('two')
  await redeem('two')
  await stub.dropPendingGrant('one')
  await stub.dropPendingGrant('two')
  await stub.dropPendingGrant('three')
  expect(await redeem('one')).toBe('invalid_grant code_unknown')
  expect(await redeem('two')).toBe('invalid_grant code_used')
})

it.each([
  { what: 'was redeemed', before: async () => void (await redeem('one')) },
  {
    what: 'was redeemed, and its grant has ended',
    before: async () => {
      await redeem('one')
      await change('DELETE FROM grants')
    },
  },
  { what: 'begins no session', more: { begins_session: false } },
  { what: 'has no token', more: { tokens: { refresh_token: undefined, scope: 'openid' } } },
  { what: 'does not open', before: async () => change("UPDATE pending_grants SET sealed = 'x'") },
])('an expired consent that $what is deleted and not revoked', async ({ more, before }) => {
  await store('one', more)
  await before?.()
  later(60)
  await alarm(stub)
  expect(google.revocations).toHaveLength(0)
  await runInDurableObject(stub, (_, { storage }) => {
    expect(storage.sql.exec('SELECT * FROM pending_grants').toArray()).toEqual([])
  })
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
