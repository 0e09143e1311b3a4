/** Cross-Account Protection: a security event of Google takes effect at once, for its account only (TMB-67). */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { SubjectIndex } from '../../src/events/subject-index.ts'
import { openIssuer } from '../support/app-issuer.ts'
import { the } from '../support/broker.ts'
import {
  AUTH_METHODS,
  configureAuthMethods,
  type GrantUser,
  gate,
  openGrantUser,
} from '../support/grant-user.ts'
import {
  ADA_THERE,
  SECEVENT,
  sendEvent,
  signEvent,
  TOKENS_REVOKED,
} from '../support/security-events.ts'
import {
  ADA,
  BEN,
  GOOGLE,
  type SimulatedGoogle,
  simulateGoogle,
} from '../support/simulated-google.ts'
import {
  alarm,
  aMinute,
  dumpKv,
  dumpObject,
  isHostile,
  later,
  readLog,
  stage,
} from '../support/story.ts'

stage()

let google: SimulatedGoogle
let open: (way: GrantUser['method'], account?: string) => Promise<GrantUser>

beforeEach(async () => {
  configureAuthMethods()
  google = simulateGoogle()
  const issuer = await openIssuer()
  open = async (way, account) => openGrantUser(way, { google, issuer }, account)
})

type Announcement = Parameters<SimulatedGoogle['simulator']['sendSecurityEvent']>[0]

/** Makes Google send an event about Ada's account. */
async function announce(
  type: Announcement['type'],
  more: Partial<Announcement> = {},
): Promise<number> {
  const account = type === 'token-revoked' || type === 'verification' ? {} : { account: ADA }
  later(1)
  const sent = await google.simulator.sendSecurityEvent({
    type,
    client_id: 'test-client',
    ...account,
    ...more,
  })
  return sent?.status ?? -1
}

/** Removes the app on Google's page of connections, as a user does. */
async function removeApp(account: string = ADA): Promise<void> {
  later(1)
  const body = new URLSearchParams({ account, client_id: 'test-client' })
  await google.simulator.fetch(
    new Request(`${GOOGLE}/connections/remove`, { method: 'POST', body }),
  )
  expect(google.simulator.world.events.at(-1)).toMatchObject({
    type: 'tokens-revoked',
    status: 202,
  })
}

/** Waits until all locations of KV are up to date. */
async function untilSpread(...holders: GrantUser[]): Promise<void> {
  if (isHostile) for (const { stub } of holders) await aMinute(stub)
}

const answerTo = async (holder: GrantUser, bundle?: string): Promise<string> => {
  const { status, body } = await holder.ask(bundle)
  return status === 200 ? 'ok' : [body.error, body.reason, body.likely_cause].join(' ').trim()
}

const REVOKED = 'consent_required ended revoked_by_user'

