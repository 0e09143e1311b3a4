/** Refreshing: Google's answers, and changes of the grant during a refresh. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import { parseScope } from '../../src/scope/scopes.ts'
import type { ScopeStatus } from '../../src/subject/grants.ts'
import { accountName } from '../../src/subject/provider-names.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { browse, consentTo, logIn, subjectOf, the, theConfig } from '../support/broker.ts'
import { until } from '../support/grant-user.ts'
import { createHostileKv } from '../support/hostile-kv.ts'
import {
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

/** The failure, or the issued token. */
async function outcomeOf(scope: string) {
  const answer = await stub.issueToken({ credential, scope, min_ttl: 0, missed_in_kv: false })
  return answer.ok ? answer.value : answer.failure
}

/** The access token, or the code and cause of the failure. */
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

/** Stores a grant whose access token has expired. */
async function store(scope: string, refresh_token = 'canary-r', more: object = {}): Promise<void> {
  const expired = { expires_in: 1, expires_at: now() - 1 }
  const tokens = { access_token: 'canary-old', refresh_token, ...expired, ...more }
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

describe('one grant', () => {
  it('is refreshed for one scope set at a time (TMB-20)', async () => {
    await store(`${the.album} ${the.pick}`)
    let [inFlight, most] = [0, 0]
    let releases: (() => void)[] = []
    google.token = async (call) => {
      most = Math.max(most, ++inFlight)
      let isHeld = true
      releases.push(() => (isHeld = false))
      await until(() => !isHeld)
      inFlight--
      return refreshed(call)
    }
    const next = async (): Promise<void> => {
      await vi.waitFor(() => expect(releases.length).toBeGreaterThan(0))
      for (const release of releases) release()
      releases = []
    }
    const first = [ask(the.upload), ask(SMALL)]
    await next()
    await vi.waitFor(() => expect(google.refreshes).toHaveLength(2))
    const third = ask(the.pick)
    expect((await statusOf(the.pick))?.status).toBe('ready') // by now, the third refresh waits
    await next()
    await next()
    for (const answer of await Promise.all([...first, third]))
      expect(answer).toMatch(/^canary-refreshed/)
    expect(most).toBe(1)
  })

  it('that ends while other refreshes wait for it ends for them too', async () => {
    await store(the.album)
    google.token = () => oauthError(400, 'invalid_grant')
    const gate = google.hold()
    const asking = [ask(the.upload), ask(SMALL)]
    await gate.arrived()
    gate.release()
    for (const answer of await Promise.all(asking))
      expect(answer).toBe('consent_required never_granted')
    expect(google.refreshes).toHaveLength(1)
    expect(await statusOf(the.album)).toMatchObject({ reason: 'ended' })
  })
})

describe('a refresh', () => {
  it('that returned other scopes is not repeated for a minute; the answer names what is missing', async () => {
    await store(the.album)
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
  it.each([
    { what: 'a new time limit', before: {}, rotated: { refresh_token_expires_in: 7200 } },
    {
      what: 'no new time limit',
      before: { refresh_token_expires_at: 2_114_424_000 + 7200 },
      rotated: {},
    },
  ])('that is rotated with $what keeps its time limit', async (given) => {
    await store(the.pick, 'canary-r', given.before)
    google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated', ...given.rotated })
    await ask(the.pick)
    google.token = () => oauthError(400, 'invalid_grant')
    later(7200)
    expect(await ask(the.pick)).toBe('consent_required ended time_limited_access')
  })
})

describe('a smaller bundle', () => {
  it('is not requested again after invalid_scope; a grant with the same error for its own scopes stays', async () => {
    google.token = () => oauthError(400, 'invalid_scope')
    await store(the.album)
    for (let caller = 0; caller < 2; caller++)
      expect(await ask(the.upload)).toBe('consent_required never_granted')
    expect(google.refreshes).toHaveLength(1)
    expect(await outcomeOf(the.album)).toMatchObject({
      ...{ code: 'server_error', reason: 'google_invalid_scope' },
    })
    expect(await statusOf(the.album)).toMatchObject({ status: 'ready' })
  })
})

it.each([
  { more: {}, likely_cause: 'revoked_by_user' },
  { more: { error_subtype: 'invalid_rapt' }, likely_cause: 'unknown' },
])(
  'a grant that ends with $more is deleted from KV too, with cause $likely_cause',
  async (given) => {
    await store(the.pick)
    later(2)
    google.token = () => oauthError(400, 'invalid_grant', given.more)
    expect(await ask(the.pick)).toBe(`consent_required ended ${given.likely_cause}`)
    await vi.waitFor(() => expect(kv.dump()).toEqual(new Map()))
    expect(lines).toContainEqual(
      expect.objectContaining({
        ...{ event: 'grant_ended', subject: key, reason: 'google_invalid_grant' },
      }),
    )
  },
)
