/** Refreshing: Google's answers, and changes of the grant during a refresh. */

import { beforeEach, expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { parseScope } from '../../src/scope/scopes.ts'
import { accountName } from '../../src/subject/provider-names.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { browse, consentTo, logIn, subjectOf, the, theConfig } from '../support/broker.ts'
import { createHold, type Hold, until } from '../support/hold.ts'
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

/** The access token, or the code and cause of the failure. */
async function ask(scope: string): Promise<string> {
  const credential = { kind: 'app_user' } as const
  const answer = await stub.issueToken({ credential, scope, min_ttl: 0, missed_in_kv: false })
  if (answer.ok) return answer.value.access_token
  const { code, members } = answer.failure
  return [code, members?.reason, members?.likely_cause].filter(Boolean).join(' ')
}

/** Stores a grant whose access token has expired. */
async function store(scope: string, more: object = {}): Promise<void> {
  const expired = { expires_in: 1, expires_at: now() - 1 }
  const tokens = { access_token: 'canary-old', refresh_token: 'canary-r', ...expired, ...more }
  await stub.acceptConsent(consentTo(scope, { begins_session: false, tokens }))
}

it('a refusal to down-scope does not outlive a disconnect', async () => {
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

it('an event during a refresh discards the access token, but not the rotated refresh token (TMB-21, TMB-67)', async () => {
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

const SMALL = parseScope(the.album).filter((scope) => scope !== the.upload)[0] ?? ''

it('one grant is refreshed for one scope set at a time (TMB-20)', async () => {
  await store(`${the.album} ${the.pick}`)
  let [inFlight, most] = [0, 0]
  let holds: Hold[] = []
  google.token = async (call) => {
    most = Math.max(most, ++inFlight)
    const hold = createHold()
    holds.push(hold)
    await hold.pass()
    inFlight--
    return refreshed(call)
  }
  const next = async (): Promise<void> => {
    await until(() => holds.length > 0)
    for (const hold of holds) hold.release()
    holds = []
  }
  const first = [ask(the.upload), ask(SMALL)]
  await next()
  await until(() => google.refreshes.length === 2)
  const third = ask(the.pick)
  const credential = { kind: 'app_user' } as const
  const described = await stub.describeScopes(credential, [the.pick])
  expect(described).toMatchObject({ value: [{ status: 'ready' }] }) // by now, the third refresh waits
  await next()
  await next()
  for (const answer of await Promise.all([...first, third]))
    expect(answer).toMatch(/^canary-refreshed/)
  expect(most).toBe(1)
})

it('a rotated refresh token keeps its time limit if Google sends no new one', async () => {
  await store(the.pick, { refresh_token_expires_at: now() + 7200 })
  google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated' })
  await ask(the.pick)
  google.token = () => oauthError(400, 'invalid_grant')
  later(7200)
  expect(await ask(the.pick)).toBe('consent_required ended time_limited_access')
})
