/** This file is the tests of the session's cookie: it says whose it is, to us alone, and for its time alone. */

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

it('a session comes back as it was sealed', async () => {
  const session = some()
  expect(await open(pairOf(await sealSession(config, session)))).toEqual(session)
})

it('its cookie lives as long as the session, and shows nothing of it (TMB-31)', async () => {
  const line = await sealSession(config, some({ exp: now() + 3600.9 }))
  expect(line).toMatch(/; Max-Age=3600;/)
  expect(line.startsWith(`${SESSION_COOKIE_PREFIX}web=`)).toBe(true)
  for (const part of pairOf(line).split(/[.=]/))
    expect(part + readable(part)).not.toMatch(/canary|pseudonym/)
})

it('may last as long as the configuration allows', async () => {
  const { config } = readConfig({ ...env, SESSION_TTL_SECONDS: 400 * 24 * 3600 })
  const line = await sealSession(config, some({ exp: now() + config.session_ttl_seconds }))
  expect(line).toMatch(/; Max-Age=34560000;/)
})

describe('there is no session', () => {
  it('without a cookie', async () => {
    for (const header of ['', `${SESSION_COOKIE_PREFIX}web=`, `${SESSION_COOKIE_PREFIX}web=x`])
      expect(await open(header)).toBeUndefined()
  })

  it('from the second it ends, however long the browser keeps its cookie (TMB-33)', async () => {
    const pair = pairOf(await sealSession(config, some()))
    vi.setSystemTime(Date.now() + 3_599_999)
    expect(await open(pair)).toBeDefined()
    vi.setSystemTime(Date.now() + 1)
    expect(await open(pair)).toBeUndefined()
  })

  it('of another client, nor under another name (TMB-44)', async () => {
    const pair = pairOf(await sealSession(config, some()))
    expect(await open(pair, 'shop')).toBeUndefined()
    expect(await open(pair.replace('session-web=', 'session-shop='), 'shop')).toBeUndefined()
  })

  it('when its cookie comes twice, whichever comes first (TMB-34)', async () => {
    const good = pairOf(await sealSession(config, some()))
    const evil = pairOf(await sealSession(config, some({ sub: 'evil' })))
    expect(await open(`${evil}; ${good}`)).toBeUndefined()
    expect(await open(`${good}; ${evil}`)).toBeUndefined()
    expect(await open(`${good}; ${evil.replace('__Host-', '__host-')}`)).toBeUndefined()
  })

  it('when a byte of it was changed', async () => {
    const pair = pairOf(await sealSession(config, some()))
    for (let at = pair.indexOf('=') + 1; at < pair.length - 1; at += 7) {
      const changed = pair.slice(0, at) + (pair[at] === 'A' ? 'B' : 'A') + pair.slice(at + 1)
      expect(await open(changed)).toBeUndefined()
    }
  })
})

function readable(part: string): string {
  try {
    return atob(part.replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return ''
  }
}
