/** This file is the tests of the pending authorization: only the browser that began can finish, in time, and once it fits. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import {
  PENDING_COOKIE_PREFIX,
  readCookies,
  SESSION_COOKIE_PREFIX,
} from '../../src/session/cookies.ts'
import {
  bindPending,
  openPending,
  PENDING_SECONDS,
  type PendingAuthorization,
  sealPending,
} from '../../src/session/pending-authorization.ts'

beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-23T12:00:00Z') })
})
afterEach(() => {
  vi.restoreAllMocks()
  vi.useRealTimers()
})

const { config } = readConfig(env)
const STATE = 'canary-state'

function some(more: Partial<PendingAuthorization> = {}): PendingAuthorization {
  return {
    state: STATE,
    nonce: 'canary-nonce',
    code_verifier: 'canary-verifier',
    client: 'web',
    bundle: 'canary-bundle',
    return_to: 'https://app.example/canary-return-to',
    display: 'page',
    consent_prompted: false,
    iat: now(),
    ...more,
  }
}

/** A browser that keeps what it is told to, in order. */
function openJar(): { jar: Map<string, string>; header(): string; take(lines: string[]): void } {
  const jar = new Map<string, string>()
  return {
    jar,
    header: () => [...jar].map((pair) => pair.join('=')).join('; '),
    take(lines) {
      for (const line of lines) {
        const pair = line.split(';')[0] ?? ''
        const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
        if (line.includes('; Max-Age=0;')) jar.delete(name)
        else jar.set(name, value)
      }
    },
  }
}

const begin = async (pending: PendingAuthorization, header = ''): Promise<string[]> =>
  sealPending(config, pending, readCookies(header))
const pairOf = async (pending: PendingAuthorization): Promise<string> =>
  (await begin(pending))[0]?.split(';')[0] ?? ''
const find = async (header: string, state = STATE): Promise<PendingAuthorization | undefined> =>
  (await openPending(config, state, readCookies(header)))?.pending

describe('a pending authorization', () => {
  it('comes back as it was sealed, with the name of its cookie', async () => {
    const pair = await pairOf(some({ session: { family_id: 'l', subject: 's' } }))
    const found = await openPending(config, STATE, readCookies(`a=b; ${pair}`))
    expect(found?.pending).toEqual(some({ session: { family_id: 'l', subject: 's' } }))
    expect(found?.cookie).toBe(pair.slice(0, pair.indexOf('=')))
  })

  it('lives in a cookie of its own, for ten minutes (TMB-04, TMB-30)', async () => {
    const [line = '', ...others] = await begin(some())
    expect(others).toEqual([])
    expect(line.startsWith(PENDING_COOKIE_PREFIX)).toBe(true)
    expect(line.split('; ').slice(1).sort()).toEqual([
      ...['HttpOnly', 'Max-Age=600', 'Path=/', 'SameSite=Lax', 'Secure'],
    ])
    expect(PENDING_SECONDS).toBeLessThanOrEqual(600)
  })

  it('shows nothing of what is in it (TMB-03, TMB-04)', async () => {
    const [line = ''] = await begin(some())
    const texts = line.split(/[.=;]/).flatMap((part) => [part, readable(part)])
    expect(texts.join('\n')).not.toMatch(/canary|app\.example/)
    expect(texts.join('\n')).toContain('"enc":"A256GCM"')
  })

  it('is not found in another browser (TMB-04)', async () => {
    expect(await find('')).toBeUndefined()
    expect(await find(await pairOf(some({ state: 'of another' })))).toBeUndefined()
  })

  it('is not found by another state, even in the same browser (TMB-10)', async () => {
    const header = `${await pairOf(some())}; ${await pairOf(some({ state: 'second' }))}`
    expect(await find(header, 'third')).toBeUndefined()
    expect(await find(header, '')).toBeUndefined()
    expect((await find(header, 'second'))?.state).toBe('second')
    expect((await find(header))?.state).toBe(STATE)
  })

  it('is not found under the name of another state (TMB-10, TMB-53)', async () => {
    const first = await pairOf(some())
    const second = await pairOf(some({ state: 'second' }))
    const swapped = second.slice(0, second.indexOf('=')) + first.slice(first.indexOf('='))
    expect(await find(swapped, 'second')).toBeUndefined()
    expect(await find(swapped)).toBeUndefined()
  })

  it('has to hold the state that names it', async () => {
    vi.spyOn(crypto.subtle, 'digest').mockResolvedValue(new ArrayBuffer(32)) // all names alike
    const pair = await pairOf(some())
    expect(await find(pair)).toBeDefined()
    expect(await find(pair, 'canary-stata')).toBeUndefined()
    expect(await find(pair, 'canary-stat')).toBeUndefined()
  })

  it('is not found with any byte changed (TMB-04)', async () => {
    const pair = await pairOf(some())
    const start = pair.indexOf('=') + 1
    for (let at = start; at < pair.length - 1; at += 11) {
      const changed = pair.slice(0, at) + (pair[at] === 'A' ? 'B' : 'A') + pair.slice(at + 1)
      expect(await find(changed)).toBeUndefined()
    }
  })

  it.each([
    { after: 0, expected: true },
    { after: 599.999, expected: true },
    { after: 600, expected: false },
    { after: 601, expected: false },
  ])('after $after s is found: $expected (TMB-04)', async ({ after, expected }) => {
    const pair = await pairOf(some())
    vi.setSystemTime(Date.now() + after * 1000)
    expect((await find(pair)) !== undefined).toBe(expected)
  })

  it('is not believed when it comes twice (TMB-34)', async () => {
    const pair = await pairOf(some())
    expect(await find(`${pair}; ${pair}`)).toBeUndefined()
    expect(await find(`${pair}; ${pair.toLowerCase()}`)).toBeUndefined()
  })
})

