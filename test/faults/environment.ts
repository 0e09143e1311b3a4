/** The environment of a run: clock, KV, Durable Objects and log, with their failures. */

import { reset, runDurableObjectAlarm, runInDurableObject } from 'cloudflare:test'
import { vi } from 'vitest'
import type { Subject } from '../../src/subject/subject.ts'
import { subjectOf } from '../support/broker.ts'
import { ADA, BEN } from '../support/simulated-google.ts'
import { dumpObject, STORY_BEGINS, storedIn } from '../support/story.ts'
import { configure, hostileKv } from '../support/worker.ts'
import type { Subject as SubjectName } from './model.ts'
import { CLIENTS } from './pages.ts'
import type { KvState } from './steps.ts'

/** `sub` of each account in a schedule. */
export const SUBS = { ada: ADA, ben: BEN }

/** Every user of every client. */
const SUBJECTS: readonly SubjectName[] = Object.values(SUBS).flatMap((sub) =>
  Object.keys(CLIENTS).map((client) => ({ sub, client })),
)

/** Log lines that were not checked yet. */
const lines: string[] = []

/** Prepares a run. */
export async function setUp(consistency: 'edge' | 'strict'): Promise<void> {
  vi.useFakeTimers({ toFake: ['Date'], now: STORY_BEGINS })
  configure({
    CONSISTENCY: consistency,
    CLIENTS,
    CALLBACK_LIMIT: { limit: async () => ({ success: true }) },
  })
  hostileKv.reset()
  vi.spyOn(scheduler, 'wait').mockImplementation(async (ms) => advance(ms / 1000))
  lines.length = 0
  for (const level of ['debug', 'error', 'info', 'log', 'warn'] as const)
    vi.spyOn(console, level).mockImplementation((...words: unknown[]) => {
      lines.push(words.map(String).join(' '))
    })
}

/** Cleans up after a run. */
export async function tearDown(): Promise<void> {
  vi.restoreAllMocks()
  vi.useRealTimers()
  configure()
  await reset()
}

/** Advances the clock. */
export function advance(seconds: number): void {
  vi.setSystemTime(Date.now() + seconds * 1000)
}

/** Waits a millisecond of real time, so that open requests can continue. */
export async function nextTick(): Promise<void> {
  await new Promise((resolve) => setTimeout(resolve, 1))
}

/** @returns the new log lines, and forgets them */
export function takeLines(): string[] {
  return lines.splice(0)
}

/** Sets the state of KV. */
export function setKv(is: KvState): void {
  hostileKv.down = {
    reads: is === 'unreadable' || is === 'down',
    writes: is === 'unwritable' || is === 'down',
    answers: is === 'answers lost',
  }
}

/** Runs every alarm. */
export async function runAlarms(): Promise<void> {
  for (const subject of SUBJECTS) await runDurableObjectAlarm(await stubOf(subject))
}

/** Kills an object; it loses what it has not written. */
export async function crash(subject: SubjectName): Promise<void> {
  const dying = runInDurableObject(await stubOf(subject), (_, ctx) =>
    ctx.abort('canary: the fault suite kills this object'),
  )
  await dying.catch(() => {})
}

/** How often all storage was repaired; a failure from before does not count any more. */
let repairs = 0

/** Ends all failures of storage. */
export function repairStorage(): void {
  repairs++
}

/** Lets writes of an object fail: after `skip` of them, the next `times`. Its death ends that. */
export async function failStorage(
  subject: SubjectName,
  { skip, times }: { skip: number; times: number },
  onFailure: () => void,
): Promise<void> {
  await runInDurableObject(await stubOf(subject), (_, { storage: { kv } }) => {
    const { put } = kv
    const since = repairs
    let writes = 0
    kv.put = (key, value) => {
      writes++
      const fails = writes > skip && writes <= skip + times && repairs === since
      if (!fails) return put.call(kv, key, value)
      onFailure()
      throw new Error('canary: the storage takes no row')
    }
  })
}

/** @returns whether an object has still something to write to KV */
export async function owesKv(subject: SubjectName): Promise<boolean> {
  return (await storedIn(await stubOf(subject), 'kv_outbox')).size > 0
}

/** @returns the storage of every object, as text */
export async function dumpObjects(): Promise<string[]> {
  const objects: string[] = []
  for (const subject of SUBJECTS) objects.push(await dumpObject(await stubOf(subject)))
  return objects
}

/** @returns every key and value of KV */
export function dumpRecords(): string[] {
  return [...hostileKv.dump()].flat()
}

async function stubOf({ sub, client }: SubjectName): Promise<DurableObjectStub<Subject>> {
  return (await subjectOf(sub, client)).stub
}
