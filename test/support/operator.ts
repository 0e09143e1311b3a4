/** This file is the operator as tests meet one: keys that change, and the entrance that `npm run rotate` uses. */

import { evictDurableObject } from 'cloudflare:test'
import { exports } from 'cloudflare:workers'
import { kidOf } from '../../src/crypto/seal.ts'
import type { Operator } from '../../src/operator.ts'
import type { Report, SubjectStats } from '../../src/protocol/operator.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { encoded, secretOf } from '../crypto/keys.ts'
import { dumpKv } from './story.ts'
import { configure } from './worker.ts'

/** The operator's entrance. */
export const operator = (exports as unknown as { Operator: Service<Operator> }).Operator

/** The keys by kid, each a list as `ENCRYPTION_KEYS` has it; `k1` is the one every story begins with. */
const KEYS: Record<string, string> = {
  k1: `k1:${encoded(Uint8Array.from({ length: 32 }, (_, index) => index))}`,
  k2: `k2:${encoded(secretOf(2))}`,
  k3: `k3:${encoded(secretOf(3))}`,
}

/** Deploys other keys: the first seals, all open. Whatever the objects were about is over. */
export async function deployKeys(
  kids: readonly string[],
  stubs: readonly DurableObjectStub<Subject>[],
  more: object = {},
): Promise<void> {
  configure({ ...more, ENCRYPTION_KEYS: kids.map((kid) => KEYS[kid]).join(',') })
  for (const stub of stubs) {
    await stub.stats(false) // only what runs can be evicted
    await evictDurableObject(stub)
  }
}

/** Lists every subject, page by page, as the command does. */
export async function listAll(): Promise<string[]> {
  const found = new Set<string>()
  let cursor: string | undefined
  do {
    const page = await operator.subjects('ada', cursor)
    for (const subject of page.subjects) found.add(subject)
    cursor = page.cursor
  } while (cursor !== undefined)
  return [...found]
}

/** Rotates all that is listed. */
export async function rotate(): Promise<Report[]> {
  return operator.stats('ada', await listAll(), true)
}

/** What one subject keeps, counted. */
export async function statsOf(key: string, reseal = false): Promise<SubjectStats> {
  const [report] = await operator.stats('ada', [key], reseal)
  if (!report?.stats) throw new Error('the subject keeps nothing')
  return report.stats
}

/** The kids that records in KV name. */
export async function kidsInKv(): Promise<Set<string | undefined>> {
  return new Set([...(await dumpKv()).values()].map(kidOf))
}