describe('many of them', () => {
  const COOKIE_HEADER_BYTES = 4096
  const SESSION_BYTES = 600

  it('thirty in a row never fill the header, and the newest can always be finished (TMB-34)', async () => {
    const browser = openJar()
    for (let tab = 0; tab < 30; tab++) {
      vi.setSystemTime(Date.now() + 1000)
      const state = `state ${tab}`
      const return_to = `https://app.example/${'x'.repeat(tab * 33)}`
      browser.take(await begin(some({ state, return_to }), browser.header()))
      expect(browser.header().length).toBeLessThan(COOKIE_HEADER_BYTES - SESSION_BYTES)
      expect((await find(browser.header(), state))?.state).toBe(state)
    }
  })

  const AGES = [
    ['old', 300],
    ['young', 10],
    ['older', 400],
    ['oldest', 500],
  ] as const

  it.each([
    { order: 'any', ages: AGES },
    { order: 'the oldest first', ages: AGES.toSorted(([, a], [, b]) => b - a) },
    { order: 'the youngest first', ages: AGES.toSorted(([, a], [, b]) => a - b) },
  ])('give way from the oldest on, where they come in this order: $order', async ({ ages }) => {
    const browser = openJar()
    const return_to = `https://app.example/${'x'.repeat(300)}`
    for (const [state, age] of ages) {
      browser.take(await begin(some({ state, return_to, iat: now() - age })))
    }
    browser.take(await begin(some({ state: 'new', return_to }), browser.header()))
    const kept = []
    for (const state of ['new', 'young', 'old', 'older', 'oldest'])
      if (await find(browser.header(), state)) kept.push(state)
    expect(kept.length).toBeLessThan(5)
    expect(kept).toEqual(['new', 'young', 'old', 'older'].slice(0, kept.length))
    expect(kept.length).toBeGreaterThan(2)
  })

  it('are kept while they fit: three tabs at least', async () => {
    const browser = openJar()
    for (const state of ['first', 'second', 'third'])
      browser.take(await begin(some({ state }), browser.header()))
    expect(browser.jar.size).toBe(3)
  })

  it('that somebody else made up are taken away, and hardly opened (TMB-34, TMB-73)', async () => {
    const browser = openJar()
    const evil = await sealedElsewhere()
    for (let i = 0; i < 30; i++) browser.jar.set(`${PENDING_COOKIE_PREFIX}evil${i}`, evil)
    const decrypt = vi.spyOn(crypto.subtle, 'decrypt')
    browser.take(await begin(some(), browser.header()))
    expect(decrypt.mock.calls.length).toBeLessThanOrEqual(8)
    expect(browser.jar.size).toBe(1)
    expect((await find(browser.header()))?.state).toBe(STATE)
  })

  it('that do not open, came twice, or are too old are taken away even where there is room', async () => {
    const old = await pairOf(some({ state: 'old', iat: now() - 600 }))
    const twice = await pairOf(some({ state: 'twice' }))
    const lines = await begin(
      some(),
      `${PENDING_COOKIE_PREFIX}evil=x; ${old}; ${twice}; ${twice}; theme=dark`,
    )
    const cleared = lines.filter((line) => line.includes('Max-Age=0')).map(nameOf)
    expect(cleared.sort()).toEqual(
      [`${PENDING_COOKIE_PREFIX}evil`, nameOf(old), nameOf(twice)].sort(),
    )
  })

  it('leave a session alone, however many pending authorizations there are', async () => {
    const session = `${SESSION_COOKIE_PREFIX}web=x`
    expect(await begin(some(), session)).toHaveLength(1)
    const sessions = Array.from({ length: 9 }, (_, i) => `${SESSION_COOKIE_PREFIX}${i}=x`)
    const cookies = readCookies(sessions.join('; '))
    const bound = { family_id: 'line', subject: 'subject' }
    expect(await bindPending(config, cookies, 'none', 'web', bound)).toEqual([])
  })

  it('stay while all of them are 3,200 bytes, and not at one more', async () => {
    const old = await pairOf(
      some({ state: 'old', return_to: `https://a.example/${'x'.repeat(900)}` }),
    )
    const seen = new Set<number>()
    for (let pad = 600; pad < 900; pad++) {
      const return_to = `https://a.example/${'x'.repeat(pad)}`
      const [own = ''] = await begin(some({ return_to }))
      const bytes = own.length + old.length - 1 // without its "="
      if (bytes < 3198 || bytes > 3203) continue
      seen.add(bytes)
      expect(await begin(some({ return_to }), old)).toHaveLength(bytes > 3200 ? 2 : 1)
    }
    expect([...seen].filter((bytes) => bytes <= 3200).length).toBeGreaterThan(0)
    expect(seen).toContain(3200)
  })

  it('leave the new one its place even if it alone is too long', async () => {
    const browser = openJar()
    browser.take(await begin(some({ state: 'first' })))
    const return_to = `https://app.example/${'x'.repeat(3000)}`
    browser.take(await begin(some({ return_to }), browser.header()))
    expect((await find(browser.header()))?.return_to).toBe(return_to)
    expect(await find(browser.header(), 'first')).toBeUndefined()
  })
})

