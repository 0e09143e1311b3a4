/** The operator in tests: changes keys, and calls the entrypoint that the commands use. */

import { evictDurableObject } from 'cloudflare:test'
import { exports } from 'cloudflare:workers'
import { kidOf } from '../../src/crypto/seal.ts'
import type { Operator } from '../../src/operator.ts'
import type { Report, SubjectStats } from '../../src/protocol/operator.ts'
import type { Subject } from '../../src/subject/subject.ts'
import { encoded, secretOf } from '../crypto/keys.ts'
import { dumpKv } from './story.ts'
import { configure } from './worker.ts'

/** The operator's entrypoint. */
export const operator = (exports as unknown as { Operator: Service<Operator> }).Operator

/** Keys by kid, in the format of `ENCRYPTION_KEYS`; every test begins with `k1`. */
const KEYS: Record<string, string> = {
  k1: `k1:${encoded(Uint8Array.from({ length: 32 }, (_, index) => index))}`,
  k2: `k2:${encoded(secretOf(2))}`,
  k3: `k3:${encoded(secretOf(3))}`,
}

/** Deploys other keys, of which the first seals and all open; the objects are evicted, as by a deployment. */
export async function deployKeys(
  kids: readonly string[],
  stubs: readonly DurableObjectStub<Subject>[],
  more: object = {},
): Promise<void> {
  configure({ ...more, ENCRYPTION_KEYS: kids.map((kid) => KEYS[kid]).join(',') })
  for (const stub of stubs) {
    await stub.stats(false) // only a running object can be evicted
    await evictDurableObject(stub)
  }
}

/** @returns every subject, listed page by page like the command */
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

/** Reseals the records of every subject. */
export async function rotate(): Promise<Report[]> {
  return operator.stats('ada', await listAll(), true)
}

/** @returns the counts of one subject */
export async function statsOf(key: string, reseal = false): Promise<SubjectStats> {
  const [report] = await operator.stats('ada', [key], reseal)
  if (!report?.stats) throw new Error('the subject has no data')
  return report.stats
}

/** @returns the kids of the records in KV */
export async function kidsInKv(): Promise<Set<string | undefined>> {
  return new Set([...(await dumpKv()).values()].map(kidOf))
}
