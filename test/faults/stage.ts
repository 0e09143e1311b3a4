/** This file is the machinery under a run: its clock, KV, Durable Objects and log, and what goes wrong with each. */

import {
  evictDurableObject,
  reset,
  runDurableObjectAlarm,
  runInDurableObject,
} from 'cloudflare:test'
import { vi } from 'vitest'
import type { Subject } from '../../src/subject/subject.ts'
import { subjectOf } from '../support/broker.ts'
import { ADA, BEN } from '../support/simulated-google.ts'
import { dumpObject, STORY_BEGINS } from '../support/story.ts'
import { configure, hostileKv } from '../support/worker.ts'
import { CLIENTS } from './cast.ts'
import type { KvState } from './steps.ts'

/** The accounts by the names in a schedule. */
export const SUBS = { ada: ADA, ben: BEN }

/** A subject of the cast. */
export interface Who {
  sub: string
  client: string
}

/** Every subject there can be. */
const EVERYBODY: readonly Who[] = Object.values(SUBS).flatMap((sub) =>
  Object.keys(CLIENTS).map((client) => ({ sub, client })),
)

/** The lines of the log since they were last looked at. */
const lines: string[] = []

/** Clears the stage for a run. */
export async function setUp(consistency: 'edge' | 'strict'): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: STORY_BEGINS })
  configure({
    CONSISTENCY: consistency,
    CLIENTS,
    CALLBACK_LIMIT: { limit: async () => ({ success: true }) },
  })
  hostileKv.reset()
  lines.length = 0
  for (const level of ['debug', 'error', 'info', 'log', 'warn'] as const)
    vi.spyOn(console, level).mockImplementation((...words: unknown[]) => {
      lines.push(words.map(String).join(' '))
    })
}

/** Leaves nothing behind. */
export async function tearDown(): Promise<void> {
  vi.restoreAllMocks()
  vi.useRealTimers()
  configure()
  await reset()
}

/** Lets time pass. */
export function pass(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

/** Waits in real time, so that what is under way can go on. */
export async function breathe(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1))
}

/** Takes the lines that were logged. */
export function takeLines(): string[] {
  return lines.splice(0)
}

/** Has KV fail in one way, or none. */
export function setKv(is: KvState): void {
  hostileKv.down = {
    reads: is === 'unreadable' || is === 'down',
    writes: is === 'unwritable' || is === 'down',
    answers: is === 'mute',
  }
}

/** The records of a subject change places; its only one does with another subject's. */
export async function swapRecords({ sub, client }: Who): Promise<void> {
  const { key } = await subjectOf(sub, client)
  const records = [...hostileKv.dump()].filter(([name]) => name.startsWith('token/'))
  const own = records.filter(([name]) => name.includes(key))
  const moved = own.length > 1 ? own : records.slice(0, 2)
  for (const [index, [name]] of moved.entries())
    hostileKv.plant(name, moved[(index + 1) % moved.length]?.[1] ?? '')
}

/** Lets every alarm go off. */
export async function runAlarms(): Promise<void> {
  for (const who of EVERYBODY) await runDurableObjectAlarm(await stubOf(who))
}

/** Kills an object in the middle of whatever it does; what it had not yet written is gone. */
export async function crash(who: Who): Promise<void> {
  const dying = runInDurableObject(await stubOf(who), (_, ctx) =>
    ctx.abort('canary: the fault suite kills this object'),
  )
  await dying.catch(() => {})
}

/** Puts an object away that has nothing to do. */
export async function evict(who: Who): Promise<void> {
  await evictDurableObject(await stubOf(who)).catch(() => {}) // one that does not run cannot be evicted
}

/** Whether a subject's object has yet to write something to KV. */
export async function owesKv(who: Who): Promise<boolean> {
  return runInDurableObject(await stubOf(who), (_, { storage: { sql } }) => {
    const tables = sql.exec("SELECT name FROM sqlite_master WHERE name = 'kv_outbox'").toArray()
    return tables.length > 0 && sql.exec('SELECT 1 FROM kv_outbox').toArray().length > 0
  })
}

/** Everything the objects keep, as text. */
export async function dumpObjects(): Promise<string[]> {
  const objects: string[] = []
  for (const who of EVERYBODY) objects.push(await dumpObject(await stubOf(who)))
  return objects
}

/** Every key and value of KV. */
export function dumpRecords(): string[] {
  return [...hostileKv.dump()].flat()
}

async function stubOf({ sub, client }: Who): Promise<DurableObjectStub<Subject>> {
  return (await subjectOf(sub, client)).stub
}
