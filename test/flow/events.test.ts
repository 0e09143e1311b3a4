/** This file is Cross-Account Protection: what Google says of an account ends here at once, for whom it is meant and nobody else (TMB-67). */

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
import { alarm, aMinute, dumpKv, dumpObject, isHostile, later, stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle
let open: (way: GrantUser['method'], account?: string) => Promise<GrantUser>

beforeEach(async () => {
  configureAuthMethods()
  google = simulateGoogle()
  const issuer = await openIssuer()
  open = async (way, account) => openGrantUser(way, { google, issuer }, account)
})

type Happening = Parameters<SimulatedGoogle['simulator']['announce']>[0]

/** Has Google tell of an account. */
async function announce(type: Happening['type'], more: Partial<Happening> = {}): Promise<number> {
  const account = type === 'token-revoked' || type === 'verification' ? {} : { account: ADA }
  later(1)
  const sent = await google.simulator.announce({
    type,
    client_id: 'test-client',
    ...account,
    ...more,
  })
  return sent?.status ?? -1
}

/** The person removes the app on Google's page of connections. */
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

/** After this every location of KV has heard. */
async function everywhere(...holders: GrantUser[]): Promise<void> {
  if (isHostile) for (const { stub } of holders) await aMinute(stub)
}

const told = async (holder: GrantUser, bundle?: string): Promise<string> => {
  const { status, body } = await holder.ask(bundle)
  return status === 200 ? 'ok' : [body.error, body.reason, body.likely_cause].join(' ').trim()
}

const REVOKED = 'consent_required ended revoked_by_user'

describe.each(AUTH_METHODS)('whoever comes by %s', (way) => {
  it('has nothing any more once the person removed the app, and Google is not asked', async () => {
    const [ada, ben] = [await open(way), await open(way, BEN)]
    for (const bundle of ['pick', 'upload']) await ada.connect(bundle)
    await ben.connect('pick')
    await removeApp()
    await everywhere(ada, ben)
    const before = google.calls('token')
    expect([await told(ada, 'pick'), await told(ada, 'upload')]).toEqual([REVOKED, REVOKED])
    expect(google.calls('token')).toBe(before)
    expect(await told(ben)).toBe('ok')
    const records = [...(await dumpKv()).entries()].filter(([key]) => key.includes(ada.key))
    expect(records.filter(([key]) => /^(grant|token)/.test(key))).toEqual([])
  })

  it.each(['prefix', 'hash_base64_sha512_sha512'] as const)(
    'loses the one grant whose refresh token is named by its %s',
    async (token_identifier_alg) => {
      const ada = await open(way)
      for (const bundle of ['pick', 'upload']) await ada.connect(bundle)
      const [refresh_token = ''] = Object.entries(google.simulator.world.refresh_tokens)
        .filter(([, { scopes }]) => scopes.includes(the.pick))
        .map(([name]) => name)
      expect(await announce('token-revoked', { refresh_token, token_identifier_alg })).toBe(202)
      await everywhere(ada)
      expect([await told(ada, 'pick'), await told(ada, 'upload')]).toEqual([REVOKED, 'ok'])
    },
  )

  it('is told of a refresh token that Google rotated since', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    const [old = ''] = Object.keys(google.simulator.world.refresh_tokens)
    google.simulator.faults.add({ at: 'token:refresh_token', do: { rotate: true } })
    later(3600)
    expect(await told(ada)).toBe('ok')
    const [refresh_token = ''] = Object.keys(google.simulator.world.refresh_tokens)
    expect(refresh_token).not.toBe(old)
    await announce('token-revoked', { refresh_token: old })
    await everywhere(ada)
    expect(await told(ada)).toBe('ok')
    await announce('token-revoked', { refresh_token })
    await everywhere(ada)
    expect(await told(ada)).toBe(REVOKED)
  })

  it('keeps what began after the word was given, however late it comes', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    later(1)
    const word = await signEvent(google.simulator, {
      events: { [TOKENS_REVOKED]: { subject: ADA_THERE } },
    })
    later(10)
    await ada.connect('upload')
    expect((await sendEvent(word)).status).toBe(202)
    await everywhere(ada)
    const before = google.calls('token:refresh_token')
    expect([await told(ada, 'pick'), await told(ada, 'upload')]).toEqual([REVOKED, 'ok'])
    expect(google.calls('token:refresh_token')).toBe(before)
  })

  it('keeps what began within the same second, if Google still honours it', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    google.simulator.removeApp(ADA)
    const word = await signEvent(google.simulator)
    await ada.connect('pick')
    expect((await sendEvent(word)).status).toBe(202)
    await everywhere(ada)
    const before = google.calls('token:refresh_token')
    expect(await told(ada)).toBe('ok')
    expect(google.calls('token:refresh_token')).toBe(before + 1)
  })

  it.skipIf(way === 'jwt')(
    'stays logged in where that began after the word was given',
    async () => {
      const ada = await open(way)
      await ada.connect('pick')
      const event = `${SECEVENT}/risc/event-type/sessions-revoked`
      const word = await signEvent(google.simulator, {
        events: { [event]: { subject: ADA_THERE } },
      })
      later(10)
      await ada.connect('upload')
      expect((await sendEvent(word)).status).toBe(202)
      await everywhere(ada)
      expect(await told(ada)).toBe('ok')
    },
  )

  it('gets nothing of a refresh that is under way', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    later(3600)
    const refresh = gate('refresh_token')
    const asking = told(ada)
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
    await everywhere(ada)
    expect(await told(ada)).toBe(REVOKED)
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
    { happening: { type: 'sessions-revoked' }, answer: LOGGED_OUT },
    { happening: { type: 'account-credential-change-required' }, answer: LOGGED_OUT },
    { happening: { type: 'account-disabled', reason: 'hijacking' }, answer: LOGGED_OUT },
    { happening: { type: 'account-purged' }, answer: LOGGED_OUT },
    { happening: { type: 'account-enabled' }, answer: 'ok' },
    { happening: { type: 'verification', state: 'canary-state' }, answer: 'ok' },
  ] as const)(
    '$happening.type: the session is then told $answer',
    async ({ happening, answer }) => {
      const { type, ...more } = happening
      expect(await announce(type, more)).toBe(202)
      await everywhere(ada, ben)
      expect([await told(ada), await told(ben)]).toEqual([answer, 'ok'])
    },
  )

  it('a session that ended leaves the grant to whoever logs in again', async () => {
    await announce('sessions-revoked')
    later(1)
    const before = google.calls('token')
    await ada.connect('upload')
    expect(await told(ada, 'pick')).toBe('ok')
    expect(google.calls('token')).toBe(before + 1)
  })

  it('access tokens of a disabled account are dropped: the next refresh says whether the grant lives', async () => {
    await announce('account-disabled', { reason: 'hijacking' })
    later(1)
    await ada.connect('upload')
    const before = google.calls('token:refresh_token')
    google.simulator.removeApp(ADA)
    expect(await told(ada, 'pick')).toMatch(/^consent_required ended/)
    expect(google.calls('token:refresh_token')).toBe(before + 1)
  })

  it('nothing of a purged account is left', async () => {
    await announce('account-purged')
    await aMinute(ada.stub)
    const keys = [...(await dumpKv()).keys()]
    expect(keys.filter((key) => key.includes(ada.key) && /^(grant|token)/.test(key))).toEqual([])
    expect(keys.some((key) => key.includes(ben.key))).toBe(true)
  })

  it('an event nobody here knows, of a user nobody here knows, is taken and does nothing', async () => {
    const events = {
      [`${SECEVENT}/risc/event-type/of-tomorrow`]: { subject: ADA_THERE },
      [TOKENS_REVOKED]: { subject: { ...ADA_THERE, sub: '1' } },
    }
    later(1)
    expect((await sendEvent(await signEvent(google.simulator, { events }))).status).toBe(202)
    expect(await told(ada)).toBe('ok')
  })

  it('a user of the same name at another provider is somebody else', async () => {
    const subject = { ...ADA_THERE, iss: 'https://other.example/' }
    later(1)
    const word = await signEvent(google.simulator, { events: { [TOKENS_REVOKED]: { subject } } })
    expect((await sendEvent(word)).status).toBe(202)
    expect(await told(ada)).toBe('ok')
  })
})

