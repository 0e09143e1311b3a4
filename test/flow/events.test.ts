/** Cross-Account Protection: a security event of Google takes effect at once, for its account only (TMB-67). */

import { beforeEach, describe, expect, it } from 'vitest'
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
  announce,
  removeApp,
  SECEVENT,
  sendEvent,
  signEvent,
  TOKENS_REVOKED,
} from '../support/security-events.ts'
import { ADA, BEN, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { aMinute, dumpKv, isHostile, later, stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle
let open: (way: GrantUser['method'], account?: string) => Promise<GrantUser>

beforeEach(async () => {
  configureAuthMethods()
  google = simulateGoogle()
  const issuer = await openIssuer()
  open = async (way, account) => openGrantUser(way, { google, issuer }, account)
})

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
    await removeApp(google.simulator)
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
      expect(
        await announce(google.simulator, 'token-revoked', { refresh_token, token_identifier_alg }),
      ).toBe(202)
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
    await announce(google.simulator, 'token-revoked', { refresh_token: old })
    await untilSpread(ada)
    expect(await answerTo(ada)).toBe('ok')
    await announce(google.simulator, 'token-revoked', { refresh_token })
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

  it('keeps a grant that began after a disconnect when the event about that disconnect comes late', async () => {
    const ada = await open(way)
    await ada.connect('pick')
    later(5)
    expect(await ada.end('/grants')).toBe(204)
    later(5)
    await ada.connect('pick')
    later(30)
    const late = await signEvent(google.simulator)
    expect((await sendEvent(late)).status).toBe(202)
    await untilSpread(ada)
    expect(await answerTo(ada)).toBe('ok') // by a refresh, which shows that it lives
    google.simulator.removeApp(ADA)
    later(30)
    expect((await sendEvent(await signEvent(google.simulator))).status).toBe(202)
    await untilSpread(ada)
    expect(await answerTo(ada)).toBe(REVOKED)
    await ada.connect('pick')
    later(2 * 24 * 60 * 60)
    expect((await sendEvent(await signEvent(google.simulator))).status).toBe(202)
    await untilSpread(ada)
    const before = google.calls('token:refresh_token')
    expect(await answerTo(ada)).toBe(REVOKED)
    expect(google.calls('token:refresh_token')).toBe(before)
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
    await removeApp(google.simulator)
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
    { event: { type: 'account-enabled' }, answer: 'ok' },
    { event: { type: 'verification', state: 'canary-state' }, answer: 'ok' },
  ] as const)('$event.type: the session then gets $answer', async ({ event, answer }) => {
    const { type, ...more } = event
    expect(await announce(google.simulator, type, more)).toBe(202)
    await untilSpread(ada, ben)
    expect([await answerTo(ada), await answerTo(ben)]).toEqual([answer, 'ok'])
  })

  it('an ended session leaves the grant for the next login', async () => {
    await announce(google.simulator, 'sessions-revoked')
    later(1)
    const before = google.calls('token')
    await ada.connect('upload')
    expect(await answerTo(ada, 'pick')).toBe('ok')
    expect(google.calls('token')).toBe(before + 1)
  })

  it('a disabled account loses its access tokens; the next refresh shows whether the grant is valid', async () => {
    await announce(google.simulator, 'account-disabled', { reason: 'hijacking' })
    later(1)
    await ada.connect('upload')
    const before = google.calls('token:refresh_token')
    google.simulator.removeApp(ADA)
    expect(await answerTo(ada, 'pick')).toMatch(/^consent_required ended/)
    expect(google.calls('token:refresh_token')).toBe(before + 1)
  })

  it('a purged account loses its session, all grants and tokens; Google does not offer this event', async () => {
    later(1)
    const events = { [`${SECEVENT}/risc/event-type/account-purged`]: { subject: ADA_THERE } }
    expect((await sendEvent(await signEvent(google.simulator, { events }))).status).toBe(202)
    await untilSpread(ada, ben)
    expect([await answerTo(ada), await answerTo(ben)]).toEqual([LOGGED_OUT, 'ok'])
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
