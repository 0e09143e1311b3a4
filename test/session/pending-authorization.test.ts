/** The pending authorization: finished only by the browser that began, in time, within the size limit. */

import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import { readConfig } from '../../src/config/config.ts'
import { PENDING_COOKIE_PREFIX, readCookies } from '../../src/session/cookies.ts'
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

function pendingWith(more: Partial<PendingAuthorization> = {}): PendingAuthorization {
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

/** A cookie jar that keeps the order of its cookies. */
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
  it('has a cookie of its own for ten minutes (TMB-04, TMB-30)', async () => {
    const [line = '', ...others] = await begin(pendingWith())
    expect(others).toEqual([])
    expect(line.startsWith(PENDING_COOKIE_PREFIX)).toBe(true)
    expect(line.split('; ').slice(1).sort()).toEqual([
      ...['HttpOnly', 'Max-Age=600', 'Path=/', 'SameSite=Lax', 'Secure'],
    ])
    expect(PENDING_SECONDS).toBeLessThanOrEqual(600)
  })

  it('reveals nothing of its content (TMB-03, TMB-04)', async () => {
    const [line = ''] = await begin(pendingWith())
    const texts = line.split(/[.=;]/).flatMap((part) => [part, readable(part)])
    expect(texts.join('\n')).not.toMatch(/canary|app\.example/)
    expect(texts.join('\n')).toContain('"enc":"A256GCM"')
  })

  it('is not found by another state, even in the same browser (TMB-10)', async () => {
    const header = `${await pairOf(pendingWith())}; ${await pairOf(pendingWith({ state: 'second' }))}`
    expect(await find(header, 'third')).toBeUndefined()
    expect(await find(header, '')).toBeUndefined()
    expect((await find(header, 'second'))?.state).toBe('second')
    expect((await find(header))?.state).toBe(STATE)
  })

  it('is not found under the name of another state (TMB-10, TMB-53)', async () => {
    const first = await pairOf(pendingWith())
    const second = await pairOf(pendingWith({ state: 'second' }))
    const swapped = second.slice(0, second.indexOf('=')) + first.slice(first.indexOf('='))
    expect(await find(swapped, 'second')).toBeUndefined()
    expect(await find(swapped)).toBeUndefined()
  })

  it('is not found if its state differs from the one that names it', async () => {
    vi.spyOn(crypto.subtle, 'digest').mockResolvedValue(new ArrayBuffer(32)) // all cookies get the same name
    const pair = await pairOf(pendingWith())
    expect(await find(pair)).toBeDefined()
    expect(await find(pair, 'canary-stata')).toBeUndefined()
    expect(await find(pair, 'canary-stat')).toBeUndefined()
  })
})

describe('many pending authorizations', () => {
  const COOKIE_HEADER_BYTES = 4096
  const SESSION_BYTES = 600

  it('never fill the Cookie header, and the newest can always be finished (TMB-34)', async () => {
    const browser = openJar()
    for (let tab = 0; tab < 30; tab++) {
      vi.setSystemTime(Date.now() + 1000)
      const state = `state ${tab}`
      const return_to = `https://app.example/${'x'.repeat(tab * 33)}`
      browser.take(await begin(pendingWith({ state, return_to }), browser.header()))
      expect(browser.header().length).toBeLessThan(COOKIE_HEADER_BYTES - SESSION_BYTES)
      expect((await find(browser.header(), state))?.state).toBe(state)
    }
  })

  it('are removed from the oldest on', async () => {
    const browser = openJar()
    const return_to = `https://app.example/${'x'.repeat(300)}`
    const ages = { old: 300, young: 10, older: 400, oldest: 500 }
    for (const [state, age] of Object.entries(ages))
      browser.take(await begin(pendingWith({ state, return_to, iat: now() - age })))
    browser.take(await begin(pendingWith({ state: 'new', return_to }), browser.header()))
    const kept = []
    for (const state of ['new', 'young', 'old', 'older', 'oldest'])
      if (await find(browser.header(), state)) kept.push(state)
    expect(kept).toEqual(['new', 'young', 'old'])
  })

  it('that are forged are removed, and only a few are opened (TMB-34, TMB-73)', async () => {
    const browser = openJar()
    const evil = await foreignValue()
    for (let i = 0; i < 30; i++) browser.jar.set(`${PENDING_COOKIE_PREFIX}evil${i}`, evil)
    const decrypt = vi.spyOn(crypto.subtle, 'decrypt')
    browser.take(await begin(pendingWith(), browser.header()))
    expect(decrypt.mock.calls.length).toBeLessThanOrEqual(8)
    expect(browser.jar.size).toBe(1)
    expect((await find(browser.header()))?.state).toBe(STATE)
  })

  it('that do not open, came twice, or are too old are removed, even if there is room', async () => {
    const old = await pairOf(pendingWith({ state: 'old', iat: now() - 600 }))
    const twice = await pairOf(pendingWith({ state: 'twice' }))
    const lines = await begin(
      pendingWith(),
      `${PENDING_COOKIE_PREFIX}evil=x; ${old}; ${twice}; ${twice}; theme=dark`,
    )
    const cleared = lines.filter((line) => line.includes('Max-Age=0')).map(nameOf)
    expect(cleared.sort()).toEqual(
      [`${PENDING_COOKIE_PREFIX}evil`, nameOf(old), nameOf(twice)].sort(),
    )
  })
})

describe('a new session', () => {
  const session = { family_id: 'line', subject: 'subject' }
  const bind = async (header: string, finished = 'none'): Promise<string[]> =>
    bindPending(config, readCookies(header), finished, 'web', session)

  it('is bound to pending authorizations of its client that began without one; their lifetime stays (TMB-28, TMB-32)', async () => {
    const browser = openJar()
    browser.take(await begin(pendingWith()))
    vi.setSystemTime(Date.now() + 60_500)
    const lines = await bind(browser.header())
    expect(lines).toHaveLength(1)
    expect(lines[0]).toMatch(/; Max-Age=540; .*SameSite=Lax/)
    browser.take(lines)
    const iat = now() - 60.5
    expect(await find(browser.header())).toEqual(pendingWith({ session, iat }))
    vi.setSystemTime(Date.now() + 540_000)
    expect(await find(browser.header())).toBeUndefined()
  })

  it.each<{ what: string; given: Partial<PendingAuthorization> }>([
    { what: 'of another client', given: { client: 'shop' } },
    { what: 'bound already', given: { session: { family_id: 'a', subject: 'b' } } },
    { what: 'too old', given: { iat: 0 } },
  ])('is not bound to one that is $what', async ({ given }) => {
    expect(await bind(await pairOf(pendingWith(given)))).toEqual([])
  })

  it('is not bound to the one that was just finished, nor to one that does not open', async () => {
    const pair = await pairOf(pendingWith())
    expect(await bind(`${pair}; ${PENDING_COOKIE_PREFIX}evil=x`, nameOf(pair))).toEqual([])
  })

  it('is bound to a few only; the rest is removed, so that none stays unbound', async () => {
    const evil = await foreignValue()
    const header = Array.from({ length: 30 }, (_, i) => `${PENDING_COOKIE_PREFIX}${i}=${evil}`)
    const decrypt = vi.spyOn(crypto.subtle, 'decrypt')
    const lines = await bind(header.join('; '))
    expect(lines).toHaveLength(22)
    for (const line of lines) expect(line).toContain('Max-Age=0')
    expect(decrypt.mock.calls.length).toBeLessThanOrEqual(8)
  })
})

/** A sealed value of another state. */
async function foreignValue(): Promise<string> {
  const pair = await pairOf(pendingWith({ state: 'evil' }))
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
