/** This file is the tests of a refresh that comes back with less than was hoped for, or too late to be believed. */

import { beforeEach, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { accountName } from '../../src/subject/names.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { browse, logIn, subjectOf, the, theConfig } from '../support/broker.ts'
import {
  oauthError,
  refreshed,
  type ScriptedGoogle,
  scriptGoogle,
} from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'

stage()

let google: ScriptedGoogle
let stub: DurableObjectStub<Subject>
beforeEach(async () => {
  google = scriptGoogle()
  stub = (await subjectOf()).stub
})

const asker = { kind: 'app_user' } as const

/** The access token, or code and why. */
async function ask(scope: string): Promise<string> {
  const answer = await stub.accessToken({ asker, scope, min_ttl: 0, missed_in_kv: false })
  if (answer.ok) return answer.value.access_token
  const { code, members } = answer.failure
  return [code, members?.reason, members?.likely_cause].filter(Boolean).join(' ')
}

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
  await stub.heed({ type: 'account_disabled', name, at: now() })
  gate.release()
  expect(await asking).toBe('canary-2')
  expect(google.refreshes.map(({ body }) => body.get('refresh_token'))).toEqual([
    'canary-refresh-token',
    'canary-r1',
  ])
})