describe.each(AUTH_METHODS)('a user by %s', (way) => {
  it('loses all grants after removing the app, without a request to Google', async () => {
    const [ada, ben] = [await open(way), await open(way, BEN)]
    for (const bundle of ['pick', 'upload']) await ada.connect(bundle)
    await ben.connect('pick')
    await removeApp()
    await untilSpread(ada, ben)
    const before = google.calls('token')
    expect([await answerTo(ada, 'pick'), await answerTo(ada, 'upload')]).toEqual([REVOKED, REVOKED])
    expect(google.calls('token')).toBe(before)
    expect(await answerTo(ben)).toBe('ok')
    const records = [...(await dumpKv()).entries()].filter(([key]) => key.includes(ada.key))
    expect(records.filter(([key]) => /^(grant|token)/.test(key))).toEqual([])
  })

  it.each(['prefix', 'hash_base64_sha512_sha512'] as const)(
    'loses only the grant whose refresh token is named by its %s',
    async (token_identifier_alg) => {
      const ada = await open(way)
      for (const bundle of ['pick', 'upload']) await ada.connect(bundle)
      const [refresh_token = ''] = Object.entries(google.simulator.world.refresh_tokens)
        .filter(([, { scopes }]) => scopes.includes(the.pick))
        .map(([name]) => name)
      expect(await announce('token-revoked', { refresh_token, token_identifier_alg })).toBe(202)
      await untilSpread(ada)
      expect([await answerTo(ada, 'pick'), await answerTo(ada, 'upload')]).toEqual([REVOKED, 'ok'])
    },
  )

  it('loses the grant by its rotated refresh token, not by the old one', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    const [old = ''] = Object.keys(google.simulator.world.refresh_tokens)
    google.simulator.faults.add({ at: 'token:refresh_token', do: { rotate: true } })
    later(3600)
    expect(await answerTo(ada)).toBe('ok')
    const [refresh_token = ''] = Object.keys(google.simulator.world.refresh_tokens)
    expect(refresh_token).not.toBe(old)
    await announce('token-revoked', { refresh_token: old })
    await untilSpread(ada)
    expect(await answerTo(ada)).toBe('ok')
    await announce('token-revoked', { refresh_token })
    await untilSpread(ada)
    expect(await answerTo(ada)).toBe(REVOKED)
  })

  it('keeps a grant that began after the event, even if the event arrives late', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    later(1)
    const token = await signEvent(google.simulator, {
      events: { [TOKENS_REVOKED]: { subject: ADA_THERE } },
    })
    later(10)
    await ada.connect('upload')
    expect((await sendEvent(token)).status).toBe(202)
    await untilSpread(ada)
    const before = google.calls('token:refresh_token')
    expect([await answerTo(ada, 'pick'), await answerTo(ada, 'upload')]).toEqual([REVOKED, 'ok'])
    expect(google.calls('token:refresh_token')).toBe(before)
  })

  it('keeps a grant of the same second if Google still accepts it', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    google.simulator.removeApp(ADA)
    const token = await signEvent(google.simulator)
    await ada.connect('pick')
    expect((await sendEvent(token)).status).toBe(202)
    await untilSpread(ada)
    const before = google.calls('token:refresh_token')
    expect(await answerTo(ada)).toBe('ok')
    expect(google.calls('token:refresh_token')).toBe(before + 1)
  })

  it.skipIf(way === 'jwt')('keeps a session that began after the event', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    const event = `${SECEVENT}/risc/event-type/sessions-revoked`
    const token = await signEvent(google.simulator, {
      events: { [event]: { subject: ADA_THERE } },
    })
    later(10)
    await ada.connect('upload')
    expect((await sendEvent(token)).status).toBe(202)
    await untilSpread(ada)
    expect(await answerTo(ada)).toBe('ok')
  })

  it('gets no token from a refresh that was under way', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    later(3600)
    const refresh = gate('refresh_token')
    const asking = answerTo(ada)
    await refresh.arrived()
    await removeApp()
    refresh.release(() =>
      Response.json({
        access_token: 'canary-late',
        expires_in: 3599,
        scope: the.pick,
        token_type: 'Bearer',
      }),
    )
    expect(await asking).toBe(REVOKED)
    await untilSpread(ada)
    expect(await answerTo(ada)).toBe(REVOKED)
  })
})

describe('what each event ends', () => {
  let ada: GrantUser
  let ben: GrantUser
  beforeEach(async () => {
    ada = await open('cookie')
    ben = await open('cookie', BEN)
    await ada.connect('pick')
    await ben.connect('pick')
  })

  const LOGGED_OUT = 'login_required'

  it.each([
    { event: { type: 'sessions-revoked' }, answer: LOGGED_OUT },
    { event: { type: 'account-credential-change-required' }, answer: LOGGED_OUT },
    { event: { type: 'account-disabled', reason: 'hijacking' }, answer: LOGGED_OUT },
    { event: { type: 'account-purged' }, answer: LOGGED_OUT },
    { event: { type: 'account-enabled' }, answer: 'ok' },
    { event: { type: 'verification', state: 'canary-state' }, answer: 'ok' },
  ] as const)('$event.type: the session then gets $answer', async ({ event, answer }) => {
    const { type, ...more } = event
    expect(await announce(type, more)).toBe(202)
    await untilSpread(ada, ben)
    expect([await answerTo(ada), await answerTo(ben)]).toEqual([answer, 'ok'])
  })

  it('an ended session leaves the grant for the next login', async () => {
    await announce('sessions-revoked')
    later(1)
    const before = google.calls('token')
    await ada.connect('upload')
    expect(await answerTo(ada, 'pick')).toBe('ok')
    expect(google.calls('token')).toBe(before + 1)
  })

  it('a disabled account loses its access tokens; the next refresh shows whether the grant is valid', async () => {
    await announce('account-disabled', { reason: 'hijacking' })
    later(1)
    await ada.connect('upload')
    const before = google.calls('token:refresh_token')
    google.simulator.removeApp(ADA)
    expect(await answerTo(ada, 'pick')).toMatch(/^consent_required ended/)
    expect(google.calls('token:refresh_token')).toBe(before + 1)
  })

  it('a purged account loses all grants and tokens', async () => {
    await announce('account-purged')
    await aMinute(ada.stub)
    const keys = [...(await dumpKv()).keys()]
    expect(keys.filter((key) => key.includes(ada.key) && /^(grant|token)/.test(key))).toEqual([])
    expect(keys.some((key) => key.includes(ben.key))).toBe(true)
  })

  it('an unknown event and an unknown user are accepted without effect', async () => {
    const events = {
      [`${SECEVENT}/risc/event-type/of-tomorrow`]: { subject: ADA_THERE },
      [TOKENS_REVOKED]: { subject: { ...ADA_THERE, sub: '1' } },
    }
    later(1)
    expect((await sendEvent(await signEvent(google.simulator, { events }))).status).toBe(202)
    expect(await answerTo(ada)).toBe('ok')
  })

  it('a user with the same sub at another provider is not affected', async () => {
    const subject = { ...ADA_THERE, iss: 'https://other.example/' }
    later(1)
    const token = await signEvent(google.simulator, { events: { [TOKENS_REVOKED]: { subject } } })
    expect((await sendEvent(token)).status).toBe(202)
    expect(await answerTo(ada)).toBe('ok')
  })
})

