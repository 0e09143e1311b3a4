/** This file is the stage of the flow tests: a clock, an empty storage, and a KV that may be hostile. */

import { reset, runDurableObjectAlarm } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { afterEach, beforeEach, vi } from 'vitest'
import type { Subject } from '../../src/subject/subject.ts'
import { configure, hostileKv } from './worker.ts'

/** Whether this run is over the hostile KV. */
export const isHostile = (env as unknown as { HOSTILE_KV?: string }).HOSTILE_KV === 'yes'

/** Sets every story of a file on a fresh stage. */
export function stage(): void {
  beforeEach(() => {
    vi.useFakeTimers({ toFake: ['Date'], now: new Date('2026-11-23T12:00:00Z') })
    configure()
    hostileKv.reset()
  })
  afterEach(async () => {
    vi.restoreAllMocks()
    vi.useRealTimers()
    await reset()
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
export async function aMinute(stub: DurableObjectStub<Subject>): Promise<void> {
  later(2)
  await alarm(stub)
  later(60)
}

/** Lets the alarm of an object go off. */
export async function alarm(stub: DurableObjectStub<Subject>): Promise<void> {
  await runDurableObjectAlarm(stub)
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
