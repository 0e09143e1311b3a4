/** This file is the tests of the consent that waits for its code: when it is kept, redeemed once, dropped, and for what it is refused. */

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
import { configureClients, OAUTH_CLIENTS } from '../support/frontend.ts'
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

const hold = async (id: string, more: Given = {}, expires_at = now() + 60): Promise<unknown> =>
  told(
    await stub.storePendingGrant({
      id,
      consent: consentTo(more.requested_scope, more),
      expires_at,
    }),
  )
const redeem = async (id: string): Promise<unknown> => told(await stub.redeemCode(id))

/** The value, or code and reason. */
function told(outcome: Awaited<ReturnType<Subject['redeemCode' | 'storePendingGrant']>>): unknown {
  return outcome.ok ? outcome.value : `${outcome.failure.code} ${outcome.failure.reason}`
}

async function change(sql: string): Promise<void> {
  await runInDurableObject(stub, (_, { storage }) => void storage.sql.exec(sql))
}

/** The sessions that the edge would hand out to. */
async function edgeSessions(): Promise<string[]> {
  const { key } = await subjectOf()
  const name = tokenKey(key, await scopeSetKey(parseScope(the.pick)))
  const stored = await readToken(env.TOKENS, theConfig().keyring, name, () => {})
  return stored?.sessions.map(([id]) => id) ?? []
}

async function lives(session: string): Promise<boolean> {
  return (await stub.touchSession({ kind: 'session', id: session })).ok
}

it('a consent is held, redeemed into a session and a token, and both end with a second try (RFC 6749 §4.1.2)', async () => {
  expect(await hold('one')).toBe('held')
  const redeemed = await redeem('one')
  expect(redeemed).toMatchObject({
    access_token: 'canary-access-token',
    session: expect.any(String),
  })
  const { session } = redeemed as { session: string }
  expect(await lives(session)).toBe(true)
  expect(await edgeSessions()).toContain(session)
  expect(await redeem('one')).toBe('invalid_grant code_used')
  expect(await lives(session)).toBe(false)
  expect(await edgeSessions()).not.toContain(session)
})

it("a code of an app's user begins no session, and a second try is refused all the same", async () => {
  await hold('one', { begins_session: false })
  const redeemed = await redeem('one')
  expect(redeemed).toMatchObject({ access_token: 'canary-access-token' })
  expect(redeemed).not.toHaveProperty('session')
  expect(await stub.stats(true)).toMatchObject({ unreadable: 0 })
  expect(await redeem('one')).toBe('invalid_grant code_used')
})

it('a code that comes twice at once is of no use to either', async () => {
  await hold('one')
  expect(await Promise.all([redeem('one'), redeem('one')])).toEqual([
    'login_required session_ended',
    'invalid_grant code_used',
  ])
})

it('a code that was never issued, or whose time is over to the millisecond, is unknown', async () => {
  await hold('one')
  await hold('two')
  expect(await redeem('three')).toBe('invalid_grant code_unknown')
  later(59.999)
  expect(await redeem('one')).toHaveProperty('session')
  later(0.001)
  expect(await redeem('two')).toBe('invalid_grant code_unknown')
})

it('a consent of another Google account than before is refused (TMB-28)', async () => {
  await stub.acceptConsent(consentTo())
  expect(await hold('one', { sub: 'ben' })).toBe('access_denied account_mismatch')
  expect(await hold('two')).toBe('held')
})

it('without a refresh token a consent is held only where one is held, or nothing was granted', async () => {
  const tokens = { refresh_token: undefined }
  expect(await hold('one', { tokens })).toBe('refresh_token_missing')
  expect(await hold('two', { tokens: { ...tokens, scope: 'openid' } })).toBe('held')
  await stub.acceptConsent(consentTo())
  expect(await hold('three', { tokens })).toBe('held')
})

it('a consent whose grant ended while it waited is worth nothing', async () => {
  await stub.acceptConsent(consentTo())
  await hold('one', { tokens: { refresh_token: undefined } })
  await change('DELETE FROM grants')
  expect(await redeem('one')).toBe('invalid_grant grant_ended_meanwhile')
})

it('a consent that does not open is worth nothing, now and later', async () => {
  await hold('one')
  await change("UPDATE pending_grants SET sealed = 'x'")
  expect(await redeem('one')).toBe('invalid_grant code_unreadable')
  expect(await redeem('one')).toBe('invalid_grant code_used')
})

it('a consent from before a disconnect stays refused', async () => {
  await stub.acceptConsent(consentTo())
  await hold('one', { began_at: now() - 100, family_id: 'gone' })
  expect(await redeem('one')).toBe('access_denied session_ended')
})

