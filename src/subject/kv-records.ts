/** This file is the sealed records in Workers KV: how they are named, read and written, and the only code that touches KV. */

import type { Keyring } from '../crypto/keyring.ts'
import { open, seal } from '../crypto/seal.ts'
import type { SubjectPage } from '../protocol/operator.ts'
import type { AccessToken } from './grant.ts'

/** A live session as the edge knows it: its id, and when its subject's Durable Object last saw it (NumericDate). */
export type SeenSession = readonly [id: string, seen_at: number]

/** What the edge hands out from: an access token, and the sessions that may have it. */
export interface StoredToken extends AccessToken {
  sessions: readonly SeenSession[]
}

/** KV takes no shorter `expirationTtl`. */
const KV_MIN_TTL_SECONDS = 60

const GRANT_PREFIX = 'grant/'

/** Names the record of an access token; `subject` and `scope_set_key` are hashes. */
export function tokenKey(subject: string, scope_set_key: string): string {
  return `token/${subject}/${scope_set_key}`
}

/** Names the record of a grant. */
export function grantKey(subject: string, scope_set_key: string): string {
  return `${GRANT_PREFIX}${subject}/${scope_set_key}`
}

/**
 * Reads an access token at the edge: one KV read.
 *
 * @param onUnreadable is called for an unreadable value
 * @returns `undefined` for a miss, an unreadable value and a failing KV alike: the Durable Object settles them
 */
export async function readToken(
  kv: KVNamespace,
  keyring: Keyring,
  key: string,
  onUnreadable: () => void,
): Promise<StoredToken | undefined> {
  let sealed: string | null
  try {
    sealed = await kv.get(key)
  } catch {
    return undefined
  }
  if (sealed === null) return undefined
  const token = await open(keyring, { type: 'token', at: key }, sealed)
  if (token === undefined) onUnreadable()
  return token as StoredToken | undefined
}

/**
 * Writes an access token for the time it lives; one in its last minute is taken away instead, since KV would
 * refuse it.
 */
export async function writeToken(
  kv: KVNamespace,
  keyring: Keyring,
  key: string,
  token: StoredToken,
  at: number,
): Promise<void> {
  const expirationTtl = Math.floor(token.expires_at - at)
  if (expirationTtl < KV_MIN_TTL_SECONDS) return kv.delete(key)
  await kv.put(key, await seal(keyring, { type: 'token', at: key }, token), { expirationTtl })
}

/** Writes a sealed record as it is, or takes it away. */
export async function writeSealed(
  kv: KVNamespace,
  key: string,
  sealed: string | undefined,
): Promise<void> {
  if (sealed === undefined) await kv.delete(key)
  else await kv.put(key, sealed)
}

/** Lists the subjects that have a grant, a page at a time and each at most twice: on the page where it ends, on the next. */
export async function listSubjects(
  kv: KVNamespace,
  cursor: string | undefined,
): Promise<SubjectPage> {
  const page = await kv.list({ prefix: GRANT_PREFIX, cursor: cursor ?? null })
  const subjects = page.keys.map(({ name }) => name.slice(GRANT_PREFIX.length).split('/')[0] ?? '')
  return {
    subjects: [...new Set(subjects)],
    ...(page.list_complete ? {} : { cursor: page.cursor }),
  }
}

/** Whether KV answers at all. */
export async function isStoreReachable(kv: KVNamespace): Promise<boolean> {
  try {
    await kv.get('healthz')
    return true
  } catch {
    return false
  }
}
