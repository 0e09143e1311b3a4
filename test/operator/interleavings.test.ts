/** Rotation during other calls: no refresh token is lost, and nothing deleted returns (TMB-56, TMB-61). */

import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { parseScope } from '../../src/scope/scopes.ts'
import { ask, browse, logIn, subjectOf, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { deployKeys, operator, rotate, statsOf } from '../support/operator.ts'
import { type Call, oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { alarm, later, stage } from '../support/story.ts'

stage()

const ACTIONS = ['ask', 'ask', 'reseal', 'reseal', 'rotate', 'consent', 'logout', 'alarm'] as const
const ENDINGS = ['disconnect', 'operator', 'forget', 'nothing'] as const

/** Actions that run in parallel, each after a number of milliseconds. */
const scene = fc.record({
  beside: fc.array(
    fc.record({
      what: fc.constantFrom(...ACTIONS),
      bundle: fc.constantFrom('pick', 'upload'),
      after: fc.nat(4),
    }),
    { minLength: 1, maxLength: 6 },
  ),
  ending: fc.record({ what: fc.constantFrom(...ENDINGS), after: fc.nat(4) }),
  google_ms: fc.nat(4),
  /** How long each encryption takes, in milliseconds, so that other actions run during it. */
  seal_ms: fc.array(fc.nat(3), { minLength: 1, maxLength: 8 }),
})

/** The keys of each scene, the newest first. */
const KEYS_OF_SCENES = [
  ['k2', 'k1'],
  ['k3', 'k2', 'k1'],
  ['k1', 'k3', 'k2'],
]

const pause = async (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const encrypt = crypto.subtle.encrypt.bind(crypto.subtle)

/** Makes encryption slow. */
function slowSeals(waits: readonly number[]): void {
  let count = 0
  vi.spyOn(crypto.subtle, 'encrypt').mockImplementation(async (...args) => {
    await pause(waits[count++ % waits.length] ?? 0)
    return encrypt(...args)
  })
}

/** A Google that accepts each refresh token once, and collects uses of replaced ones. */
function rotatingGoogle(): { issue(): string; answer(call: Call): Response; stale: string[] } {
  const current = new Set<string>()
  const stale: string[] = []
  const issue = (): string => {
    const token = `canary-${crypto.randomUUID()}`
    current.add(token)
    return token
  }
  return {
    issue,
    stale,
    answer(call) {
      const used = call.body.get('refresh_token') ?? ''
      if (!current.delete(used)) {
        stale.push(used)
        return oauthError(400, 'invalid_grant')
      }
      return refreshed(call, { refresh_token: issue() })
    },
  }
}

it('during any other calls a rotation loses no refresh token, restores nothing deleted, and leaves no old key', async () => {
  let run = 0
  await fc.assert(
    fc.asyncProperty(fc.array(scene, { minLength: 1, maxLength: 3 }), async (scenes) => {
      const sub = `person-${run++}`
      const { key, stub } = await subjectOf(sub)
      const rotating = rotatingGoogle()
      const google = scriptGoogle()
      const browser = browse()
      const consent = async (bundle: string) =>
        logIn(browser, { sub, bundle, expires_in: 200, refresh_token: rotating.issue() })
      await deployKeys(['k1'], [])
      for (const bundle of ['pick', 'upload']) await consent(bundle)
      let isIn = true
      for (const [index, { beside, ending, google_ms, seal_ms }] of scenes.entries()) {
        later(3600)
        const kids = KEYS_OF_SCENES[index] ?? []
        await deployKeys(kids, [stub])
        google.token = async (call) => {
          await pause(google_ms)
          return rotating.answer(call)
        }
        slowSeals(seal_ms)
        const playing = beside.map(async ({ what, bundle, after }) => {
          await pause(after)
          if (what === 'ask') await ask(browser, { bundle })
          if (what === 'reseal') await statsOfAny(key)
          if (what === 'rotate') await rotate()
          if (what === 'consent') await consent(bundle).catch(refused)
          if (what === 'logout') await end(browser, '/session')
          if (what === 'alarm') await alarm(stub)
        })
        const ended = pause(ending.after).then(async () => {
          if (ending.what === 'disconnect') await end(browser, '/grants')
          if (ending.what === 'operator') await operator.forget('ada', key)
          if (ending.what === 'forget') await end(browser, '/grants/pick')
        })
        await Promise.all([...playing, ended])
        slowSeals([0])
        later(61)
        await alarm(stub)
        const stats = await statsOf(key, true)
        expect(Object.keys(stats.records).filter((kid) => kid !== kids[0])).toEqual([])
        expect(stats.unreadable).toBe(0)
        const mayLive = beside.some(({ what }) => what === 'consent' || what === 'logout')
        const isEnded: boolean =
          ending.what === 'operator' || (ending.what === 'disconnect' && isIn)
        isIn &&= !isEnded && !beside.some(({ what }) => what === 'logout')
        if (isEnded && !mayLive) expect(stats.grants).toEqual([])
      }
      await expectAlive(sub, (await statsOf(key)).grants.length)
      expect(rotating.stale).toEqual([])
    }),
    { numRuns: 25 },
  )
}, 60_000)

/** Ignores a refused consent: it began before a disconnect. */
function refused(): void {}

async function end(browser: Browser, path: string): Promise<void> {
  await browser.call('DELETE', the.url + path)
}

/** Reseals an object that may be empty. */
async function statsOfAny(key: string): Promise<void> {
  await statsOf(key, true).catch(() => undefined)
}

/** Checks that every counted grant refreshes with the token that Google issued last. */
async function expectAlive(sub: string, grants: number): Promise<void> {
  const { stub } = await subjectOf(sub)
  later(3600)
  let served = 0
  for (const scope of [the.pick, the.upload]) {
    const credential = { kind: 'app_user' } as const
    const scopes = parseScope(scope).join(' ')
    const outcome = await stub.issueToken({
      credential,
      scope: scopes,
      min_ttl: 0,
      missed_in_kv: false,
    })
    if (outcome.ok) served++
  }
  expect(served).toBe(grants)
}
