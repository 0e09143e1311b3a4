/** This file is the tests of a subject's sessions: how long they live, and which give way. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { now } from '../../src/clock.ts'
import { type Ledger, openLedger } from '../../src/subject/ledger.ts'
import { createSessions, type Sessions, touchAfter } from '../../src/subject/sessions.ts'
import { theConfig } from '../support/broker.ts'
import { later, stage } from '../support/story.ts'

stage()

const config = { ...theConfig(), session_ttl_seconds: 1000, session_idle_seconds: 600 }

async function inSessions(work: (sessions: Sessions, ledger: Ledger) => void): Promise<void> {
  const stub = env.SUBJECTS.getByName(crypto.randomUUID())
  await runInDurableObject(stub, (_, { storage }) => {
    const ledger = openLedger(storage)
    work(createSessions(ledger, config), ledger)
  })
}

it('a session lives for its time, if it is seen at all, and is purged only then (TMB-33)', async () => {
  await inSessions((sessions, ledger) => {
    const [{ session: seen }, { session: idle }] = [sessions.begin(undefined), sessions.begin('x')]
    expect(seen).toMatchObject({ created_at: now(), seen_at: now(), kid: 'k1' })
    later(599)
    expect(sessions.touch(seen)).toBe(true)
    expect(sessions.live(idle.id)).toEqual(idle)
    later(1)
    expect(sessions.live(idle.id)).toBeUndefined()
    expect(sessions.isLineLive(idle.line)).toBe(false)
    expect(sessions.all().map(({ id }) => id)).toEqual([seen.id])
    later(399)
    expect(sessions.live(seen.id)).toMatchObject({ seen_at: now() - 400 })
    expect(sessions.isLineLive(seen.line)).toBe(true)
    sessions.purge()
    expect(ledger.all('sessions').map(({ id }) => id)).toEqual([seen.id])
    later(1)
    expect(sessions.live(seen.id)).toBeUndefined()
    sessions.purge()
    expect(ledger.all('sessions')).toEqual([])
  })
})

it('a session that is seen again is noted so once in a sixtieth of its idle time', async () => {
  await inSessions((sessions) => {
    const { session } = sessions.begin(undefined)
    later(9.999)
    expect(sessions.touch(session)).toBe(false)
    expect(sessions.live(session.id)?.seen_at).toBe(now() - 9.999)
    later(0.001)
    expect(sessions.touch(session)).toBe(true)
    expect(sessions.live(session.id)).toEqual({ ...session, seen_at: now() })
  })
})

it('or of an hour, where that is less', () => {
  const after = (session_idle_seconds: number): number =>
    touchAfter({ ...config, session_idle_seconds })
  expect([after(600), after(60 * 3600), after(61 * 3600)]).toEqual([10, 3600, 3600])
})

it('a session of the same line is replaced, and no other (TMB-32)', async () => {
  await inSessions((sessions) => {
    const [{ session: other }, { session: first }] = [sessions.begin('x'), sessions.begin('y')]
    const { session: second, ousted } = sessions.begin(first.line)
    expect({ ousted, line: second.line }).toEqual({ ousted: true, line: first.line })
    expect(sessions.all().map(({ id }) => id)).toEqual(
      expect.arrayContaining([other.id, second.id]),
    )
    expect(sessions.live(first.id)).toBeUndefined()
    expect(new Set([first.id, second.id, other.id, first.line, other.line, 'x', 'y']).size).toBe(7)
  })
})

it('of more than twenty, the one unseen for longest gives way', async () => {
  await inSessions((sessions) => {
    const begun = Array.from({ length: 20 }, () => {
      later(1)
      return sessions.begin(undefined)
    })
    expect(begun.map(({ ousted }) => ousted)).not.toContain(true)
    const [first, second] = begun.map(({ session }) => session)
    later(10)
    if (first) sessions.touch(first)
    expect(sessions.begin(first?.line).ousted).toBe(true)
    expect(sessions.all()).toHaveLength(20)
    expect(sessions.begin(undefined).ousted).toBe(true)
    expect(sessions.all()).toHaveLength(20)
    expect(sessions.live(second?.id ?? '')).toBeUndefined()
    expect(sessions.isLineLive(first?.line ?? '')).toBe(true)
  })
})

it('one ends alone, or all do', async () => {
  await inSessions((sessions) => {
    const [{ session: one }, { session: other }] = [sessions.begin('x'), sessions.begin('y')]
    sessions.end(one.id)
    expect(sessions.all()).toEqual([other])
    sessions.endAll()
    expect(sessions.all()).toEqual([])
  })
})
