/** This file is the tests of the publisher: KV comes to say what the ledger says, whatever fails or changes on the way. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { beforeEach, expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import { open } from '../../src/crypto/seal.ts'
import { createPublisher, type Publisher } from '../../src/subject/kv-outbox.ts'
import { type Ledger, openLedger } from '../../src/subject/ledger.ts'
import { createSessions, type Sessions } from '../../src/subject/sessions.ts'
import { createVault, type Vault } from '../../src/subject/vault.ts'
import { theConfig } from '../support/broker.ts'
import { createHostileKv } from '../support/hostile-kv.ts'
import { later, stage } from '../support/story.ts'

stage()

const config = theConfig()
const TOKEN = 'token/ada/a'
const GRANT = 'grant/ada/a'

interface Given {
  ledger: Ledger
  sessions: Sessions
  vault: Vault
  publisher: Publisher
  schedule: ReturnType<typeof vi.fn<() => Promise<void>>>
}

const kv = createHostileKv()
beforeEach(() => kv.reset())

async function publishing(work: (given: Given) => Promise<void>): Promise<void> {
  const stub = env.SUBJECTS.getByName(crypto.randomUUID())
  await runInDurableObject(stub, async (_, { storage }) => {
    const ledger = openLedger(storage)
    const [sessions, vault] = [
      createSessions(ledger, config),
      createVault(config.keyring, 'ada', { record: () => {} }),
    ]
    const schedule = vi.fn(async () => {})
    const more = { kv: kv.namespace, keyring: config.keyring, subject: 'ada', schedule }
    const publisher = createPublisher({ ...more, ledger, sessions, vault })
    await work({ ledger, sessions, vault, publisher, schedule })
  })
}

/** Puts an access token into the ledger, and on the list. */
async function put(
  { ledger, vault, publisher }: Given,
  { scopes = 'a', access_token = 'canary-a', lives = 3600 } = {},
): Promise<void> {
  const expires_at = now() + lives
  const token = { v: 1, access_token, scope: 's', expires_at, generation: 'g' } as const
  const sealed = await vault.sealToken(scopes, token)
  ledger.put('tokens', { scopes, grant_scopes: scopes, expires_at, sealed })
  publisher.token(scopes)
}

/** What KV says, opened. */
async function stored(key = TOKEN): Promise<unknown> {
  const sealed = kv.dump().get(key)
  return sealed && open(config.keyring, { type: 'token', at: key }, sealed)
}

it('a token is written with the sessions that live, in whole seconds, and goes with its row', async () => {
  await publishing(async (given) => {
    const { ledger, publisher, sessions } = given
    later(0.75)
    const [one, two] = [sessions.begin('x').session, sessions.begin('y').session]
    await put(given)
    await publisher.flush()
    expect(await stored()).toMatchObject({
      access_token: 'canary-a',
      sessions: [
        [one.id, Math.floor(now())],
        [two.id, Math.floor(now())],
      ],
    })
    later(2)
    sessions.end(one.id)
    publisher.allTokens()
    await publisher.flush()
    expect(await stored()).toMatchObject({ sessions: [[two.id, expect.any(Number)]] })
    later(2)
    ledger.remove('tokens', 'a')
    publisher.token('a')
    await publisher.flush()
    expect(kv.dump()).toEqual(new Map())
    expect(ledger.all('unpublished')).toEqual([])
  })
})

it('a grant is written as it is sealed, and goes with its row', async () => {
  await publishing(async ({ ledger, publisher }) => {
    ledger.put('grants', {
      ...{ scopes: 'a', generation: 'g', granted_at: 1, refreshed_at: 1, sealed: 'canary-sealed' },
    })
    publisher.grant('a')
    await publisher.flush()
    expect([...kv.dump()]).toEqual([[GRANT, 'canary-sealed']])
    later(2)
    ledger.remove('grants', 'a')
    publisher.grant('a')
    await publisher.flush()
    expect(kv.dump()).toEqual(new Map())
  })
})

it('only what is on the list is written, and every token when sessions changed', async () => {
  await publishing(async (given) => {
    await put(given)
    await put(given, { scopes: 'b' })
    await given.publisher.flush()
    const { writes } = kv.counts
    await given.publisher.flush()
    expect(kv.counts.writes).toBe(writes)
    later(2)
    given.publisher.allTokens()
    expect(given.ledger.all('unpublished').map(({ key }) => key)).toEqual([TOKEN, 'token/ada/b'])
    await given.publisher.flush()
    expect(kv.counts.writes).toBe(writes + 2)
  })
})

it('a write that failed is tried again after 1, 2, 4, 8 and then every 15 seconds, and no sooner', async () => {
  const warn = vi.spyOn(console, 'warn').mockImplementation(() => {})
  await publishing(async (given) => {
    const { ledger, publisher } = given
    kv.down.writes = true
    await put(given)
    for (const [index, pause] of [1, 2, 4, 8, 15, 15].entries()) {
      await publisher.flush()
      expect(ledger.all('unpublished')).toMatchObject([
        { key: TOKEN, failures: index + 1, not_before: now() + pause },
      ])
      later(pause - 0.001)
      await publisher.flush()
      expect(kv.counts.refused).toBe(index + 1)
      later(0.001)
    }
    expect(JSON.parse(`${warn.mock.lastCall}`)).toMatchObject({
      ...{ level: 'warn', event: 'kv_write_failed', subject: 'ada' },
    })
    kv.down.writes = false
    await publisher.flush()
    expect(await stored()).toMatchObject({ access_token: 'canary-a' })
    expect(ledger.all('unpublished')).toEqual([])
  })
})

it.each([{ fails: false }, { fails: true }])(
  'what changes while it is written stays on the list, where the write fails: $fails',
  async ({ fails }) => {
    vi.spyOn(console, 'warn').mockImplementation(() => {})
    await publishing(async (given) => {
      const { ledger, publisher } = given
      const writing = vi.spyOn(kv.namespace, 'put')
      writing.mockImplementationOnce(async () => {
        await put(given, { access_token: 'canary-news' })
        if (fails) throw new Error('KV PUT failed')
      })
      await put(given)
      await publisher.flush()
      expect(ledger.all('unpublished')).toMatchObject([
        { key: TOKEN, failures: 0, not_before: now() },
      ])
      await publisher.flush()
      expect(await stored()).toMatchObject({ access_token: 'canary-news' })
    })
  },
)

it('the alarm is set before anything is written and after, and one flush waits for another', async () => {
  await publishing(async (given) => {
    const { publisher, schedule } = given
    const steps: string[] = []
    let second: Promise<void> | undefined
    schedule.mockImplementation(async () => void steps.push('alarm'))
    vi.spyOn(kv.namespace, 'put').mockImplementation(async () => {
      steps.push('begin')
      publisher.token('a')
      second ??= publisher.flush()
      await new Promise((resolve) => setTimeout(resolve, 1))
      steps.push('end')
    })
    await put(given)
    await publisher.flush()
    expect(steps).toEqual(['alarm', 'begin', 'alarm', 'end', 'alarm'])
    await second
    expect(steps.slice(5)).toEqual(['begin', 'end', 'alarm'])
  })
})