it('a consent waits on where the last trace of an earlier life goes', async () => {
  await stub.acceptConsent(consentTo())
  await stub.disconnectForOperator()
  later(24 * 60 * 60 - 30)
  await hold('one')
  later(31)
  await alarm(stub)
  expect(await redeem('one')).toHaveProperty('session')
})

it('a consent that waits outlives the revocation of what was before, which is told afterwards (TMB-62)', async () => {
  const revoked = (): unknown[] => google.revocations.map(({ body }) => body.get('token'))
  google.revoke = () => new Response(null, { status: 503 })
  await stub.acceptConsent(consentTo())
  later(1)
  await stub.disconnectForOperator()
  expect(revoked()).toEqual(['canary-refresh-token'])
  google.revoke = () => new Response(null)
  later(1)
  await hold('one', { tokens: { refresh_token: 'canary-waiting' } })
  later(10)
  await alarm(stub)
  expect(revoked()).toEqual(['canary-refresh-token'])
  later(50)
  await alarm(stub)
  expect(revoked().slice(1).sort()).toEqual(['canary-refresh-token', 'canary-waiting'])
})

it('a late consent is not revoked while another waits: both would end (TMB-61)', async () => {
  await hold('late')
  later(1)
  await change("INSERT INTO sessions VALUES ('s', 'l', 9e9, 9e9, 'k1')")
  await stub.disconnectForOperator()
  later(1)
  await hold('good', { tokens: { refresh_token: 'canary-good' } })
  const late = { ...consentTo(), began_at: now() - 9 }
  expect(told((await stub.acceptConsent(late)) as never)).toBe('access_denied disconnected')
  expect(google.revocations).toEqual([])
  expect(await redeem('good')).toHaveProperty('session')
})

it('a consent in part is told to be one, and begins no session', async () => {
  const inPart = { requested_scope: `${the.upload} ${the.pick}`, tokens: { scope: the.pick } }
  await hold('one', inPart)
  expect(await redeem('one')).toBe('consent_required partially_granted')
  await hold('two', { ...inPart, begins_session: false })
  expect(await redeem('two')).toBe('consent_required partially_granted')
  await runInDurableObject(stub, (_, { storage }) => {
    expect(storage.sql.exec('SELECT * FROM sessions').toArray()).toEqual([])
  })
})

it('a wider consent that Google will not narrow now is told as what Google is', async () => {
  google.token = () => new Response(null, { status: 503 })
  await hold('one', { tokens: { scope: `${the.upload} ${the.pick}` } })
  expect(await redeem('one')).toBe('temporarily_unavailable google_grants_another_scope')
})

it('a dropped consent is gone; one that was redeemed keeps its mark', async () => {
  await hold('one')
  await hold('two')
  await redeem('two')
  await stub.dropPendingGrant('one')
  await stub.dropPendingGrant('two')
  await stub.dropPendingGrant('three')
  expect(await redeem('one')).toBe('invalid_grant code_unknown')
  expect(await redeem('two')).toBe('invalid_grant code_used')
})

it.each([
  { what: 'nobody came for', before: async () => {}, revoked: 1 },
  { what: 'was redeemed', before: async () => void (await redeem('one')), revoked: 0 },
  {
    what: 'was redeemed, and its grant ended since',
    before: async () => {
      await redeem('one')
      await change('DELETE FROM grants')
    },
    revoked: 0,
  },
  {
    what: 'begins no session',
    more: { begins_session: false },
    before: async () => {},
    revoked: 0,
  },
  {
    what: 'brought no refresh token',
    more: { tokens: { refresh_token: undefined, scope: 'openid' } },
    before: async () => {},
    revoked: 0,
  },
  {
    what: 'does not open',
    before: async () => change("UPDATE pending_grants SET sealed = 'x'"),
    revoked: 0,
  },
  {
    what: 'has a grant beside it',
    before: async () => void (await stub.acceptConsent(consentTo())),
    revoked: 0,
  },
])(
  'when its time is over, a consent that $what is revoked $revoked times',
  async ({ more, before, revoked }) => {
    await hold('one', more)
    await before()
    later(59)
    await alarm(stub)
    expect(google.revocations).toHaveLength(0)
    later(1)
    await alarm(stub)
    expect(google.revocations).toHaveLength(revoked)
    await runInDurableObject(stub, (_, { storage }) => {
      expect(storage.sql.exec('SELECT * FROM pending_grants').toArray()).toEqual([])
    })
  },
)

it('what is dropped leaves a line in the audit; what was redeemed leaves none (TMB-76)', async () => {
  await hold('one')
  await redeem('one')
  await hold('two')
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

it('where there are other clients a consent that nobody came for is not revoked', async () => {
  configureClients(OAUTH_CLIENTS)
  await hold('one')
  later(60)
  await alarm(stub)
  expect(google.revocations).toEqual([])
  expect(await stub.stats(false)).toMatchObject({ records: {}, revocation_outbox: 0 })
})
