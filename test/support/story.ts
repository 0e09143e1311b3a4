/** The environment of a test: a clock, empty storage, and a KV that may be hostile. */

import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, expect, vi } from 'vitest'
import type { LogRecord } from '../../src/audit/log.ts'
import { takeUnknownOrigins } from './internet.ts'
import { configure, hostileKv } from './worker.ts'

/** When every test begins. Alarms follow the real clock, so this is in the future. */
export const STORY_BEGINS = Date.parse('2037-01-01T12:00:00Z')

/** Whether the tests run over the hostile KV. */
export const isHostile = (env as unknown as { HOSTILE_KV?: string }).HOSTILE_KV === 'yes'

/** Gives every test of a file a new environment. */
export function stage(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: STORY_BEGINS })
    vi.spyOn(scheduler, 'wait').mockImplementation(async (ms) => later(ms / 1000))
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

/** Advances the clock. */
export function later(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

/** Reads KV from another location from now on; Miniflare's KV has only one. */
export function travel(location: string): void {
  hostileKv.location = location
}

/** Writes to KV what it refused, and lets a minute pass until every location has it. */
export async function aMinute(stub: DurableObjectStub): Promise<void> {
  later(2)
  await alarm(stub)
  later(60)
}

/** Runs the alarm of an object. */
export async function alarm(stub: DurableObjectStub): Promise<void> {
  await runDurableObjectAlarm(stub)
}

/** Collects what is logged at these levels from now on, in place of printing it. */
export function readLog(...levels: LogRecord['level'][]): Partial<LogRecord>[] {
  const lines: Partial<LogRecord>[] = []
  for (const level of levels)
    vi.spyOn(console, level).mockImplementation((line: string) => void lines.push(JSON.parse(line)))
  return lines
}

/** Counts the costs of requests from now on: KV reads, Durable Object calls and outbound requests. */
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

/** @returns every record in KV, by key */
export async function dumpKv(): Promise<Map<string, string>> {
  if (isHostile) return hostileKv.dump()
  const records = new Map<string, string>()
  for (const { name } of (await env.TOKENS.list()).keys)
    records.set(name, (await env.TOKENS.get(name)) ?? '')
  return records
}

/** Writes a record to KV without the broker. */
export async function plantKv(key: string, value: string): Promise<void> {
  if (isHostile) hostileKv.plant(key, value)
  else await env.TOKENS.put(key, value)
}

/** @returns the storage of a Durable Object, as text */
export async function dumpObject(stub: DurableObjectStub): Promise<string> {
  return JSON.stringify([...(await storedIn(stub))])
}

/** @returns what a Durable Object stores, by key; of a subject only the rows of `table`, if it is given */
export async function storedIn(
  stub: DurableObjectStub,
  table?: string,
): Promise<Map<string, unknown>> {
  const prefix = table === undefined ? '' : `${table}/`
  return runInDurableObject(stub, (_, { storage }) => new Map(storage.kv.list({ prefix })))
}
