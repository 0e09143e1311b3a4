/** Tests of the index by which a security event finds its users (TMB-67). */

import { env } from 'cloudflare:workers'
import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { SubjectIndex } from '../../src/events/subject-index.ts'
import { openIssuer } from '../support/app-issuer.ts'
import { configureAuthMethods, type GrantUser, openGrantUser } from '../support/grant-user.ts'
import { ADA, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { alarm, dumpObject, later, readLog, stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle

beforeEach(() => {
  configureAuthMethods()
  google = simulateGoogle()
})

const open = async (way: GrantUser['method']): Promise<GrantUser> =>
  openGrantUser(way, { google, issuer: await openIssuer() })

describe('the index of provider names', () => {
  const entryOf = (name: string) =>
    env.SUBJECT_INDEX.getByName(name) as unknown as DurableObjectStub<SubjectIndex>
  const DAYS_30 = 30 * 24 * 60 * 60

  it('has one entry for each name, holds no token, and is emptied with the grant', async () => {
    const asked = vi.spyOn(env.SUBJECT_INDEX, 'getByName')
    const ada = await open('jwt')
    await ada.connect('pick')
    const names = asked.mock.calls.map(([name]) => name).filter((name) => name.startsWith('name/'))
    const entries = new Map(names.map((name) => [name, entryOf(name)]))
    const [refresh_token = ''] = Object.keys(google.simulator.world.refresh_tokens)
    expect(entries.size).toBe(3) // the account, and the refresh token by its prefix and its hash
    for (const [name, stub] of entries) {
      expect(await dumpObject(stub)).toContain(ada.key)
      expect(name + (await dumpObject(stub))).not.toContain(refresh_token.slice(0, 16))
      expect(name + (await dumpObject(stub))).not.toContain(ADA)
    }
    later(DAYS_30)
    for (const stub of entries.values()) await alarm(stub)
    for (const stub of entries.values()) expect(await dumpObject(stub)).toContain(ada.key)
    await ada.end('/grants')
    later(DAYS_30)
    for (const stub of entries.values()) await alarm(stub)
    for (const stub of entries.values()) expect(await dumpObject(stub)).toBe('[]')
  })

  it('keeps an entry that is made during a check', async () => {
    const name = 'name/canary'
    const entry = entryOf(name)
    await entry.add(name, 'gone')
    const real = env.SUBJECTS.getByName.bind(env.SUBJECTS)
    vi.spyOn(env.SUBJECTS, 'getByName').mockImplementation((asked) =>
      asked === 'gone'
        ? ({
            hasProviderName: async () =>
              entryOf(name)
                .add(name, 'new')
                .then(() => false),
          } as never)
        : real(asked),
    )
    later(DAYS_30)
    await alarm(entry)
    expect(await entry.subjects()).toContain('new')
  })

  it('repeats a check that failed', async () => {
    const name = 'name/canary'
    const entry = entryOf(name)
    await entry.add(name, 'gone')
    const log = readLog('error')
    const reach = vi.spyOn(env.SUBJECTS, 'getByName').mockImplementation(() => {
      throw new Error('canary: no such place')
    })
    later(DAYS_30)
    await alarm(entry)
    expect(log).toMatchObject([{ event: 'alarm_failed' }])
    expect(await entry.subjects()).toEqual(['gone'])
    reach.mockRestore()
    later(60)
    await alarm(entry)
    expect(await dumpObject(entry)).toBe('[]')
  })

  it('lists each subject once, the newest last, at most a hundred', async () => {
    const entry = entryOf('name/canary')
    for (const subject of ['a', 'b', 'a']) await entry.add('name/canary', subject)
    expect(await entry.subjects()).toEqual(['b', 'a'])
    for (let count = 0; count < 99; count++) await entry.add('name/canary', `${count}`)
    const indexed = await entry.subjects()
    expect([indexed.length, indexed[0], indexed.at(-1)]).toEqual([100, 'a', '98'])
  })

  it('does not fail the user when it cannot be written', async () => {
    vi.spyOn(env.SUBJECT_INDEX, 'getByName').mockImplementation(() => {
      throw new Error('canary: no such place')
    })
    const errors = vi.spyOn(console, 'error').mockReturnValue()
    const ada = await open('oauth')
    await ada.connect('pick')
    expect((await ada.ask()).status).toBe(200)
    const lines = errors.mock.calls.map(([line]) => JSON.parse(String(line)))
    expect(lines).toMatchObject([{ event: 'name_not_noted', subject: ada.key }])
  })
})
