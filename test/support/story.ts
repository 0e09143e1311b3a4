/** The stage of the flow tests: a clock, an empty storage, and a KV that may be hostile. */

import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import type { LogRecord } from '../../src/audit/log.ts'
import { takeUnknownOrigins } from './internet.ts'
import { configure, hostileKv } from './worker.ts'

/** Every story begins at this hour. Alarms are kept by the real clock: one that has passed by it goes off at once. */
export const STORY_BEGINS = Date.parse('2037-01-01T12:00:00Z')

/** Whether this run is over the hostile KV. */
export const isHostile = (env as unknown as { HOSTILE_KV?: string }).HOSTILE_KV === 'yes'

/** Sets every story of a file on a fresh stage. */
export function stage(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: STORY_BEGINS })
    configure()
    hostileKv.reset()
  })
  afterEach(async () => {
    const unknown = takeUnknownOrigins()
    vi.restoreAllMocks()
    vi.useRealTimers()
    await reset()
    expect(unknown, 'requests to hosts that the test did not register').toEqual([])
  })
}

/** Lets time pass. */
export function later(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

/** Moves the reader to another location; with Miniflare's KV there is only one. */
export function travel(location: string): void {
  hostileKv.location = location
}

/** Lets what KV refused be written, and reach every location: the minute after which a logout holds everywhere. */
export async function aMinute(stub: DurableObjectStub): Promise<void> {
  later(2)
  await alarm(stub)
  later(60)
}

/** Lets the alarm of an object go off. */
export async function alarm(stub: DurableObjectStub): Promise<void> {
  await runDurableObjectAlarm(stub)
}

/** Reads from now on what is logged at these levels, and keeps it from the console. */
export function readLog(...levels: LogRecord['level'][]): Partial<LogRecord>[] {
  const lines: Partial<LogRecord>[] = []
  for (const level of levels)
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(JSON.parse(line)))
  return lines
}

/** Counts from now on what requests cost: reads of KV, calls of Durable Objects, calls of others. */
export function countCosts(): { kv: () => number; objects: () => number; outbound: () => number } {
  const kv = isHostile ? undefined : vi.spyOn(env.TOKENS, 'get')
  const before = hostileKv.counts.reads
  const objects = [env.SUBJECTS, env.ONE_TIME_USES, env.SUBJECT_INDEX].map((namespace) =>
    vi.spyOn(namespace as Env['SUBJECTS'], 'getByName'),
  )
  const outbound = vi.mocked(globalThis.fetch)
  const already = outbound.mock.calls.length
  return {
    kv: () => kv?.mock.calls.length ?? hostileKv.counts.reads - before,
    objects: () => objects.reduce((sum, { mock }) => sum + mock.calls.length, 0),
    outbound: () => outbound.mock.calls.length - already,
  }
}

/** Every record in KV, by key. */
export async function dumpKv(): Promise<Map<string, string>> {
  if (isHostile) return hostileKv.dump()
  const records = new Map<string, string>()
  for (const { name } of (await env.TOKENS.list()).keys)
    records.set(name, (await env.TOKENS.get(name)) ?? '')
  return records
}

/** Puts a value under a key behind the broker's back. */
export async function plantKv(key: string, value: string): Promise<void> {
  if (isHostile) hostileKv.plant(key, value)
  else await env.TOKENS.put(key, value)
}

/** Everything a Durable Object keeps, as text. */
export async function dumpObject(stub: DurableObjectStub): Promise<string> {
  return runInDurableObject(stub, (_, { storage }) => {
    const tables = storage.sql
      .exec(
        "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '\\_%' ESCAPE '\\'",
      )
      .toArray()
    const rows = tables.map(({ name }) => [
      name,
      storage.sql.exec(`SELECT * FROM "${name}"`).toArray(),
    ])
    return JSON.stringify([rows, [...storage.kv.list()]])
  })
}