describe('a session that has begun since', () => {
  const session = { family_id: 'line', subject: 'subject' }
  const bind = async (header: string, finished = 'none'): Promise<string[]> =>
    bindPending(config, readCookies(header), finished, 'web', session)

  it('binds those of its client that began without one, and keeps their time (TMB-28, TMB-32)', async () => {
    const browser = openJar()
    browser.take(await begin(some()))
    vi.setSystemTime(Date.now() + 60_500)
    const lines = await bind(browser.header())
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/; Max-Age=540; .*SameSite=Lax/)
    browser.take(lines)
    const iat = now() - 60.5
    expect(await find(browser.header())).toEqual(some({ session, iat }))
    vi.setSystemTime(Date.now() + 540_000)
    expect(await find(browser.header())).toBeUndefined()
  })

  it.each<{ what: string; given: Partial<PendingAuthorization> }>([
    { what: 'of another client', given: { client: 'shop' } },
    { what: 'bound already', given: { session: { family_id: 'a', subject: 'b' } } },
    { what: 'too old', given: { iat: 0 } },
  ])('leaves alone one that is $what', async ({ given }) => {
    expect(await bind(await pairOf(some(given)))).toEqual([])
  })

  it('leaves alone the one that was just finished, and what does not open', async () => {
    const pair = await pairOf(some())
    expect(await bind(`${pair}; ${PENDING_COOKIE_PREFIX}evil=x`, nameOf(pair))).toEqual([])
  })

  it('counts the one that was just finished among none of them', async () => {
    const pair = await pairOf(some())
    const evil = Array.from({ length: 8 }, (_, i) => `${PENDING_COOKIE_PREFIX}${i}=x`)
    expect(await bind([pair, ...evil].join('; '), nameOf(pair))).toEqual([])
  })

  it('opens no more than a few, and clears the rest, so that none stays unbound', async () => {
    const evil = await sealedElsewhere()
    const header = Array.from({ length: 30 }, (_, i) => `${PENDING_COOKIE_PREFIX}${i}=${evil}`)
    const decrypt = vi.spyOn(crypto.subtle, 'decrypt')
    const lines = await bind(header.join('; '))
    expect(lines).toHaveLength(22)
    for (const line of lines) expect(line).toContain('Max-Age=0')
    expect(decrypt.mock.calls.length).toBeLessThanOrEqual(8)
  })
})

/** A value of ours, but for another state, that somebody put under another name. */
async function sealedElsewhere(): Promise<string> {
  const pair = await pairOf(some({ state: 'evil' }))
  return pair.slice(pair.indexOf('=') + 1)
}

function nameOf(pair: string): string {
  return pair.slice(0, pair.indexOf('='))
}

function readable(part: string): string {
  try {
    return atob(part.trim().replaceAll('-', '+').replaceAll('_', '/'))
  } catch {
    return ''
  }
}
