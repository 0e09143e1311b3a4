/** The sealed records in Workers KV. Only this file reads, writes and lists KV. */

import { now } from '../clock.ts'
import type { Keyring } from '../crypto/keyring.ts'
import { open, seal } from '../crypto/seal.ts'
import type { SubjectPage } from '../protocol/operator.ts'
import { ACCESS_TOKEN, type AccessToken } from './grant.ts'
import { requireKnownVersion } from './stored-version.ts'

/** The shortest `expirationTtl` that KV accepts, in seconds. */
export const KV_MIN_TTL_SECONDS = 60

/** The shortest time that a location may cache a record, in seconds; what has ended is known there no later than after it. */
const KV_CACHE_SECONDS = 30

const GRANT_PREFIX = 'grant/'

/** Makes the KV key of an access token; `subject` and `scope_set_key` are hashes. */
export function tokenKey(subject: string, scope_set_key: string): string {
  return `token/${subject}/${scope_set_key}`
}

/** Makes the KV key of a grant. */
export function grantKey(subject: string, scope_set_key: string): string {
  return `${GRANT_PREFIX}${subject}/${scope_set_key}`
}

/**
 * Reads an access token with one KV read.
 *
 * @param onUnreadable is called for a record that does not open
 * @returns `undefined` if there is none, it does not open, or KV fails: the Durable Object then decides
 * @throws {BrokerError} server_error: a later version of the broker wrote it
 */
export async function readToken(
  kv: KVNamespace,
  keyring: Keyring,
  key: string,
  onUnreadable: () => void,
): Promise<AccessToken | undefined> {
  const sealed = await kv.get(key, { cacheTtl: KV_CACHE_SECONDS }).catch(() => null)
  if (sealed === null) return undefined
  const token = await open(keyring, { kind: ACCESS_TOKEN, at: key }, sealed, now())
  if (token === undefined) onUnreadable()
  requireKnownVersion(token?.v)
  return token
}

/** Writes an access token until it expires, at least for a minute; every reader checks `expires_at` too. */
export async function writeToken(
  kv: KVNamespace,
  keyring: Keyring,
  key: string,
  token: AccessToken,
): Promise<void> {
  const expirationTtl = Math.max(KV_MIN_TTL_SECONDS, Math.floor(token.expires_at - now()))
  const sealed = await seal(keyring, { kind: ACCESS_TOKEN, at: key }, token)
  await kv.put(key, sealed, { expirationTtl })
}

/** Writes a sealed record, or deletes it if there is none. */
export async function writeSealed(
  kv: KVNamespace,
  key: string,
  sealed: string | undefined,
): Promise<void> {
  if (sealed === undefined) await kv.delete(key)
  else await kv.put(key, sealed)
}

/** Lists the subjects that have a grant, page by page; the last subject of a page may be on the next page too. */
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

/** Whether KV answers. */
export async function isStoreReachable(kv: KVNamespace): Promise<boolean> {
  try {
    await kv.get('healthz')
    return true
  } catch {
    return false
  }
}
