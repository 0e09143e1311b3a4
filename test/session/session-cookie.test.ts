/** The session cookie: sealed, for one client, for a limited time. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import { readCookies, SESSION_COOKIE_PREFIX } from '../../src/session/cookies.ts'
import { openSession, type Session, sealSession } from '../../src/session/session-cookie.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-23T12:00:00Z') })
})
afterEach(() => {
  vi.useRealTimers()
})

const { config } = readConfig(env)
const some = (more: Partial<Session> = {}): Session => ({
  ...{ id: 'canary-id', client: 'web', sub: 'canary-sub', subject: 'pseudonym' },
  exp: now() + 3600,
  ...more,
})
const open = (header: string, client = 'web'): Promise<Session | undefined> =>
  openSession(config, client, readCookies(header))
const pairOf = (line: string): string => line.split(';')[0] ?? ''

it('a session opens as it was sealed', async () => {
  const session = some()
  expect(await open(pairOf(await sealSession(config, session)))).toEqual(session)
})

it('the cookie lives as long as the session, and reveals nothing of it (TMB-31)', async () => {
  const line = await sealSession(config, some({ exp: now() + 3600.9 }))
  expect(line).toMatch(/; Max-Age=3600;/)
  expect(line.startsWith(`${SESSION_COOKIE_PREFIX}web=`)).toBe(true)
  for (const part of pairOf(line).split(/[.=]/))
    expect(part + readable(part)).not.toMatch(/canary|pseudonym/)
})

describe('there is no session', () => {
  it('without a valid cookie', async () => {
    for (const header of ['', `${SESSION_COOKIE_PREFIX}web=`, `${SESSION_COOKIE_PREFIX}web=x`])
      expect(await open(header)).toBeUndefined()
  })

  it('of another client, nor under another name (TMB-44)', async () => {
    const pair = pairOf(await sealSession(config, some()))
    expect(await open(pair, 'shop')).toBeUndefined()
    expect(await open(pair.replace('session-web=', 'session-shop='), 'shop')).toBeUndefined()
  })
})

function readable(part: string): string {
  try {
    return atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return ''
  }
}
