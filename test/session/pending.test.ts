/** This file is the tests of pending authorizations: bound to their browser, their state and their ten minutes (TMB-03, TMB-04, TMB-34). */

import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { readCookies } from '../../src/session/cookie.ts'
import { bindPending, openPending, type Pending, sealPending } from '../../src/session/pending.ts'
import { theConfig } from '../support/broker.ts'

const config = theConfig()

beforeEach(() => void vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-23T12:00:00Z') }))
afterEach(() => void vi.useRealTimers())

const pending = (more: Partial<Pending> = {}): Pending => ({
  state: 'canary-state',
  nonce: 'canary-nonce',
  code_verifier: 'canary-verifier',
  client: 'default',
  bundle: 'canary-bundle',
  return_to: 'https://broker.example/canary',
  display: 'page',
  consent_prompted: false,
  iat: Date.now() / 1000,
  ...more,
})

/** What a browser keeps of `Set-Cookie` lines, beside what it had. */
function keep(jar: Map<string, string>, lines: readonly string[]): void {
  for (const line of lines) {
    const [pair = ''] = line.split(';')
    const [name, value] = [pair.slice(0, pair.indexOf('=')), pair.slice(pair.indexOf('=') + 1)]
    if (line.includes('Max-Age=0')) jar.delete(name)
    else jar.set(name, value)
  }
}

const header = (jar: Map<string, string>): string =>
  [...jar].map((pair) => pair.join('=')).join('; ')
const openWith = async (
  jar: Map<string, string>,
  state = 'canary-state',
): Promise<Pending | undefined> =>
  (await openPending(config, state, readCookies(header(jar))))?.pending

async function begin(jar: Map<string, string>, more: Partial<Pending> = {}): Promise<void> {
  keep(jar, await sealPending(config, pending(more), readCookies(header(jar))))
}

describe('a pending authorization', () => {
  it('opens for its state in its browser, and says nothing to anybody else (TMB-03)', async () => {
    const jar = new Map<string, string>()
    await begin(jar)
    expect(await openWith(jar)).toEqual(pending())
    expect(header(jar)).not.toContain('canary')
    expect(atob(header(jar).split('=')[1]?.split('.')[0] ?? '')).not.toContain('canary')
  })

  it('does not open for another state, in another browser, tampered with, or renamed (TMB-04)', async () => {
    const jar = new Map<string, string>()
    await begin(jar)
    expect(await openWith(jar, 'another')).toBeUndefined()
    expect(await openWith(new Map())).toBeUndefined()
    const [name = '', value = ''] = [...jar][0] ?? []
    expect(
      await openWith(
        new Map([
          [name, `${value.slice(0, 200)}${value[200] === 'A' ? 'B' : 'A'}${value.slice(201)}`],
        ]),
      ),
    ).toBeUndefined()
    const other = new Map<string, string>()
    await begin(other, { state: 'another' })
    expect(
      await openWith(new Map([[[...other.keys()][0] ?? '', value]]), 'another'),
    ).toBeUndefined()
  })

  it.each([
    { after: 599, opens: true },
    { after: 600, opens: false },
  ])('after $after seconds opens: $opens (TMB-04)', async ({ after, opens }) => {
    const jar = new Map<string, string>()
    await begin(jar)
    vi.setSystemTime(Date.now() + after * 1000)
    expect((await openWith(jar)) !== undefined).toBe(opens)
  })
})

describe('many pending authorizations', () => {
  it('stay within the header’s budget, the newest always among them (TMB-34)', async () => {
    const jar = new Map<string, string>()
    for (let tab = 0; tab < 12; tab++) {
      vi.setSystemTime(Date.now() + 1000)
      await begin(jar, {
        state: `state-${tab}`,
        return_to: `https://broker.example/${'x'.repeat(tab * 80)}`,
      })
      expect(header(jar).length).toBeLessThan(4096)
      expect(await openWith(jar, `state-${tab}`)).toBeDefined()
    }
  })

  it('of ordinary length leave room for three tabs', async () => {
    const jar = new Map<string, string>()
    for (const state of ['a', 'b', 'c']) await begin(jar, { state })
    for (const state of ['a', 'b', 'c']) expect(await openWith(jar, state)).toBeDefined()
  })

  it('planted by somebody else are cleared, not believed', async () => {
    const jar = new Map(
      Array.from(
        { length: 30 },
        (_, index) => [`__Host-Http-ptb-pending-${index}`, 'evil'] as const,
      ),
    )
    await begin(jar)
    expect([...jar.values()].filter((value) => value === 'evil')).toEqual([])
    expect(await openWith(jar)).toBeDefined()
  })
})

describe('binding', () => {
  it('gives the session to flows begun without one, of the same client, and to no other', async () => {
    const jar = new Map<string, string>()
    const [session, older] = [
      { line: 'new', subject: 's' },
      { line: 'old', subject: 's' },
    ]
    await begin(jar, { state: 'done' })
    await begin(jar, { state: 'open' })
    await begin(jar, { state: 'bound', session: older })
    const done = (await openPending(config, 'done', readCookies(header(jar))))?.cookie ?? ''
    keep(jar, await bindPending(config, readCookies(header(jar)), done, 'default', session))
    expect((await openWith(jar, 'open'))?.session).toEqual(session)
    expect((await openWith(jar, 'bound'))?.session).toEqual(older)
    expect((await openWith(jar, 'done'))?.session).toBeUndefined()
    expect(await bindPending(config, readCookies(header(jar)), done, 'another', session)).toEqual(
      [],
    )
  })
})
