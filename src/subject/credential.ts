/** Credentials: what the Worker has verified of a caller, and what a subject's Durable Object checks of it. */

import { now } from '../clock.ts'
import { failed, type Outcome, success } from '../errors.ts'
import type { SessionRow } from './ledger.ts'

/** What the Worker has verified of a caller. Only the Durable Object knows whether the session is live. */
export type Credential =
  /** A browser with a session: a session cookie, or in OAuth mode a token with its DPoP proof. */
  | { kind: 'session'; id: string; proof?: UsedProof | undefined }
  /** An app's user; their JWT was verified for this request. There is no session. */
  | { kind: 'app_user'; proof?: UsedProof | undefined }

/** A DPoP proof that must not be used again; RFC 9449 §11.1. */
export interface UsedProof {
  jkt: string
  jti: string
  /** NumericDate from which the proof is too old in any case. */
  expires_at: number
}

/** Remembers used proofs until they expire. @returns `false` if the proof was used before */
export type ReplayCache = (proof: UsedProof) => boolean

/** How many proofs are kept before each call deletes the expired ones. */
const MAX_BEFORE_CLEANUP = 100

/**
 * Makes a cache in memory. A subject has one object worldwide, so the cache holds across isolates. When the object
 * restarts, proofs from before are still refused once they are too old, within minutes.
 */
export function createReplayCache(): ReplayCache {
  const used = new Map<string, number>()
  return ({ jkt, jti, expires_at }) => {
    if (used.size > MAX_BEFORE_CLEANUP) {
      for (const [name, expiry] of used) if (expiry <= now()) used.delete(name)
    }
    const name = `${jkt}/${jti}`
    if (used.has(name)) return false
    used.set(name, expires_at)
    return true
  }
}

/**
 * Checks a credential.
 *
 * @param findLive finds a live session by its id
 * @returns the session; `undefined` for an app's user, who has none
 */
export function authenticate(
  credential: Credential,
  useProof: ReplayCache,
  findLive: (id: string) => SessionRow | undefined,
): Outcome<SessionRow | undefined> {
  if (credential.proof && !useProof(credential.proof)) return failed('dpop_replayed')
  if (credential.kind === 'app_user') return success(undefined)
  const session = findLive(credential.id)
  return session ? success(session) : failed('session_ended')
}
