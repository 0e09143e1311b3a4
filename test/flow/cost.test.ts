/** What users cost: KV operations, object calls, rows and bytes, also while KV refuses writes. */

import { evictDurableObject, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { describe, expect, it, vi } from 'vitest'
import { ask, browse, copyOf, end, logIn, subjectOf, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { ADA, simulateGoogle } from '../support/simulated-google.ts'
import { alarm, countCosts, dumpKv, later, readLog, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

/** Counts the rows that the object of the user writes from now on; an alarm is billed as a row. */
async function countRows(): Promise<{ rows: number; alarms: number }> {
  const count = { rows: 0, alarms: 0 }
  const { stub } = await subjectOf()
  await runInDurableObject(stub, (_, { storage }) => {
    const { kv } = storage
    const { put, delete: remove } = kv
    vi.spyOn(kv, 'put').mockImplementation((...row) => {
      count.rows++
      put.apply(kv, row)
    })
    vi.spyOn(kv, 'delete').mockImplementation((key) => {
      const wasThere = remove.call(kv, key)
      if (wasThere) count.rows++
      return wasThere
    })
    const { setAlarm } = storage
    vi.spyOn(storage, 'setAlarm').mockImplementation(async (at) => {
      count.alarms++
      await setAlarm.call(storage, at)
    })
  })
  return count
}

interface CountedKv {
  gets: number
  puts: number
  deletes: number
  /** Whether it refuses writes. */
  refuses: boolean
}

/** Gives the broker a KV that counts. */
function countKv(more: object = {}): CountedKv {
  const { TOKENS } = env
  const kv: CountedKv = { gets: 0, puts: 0, deletes: 0, refuses: false }
  const orRefuse = async (work: () => Promise<void>): Promise<void> => {
    if (kv.refuses) throw new Error('KV PUT failed: 429 Too Many Requests')
    await work()
  }
  const counting = {
    get: async (key: string) => {
      kv.gets++
      return TOKENS.get(key)
    },
    put: (...write: Parameters<KVNamespace['put']>) => {
      kv.puts++
      return orRefuse(() => TOKENS.put(...write))
    },
    delete: (key: string) => {
      kv.deletes++
      return orRefuse(() => TOKENS.delete(key))
    },
  }
  configure({ TOKENS: counting, ...more })
  return kv
}

/** Logs a user in, and waits until KV has what it gets of that. */
async function logInOverKv(): Promise<{ kv: CountedKv; browser: Browser }> {
  readLog('warn', 'error')
  const kv = countKv()
  scriptGoogle()
  const browser = await logIn(browse())
  await expect.poll(() => kv.puts).toBe(2)
  return { kv, browser }
}

/** Lets time pass, and runs the object's alarm whenever it is due. */
async function live(seconds: number): Promise<void> {
  const { stub } = await subjectOf()
  const until = Date.now() + seconds * 1000
  for (;;) {
    const due = await runInDurableObject(stub, async (_, { storage }) => storage.getAlarm())
    if (due === null || due > until) break
    later(Math.max(0, due - Date.now()) / 1000)
    await alarm(stub)
  }
  later((until - Date.now()) / 1000)
}

describe('a visit after the access token ended', () => {
  it.each([
    { consistency: 'edge', expected: { gets: 1, puts: 1, deletes: 0 } },
    { consistency: 'strict', expected: { gets: 0, puts: 0, deletes: 0 } },
  ])(
    'costs in $consistency one refresh, one object call, three rows and $expected',
    async ({ consistency, expected }) => {
      const kv = countKv({ CONSISTENCY: consistency })
      const google = scriptGoogle()
      google.token = (call) => refreshed(call)
      const browser = await logIn(browse())
      await live(2 * 3600)
      const [rows, costs] = [await countRows(), countCosts()]
      Object.assign(kv, { gets: 0, puts: 0, deletes: 0 })
      expect((await ask(browser)).status).toBe(200)
      await expect.poll(() => kv).toMatchObject(expected)
      expect([costs.objects(), google.refreshes.length]).toEqual([1, 1])
      expect(rows).toEqual({ rows: 3, alarms: 0 })
    },
  )

  it('writes nothing more for the other bundles of the user, nor when the token is asked for again', async () => {
    const kv = countKv()
    const google = scriptGoogle()
    google.token = (call) => refreshed(call)
    const browser = await logIn(browse())
    await logIn(browser, { bundle: 'upload' })
    await live(2 * 3600)
    Object.assign(kv, { gets: 0, puts: 0, deletes: 0 })
    expect((await ask(browser)).status).toBe(200)
    await expect.poll(() => kv.puts).toBe(1)
    const [rows, costs] = [await countRows(), countCosts()]
    for (let times = 0; times < 5; times++) expect((await ask(browser)).status).toBe(200)
    expect(kv).toMatchObject({ gets: 6, puts: 1, deletes: 0 })
    expect([costs.objects(), rows]).toEqual([0, { rows: 0, alarms: 0 }])
  })
})

it('a month of daily visits keeps to its share of writes', async () => {
  const kv = countKv()
  const google = scriptGoogle()
  google.token = (call) => refreshed(call)
  const browser = await logIn(browse())
  const rows = await countRows()
  for (let day = 1; day < 30; day++) {
    await live(86_400)
    expect((await ask(browser)).status).toBe(200)
  }
  await expect.poll(() => kv.puts).toBe(31)
  expect(kv.deletes).toBe(0)
  expect(rows.rows).toBeLessThanOrEqual(29 * 3)
  expect(rows.alarms).toBeLessThanOrEqual(5) // one a week, for the session that was not used
})

it('forgetting a bundle again and again costs nothing', async () => {
  const kv = countKv()
  scriptGoogle()
  const browser = await logIn(browse())
  expect(await end(browser, '/grants/pick')).toBe(204)
  const before = kv.deletes
  for (let times = 0; times < 20; times++) expect(await end(browser, '/grants/pick')).toBe(204)
  expect(kv.deletes).toBe(before)
})

it('a user with one bundle takes at most 40 KB, KV included', async () => {
  const google = simulateGoogle()
  const browser = google.browse()
  await google.connect(browser, 'pick')
  expect((await ask(browser)).status).toBe(200)
  const { stub } = await subjectOf(ADA)
  const bytes = await runInDurableObject(stub, (_, { storage }) => storage.sql.databaseSize)
  const records = [...(await dumpKv())].join('').length
  expect(bytes).toBeGreaterThan(4096)
  expect(bytes + records).toBeLessThanOrEqual(40 * 1024)
})

describe('while KV refuses writes', () => {
  it('the broker connects, issues tokens, refreshes and logs out, as on a Free plan that is used up', async () => {
    readLog('warn', 'error')
    const kv = countKv()
    kv.refuses = true
    const google = simulateGoogle()
    const browser = google.browse()
    await google.connect(browser, 'pick')
    const first = await ask(browser)
    expect(first.status).toBe(200)
    later(3600)
    const second = await ask(browser)
    expect(second.status).toBe(200)
    expect(second.body.access_token).not.toBe(first.body.access_token)
    const copy = copyOf(browser)
    expect(await end(browser, '/session')).toBe(503)
    expect((await ask(copy)).status).toBe(401) // no location holds its token
    later(3600)
    expect(await end(browser, '/session')).toBe(204)
  })

  it('a day costs at most twenty tries, however often tokens are asked for', async () => {
    readLog('warn')
    const kv = countKv()
    kv.refuses = true
    const google = scriptGoogle()
    google.token = (call) => refreshed(call)
    const browser = await logIn(browse())
    const copy = copyOf(browser)
    for (let minutes = 0; minutes < 24 * 60; minutes += 10) {
      expect((await ask(minutes < 60 ? browser : copy)).status).toBe(200)
      await live(600)
    }
    expect(google.refreshes.length).toBeGreaterThan(20)
    expect(kv.puts + kv.deletes).toBeLessThanOrEqual(20)
    const [rows] = [await countRows()]
    await live(10 * 86_400)
    expect(kv.puts + kv.deletes).toBeLessThanOrEqual(31)
    expect(rows.rows + rows.alarms).toBeLessThanOrEqual(40)
    kv.refuses = false
    await live(86_400)
    expect([...(await dumpKv()).keys()].map((key) => key.split('/')[0])).toContain('grant')
  })

  it('a logout says that other locations may not know it, until they do', async () => {
    const { kv, browser } = await logInOverKv()
    const copy = copyOf(browser)
    kv.refuses = true
    const before = kv.puts
    const answer = await browser.call('DELETE', `${the.url}/session`)
    expect(answer.status).toBe(503)
    expect(Number(answer.headers.get('Retry-After'))).toBeGreaterThan(0)
    expect(await answer.json()).toMatchObject({ error: 'temporarily_unavailable' })
    expect(kv.puts - before).toBe(3) // at once, and twice in the next seconds
    expect((await ask(copy)).status).toBe(200) // what the answer warns of
    await evictDurableObject((await subjectOf()).stub)
    later(10)
    expect(await end(browser, '/session')).toBe(503) // the cookie is still there
    kv.refuses = false
    later(10)
    expect(await end(browser, '/session')).toBe(204)
    expect((await ask(copy)).status).toBe(401)
    expect(await end(browser, '/session')).toBe(204)
  })

  it.each(['/grants', '/grants/pick'])('DELETE %s says so too', async (path) => {
    const { kv, browser } = await logInOverKv()
    kv.refuses = true
    expect(await end(browser, path)).toBe(503)
    later(10)
    expect(await end(browser, path)).toBe(503)
    kv.refuses = false
    later(10)
    expect(await end(browser, path)).toBe(204)
    expect((await dumpKv()).size).toBe(0)
  })

  it('every logout has KV tried again, also right after it refused', async () => {
    const { kv, browser } = await logInOverKv()
    kv.refuses = true
    expect(await end(browser, '/session')).toBe(503)
    later(600)
    await alarm((await subjectOf()).stub)
    kv.refuses = false
    later(0.02)
    expect(await end(browser, '/session')).toBe(204)
  })

  it('a logout is believed at once in strict, and where the access token has ended', async () => {
    readLog('warn', 'error')
    const kv = countKv({ CONSISTENCY: 'strict' })
    scriptGoogle()
    const browser = await logIn(browse())
    kv.refuses = true
    expect(await end(browser, '/session')).toBe(204)
    const edge = countKv()
    await evictDurableObject((await subjectOf()).stub)
    const other = await logIn(browse())
    later(3600)
    edge.refuses = true
    expect(await end(other, '/session')).toBe(204)
  })

  it('a KV that takes one write a second delays a logout and nothing else', async () => {
    readLog('warn')
    const kv = countKv()
    scriptGoogle()
    const browser = await logIn(browse())
    await expect.poll(() => kv.puts).toBe(2)
    kv.refuses = true
    vi.mocked(scheduler.wait).mockImplementationOnce(async (ms) => {
      later(ms / 1000)
      kv.refuses = false
    })
    expect(await end(browser, '/session')).toBe(204)
    expect((await ask(browser)).status).toBe(401)
  })
})
