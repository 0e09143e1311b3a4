/** This file is the tests of what the provider's word ends: to the second, of whom it is about, and nothing else (TMB-67). */

import { runInDurableObject } from 'cloudflare:test'
import { beforeEach, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { accountName, namesOfToken } from '../../src/subject/provider-names.ts'
import { endsAnything, type Word } from '../../src/subject/security-event.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { beginSession, consentTo, subjectOf, the, theConfig } from '../support/broker.ts'
import { holdCrypto } from '../support/holder.ts'
import { createHostileKv } from '../support/hostile-kv.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { later, readLog, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const kv = createHostileKv()
let stub: DurableObjectStub<Subject>
let account: string
beforeEach(async () => {
  kv.reset()
  configure({ TOKENS: kv.namespace })
  scriptGoogle()
  stub = (await subjectOf()).stub
  account = await accountName(theConfig(), the.sub)
})

/** Consents to a bundle, and begins a session. */
async function connect(scope: string = the.pick, refresh_token = 'canary-r'): Promise<void> {
  await beginSession(stub, consentTo(scope, { tokens: { refresh_token } }))
}

const heed = async (type: Word['type'], more: Partial<Word> = {}): Promise<void> =>
  void (await stub.heed({ type, name: account, at: now(), ...more }))

/** What is left: grants, access tokens, sessions, and what is told of the bundle. */
async function left(): Promise<object> {
  const count = (storage: DurableObjectStorage, table: string): number =>
    storage.sql.exec(`SELECT 1 FROM ${table}`).toArray().length
  const counts = await runInDurableObject(stub, (_, { storage }) => ({
    grants: count(storage, 'grants'),
    tokens: count(storage, 'tokens'),
    sessions: count(storage, 'sessions'),
  }))
  const described = await stub.describe({ kind: 'app_user' }, [the.pick])
  const [status] = described.ok ? described.value : []
  return { ...counts, ...(status?.status === 'ready' ? {} : status) }
}

const ALL = { grants: 1, tokens: 1, sessions: 1 }
const ENDED = {
  ...{ status: 'consent_required', reason: 'ended', missing_scope: the.pick },
  ...{ grants: 0, tokens: 0 },
}

it.each<{ type: Word['type']; expected: object }>([
  { type: 'tokens_revoked', expected: { sessions: 1, ...ENDED, likely_cause: 'revoked_by_user' } },
  { type: 'token_revoked', expected: { sessions: 1, ...ENDED, likely_cause: 'revoked_by_user' } },
  { type: 'sessions_revoked', expected: { ...ALL, sessions: 0 } },
  { type: 'account_disabled', expected: { grants: 1, tokens: 0, sessions: 0 } },
  { type: 'account_purged', expected: { sessions: 0, ...ENDED, likely_cause: 'unknown' } },
  { type: 'credential_change_required', expected: { ...ALL, sessions: 0 } },
  { type: 'account_enabled', expected: ALL },
  { type: 'verification', expected: ALL },
])('$type ends so much, in KV too, and in the audit: $expected', async ({ type, expected }) => {
  await connect()
  later(2)
  const lines = readLog('info')
  const before = kv.counts.writes
  await heed(type)
  expect(await left()).toEqual(expected)
  const { grants, tokens, sessions } = expected as typeof ALL
  expect(lines.map(({ event, reason }) => `${event} ${reason}`).sort()).toEqual([
    ...(grants === 0 ? [`grant_ended ${type}`] : []),
    ...(sessions === 0 ? [`session_ended ${type}`] : []),
  ])
  const writes = (grants === 0 ? 1 : 0) + (tokens === 0 || sessions === 0 ? 1 : 0)
  expect(kv.counts.writes).toBe(before + writes)
  expect(endsAnything(type)).toBe(expected !== ALL)
})

it.each([
  { began: -0.001, expected: { grants: 0, tokens: 0, sessions: 0 } },
  { began: 0, expected: { grants: 1, tokens: 0, sessions: 0 } },
  { began: 0.999, expected: { grants: 1, tokens: 0, sessions: 0 } },
  { began: 1, expected: ALL },
])('what began $began s after the word was given is left as $expected', async (given) => {
  await connect()
  await heed('account_purged', { at: now() - given.began })
  expect(await left()).toMatchObject(given.expected)
})

it('a word on a token ends the grant it is part of; one on somebody else ends nothing', async () => {
  await connect()
  await connect(the.upload, 'canary-upload')
  later(2)
  const [prefix, hash] = await namesOfToken(theConfig(), { refresh_token: 'canary-upload' })
  await heed('tokens_revoked', { name: 'name/somebody' })
  expect(await left()).toEqual({ grants: 2, tokens: 2, sessions: 2 })
  await heed('token_revoked', { name: hash ?? '' })
  expect(await left()).toEqual({ grants: 1, tokens: 1, sessions: 2 })
  await connect(the.upload, 'canary-upload')
  later(2)
  await heed('token_revoked', { name: prefix ?? '' })
  expect(await left()).toEqual({ grants: 1, tokens: 1, sessions: 3 })
})

it('a grant that is replaced while it is looked at is not ended for the old one', async () => {
  await connect()
  later(2)
  const gate = holdCrypto('sign')
  const heeding = heed('tokens_revoked')
  await gate.arrived()
  await connect(the.pick, 'canary-new')
  gate.release()
  await heeding
  expect(await left()).toEqual({ grants: 1, tokens: 1, sessions: 2 })
})