describe('notes of whose a name is', () => {
  const noteAt = (name: string) =>
    env.SUBJECT_INDEX.getByName(name) as unknown as DurableObjectStub<SubjectIndex>
  const DAYS_30 = 30 * 24 * 60 * 60

  it('are as many as a user has names, hold no token, and go with the grant', async () => {
    const asked = vi.spyOn(env.SUBJECT_INDEX, 'getByName')
    const ada = await open('jwt')
    await ada.connect('pick')
    const names = asked.mock.calls.map(([name]) => name).filter((name) => name.startsWith('name/'))
    const notes = new Map(names.map((name) => [name, noteAt(name)]))
    const [refresh_token = ''] = Object.keys(google.simulator.world.refresh_tokens)
    expect(notes.size).toBe(3) // the account, and the refresh token by its prefix and its hash
    for (const [name, stub] of notes) {
      expect(await dumpObject(stub)).toContain(ada.key)
      expect(name + (await dumpObject(stub))).not.toContain(refresh_token.slice(0, 16))
      expect(name + (await dumpObject(stub))).not.toContain(ADA)
    }
    later(DAYS_30)
    for (const stub of notes.values()) await alarm(stub)
    for (const stub of notes.values()) expect(await dumpObject(stub)).toContain(ada.key)
    await ada.end('/grants')
    later(DAYS_30)
    for (const stub of notes.values()) await alarm(stub)
    for (const stub of notes.values()) expect(await dumpObject(stub)).toBe('[[],[]]')
  })

  it('that are made while others are tidied away stay', async () => {
    const name = 'name/canary'
    const note = noteAt(name)
    await note.add(name, 'gone')
    const real = env.SUBJECTS.getByName.bind(env.SUBJECTS)
    vi.spyOn(env.SUBJECTS, 'getByName').mockImplementation((asked) =>
      asked === 'gone'
        ? ({
            hasProviderName: async () =>
              noteAt(name)
                .add(name, 'new')
                .then(() => false),
          } as never)
        : real(asked),
    )
    later(DAYS_30)
    await alarm(note)
    expect(await note.subjects()).toContain('new')
  })

  it('that could not be made cost the user nothing', async () => {
    vi.spyOn(env.SUBJECT_INDEX, 'getByName').mockImplementation(() => {
      throw new Error('canary: no such place')
    })
    const errors = vi.spyOn(console, 'error').mockReturnValue()
    const ada = await open('oauth')
    await ada.connect('pick')
    expect(await told(ada)).toBe('ok')
    const lines = errors.mock.calls.map(([line]) => JSON.parse(String(line)))
    expect(lines).toMatchObject([{ event: 'name_not_noted', subject: ada.key }])
  })
})