describe('the index of provider names', () => {
  const entryOf = (name: string) =>
    env.SUBJECT_INDEX.getByName(name) as unknown as DurableObjectStub<SubjectIndex>
  const DAYS_30 = 30 * 24 * 60 * 60

  it('has one entry for each name, holds no token, and is emptied with the grant', async () => {
    const asked = vi.spyOn(env.SUBJECT_INDEX, 'getByName')
    const ada = await open('jwt')
    await ada.connect('pick')
    const names = asked.mock.calls.map(([name]) => name).filter((name) => name.startsWith('name/'))
    const entries = new Map(names.map((name) => [name, entryOf(name)]))
    const [refresh_token = ''] = Object.keys(google.simulator.world.refresh_tokens)
    expect(entries.size).toBe(3) // the account, and the refresh token by its prefix and its hash
    for (const [name, stub] of entries) {
      expect(await dumpObject(stub)).toContain(ada.key)
      expect(name + (await dumpObject(stub))).not.toContain(refresh_token.slice(0, 16))
      expect(name + (await dumpObject(stub))).not.toContain(ADA)
    }
    later(DAYS_30)
    for (const stub of entries.values()) await alarm(stub)
    for (const stub of entries.values()) expect(await dumpObject(stub)).toContain(ada.key)
    await ada.end('/grants')
    later(DAYS_30)
    for (const stub of entries.values()) await alarm(stub)
    for (const stub of entries.values()) expect(await dumpObject(stub)).toBe('[[],[]]')
  })

  it('keeps an entry that is made during a check', async () => {
    const name = 'name/canary'
    const entry = entryOf(name)
    await entry.add(name, 'gone')
    const real = env.SUBJECTS.getByName.bind(env.SUBJECTS)
    vi.spyOn(env.SUBJECTS, 'getByName').mockImplementation((asked) =>
      asked === 'gone'
        ? ({
            hasProviderName: async () =>
              entryOf(name)
                .add(name, 'new')
                .then(() => false),
          } as never)
        : real(asked),
    )
    later(DAYS_30)
    await alarm(entry)
    expect(await entry.subjects()).toContain('new')
  })

  it('repeats a check that failed', async () => {
    const name = 'name/canary'
    const entry = entryOf(name)
    await entry.add(name, 'gone')
    const log = readLog('error')
    const reach = vi.spyOn(env.SUBJECTS, 'getByName').mockImplementation(() => {
      throw new Error('canary: no such place')
    })
    later(DAYS_30)
    await alarm(entry)
    expect(log).toMatchObject([{ event: 'alarm_failed' }])
    expect(await entry.subjects()).toEqual(['gone'])
    reach.mockRestore()
    later(60)
    await alarm(entry)
    expect(await dumpObject(entry)).toBe('[[],[]]')
  })

  it('lists each subject once, the newest last, at most a hundred', async () => {
    const entry = entryOf('name/canary')
    for (const subject of ['a', 'b', 'a']) await entry.add('name/canary', subject)
    expect(await entry.subjects()).toEqual(['b', 'a'])
    for (let count = 0; count < 99; count++) await entry.add('name/canary', `${count}`)
    const indexed = await entry.subjects()
    expect([indexed.length, indexed[0], indexed.at(-1)]).toEqual([100, 'a', '98'])
  })

  it('does not fail the user when it cannot be written', async () => {
    vi.spyOn(env.SUBJECT_INDEX, 'getByName').mockImplementation(() => {
      throw new Error('canary: no such place')
    })
    const errors = vi.spyOn(console, 'error').mockReturnValue()
    const ada = await open('oauth')
    await ada.connect('pick')
    expect(await answerTo(ada)).toBe('ok')
    const lines = errors.mock.calls.map(([line]) => JSON.parse(String(line)))
    expect(lines).toMatchObject([{ event: 'name_not_noted', subject: ada.key }])
  })
})
