/** This file is by what right somebody asks a subject's Durable Object, and whether that right still stands. */

import { now } from '../clock.ts'
import { failed, type Outcome, success } from '../errors.ts'
import type { SessionRow } from './ledger.ts'

/** What the Worker has checked of a caller; the rest only the subject's Durable Object knows. */
export type Credential =
  /** A browser with a session: the cookie of it, or in OAuth mode a token with its DPoP proof. */
  | { kind: 'session'; id: string; proof?: UsedProof }
  /** A user whose JWT was verified for this very request; there is no session. */
  | { kind: 'app_user'; proof?: UsedProof }

/** A DPoP proof that must not be used again; RFC 9449 §11.1. */
export interface UsedProof {
  jkt: string
  jti: string
  /** NumericDate from which it is refused anyhow. */
  expires_at: number
}

/** Remembers proofs that were used, for as long as they could be used again. */
export interface ReplayCache {
  /** Notes a proof; `false` when it was used before. */
  use(proof: UsedProof): boolean
}

/** More proofs than this are not looked through for old ones at every call. */
const TIDY_ABOVE = 100

/**
 * Keeps used proofs in the memory of the one object a subject has in the world, so it holds across isolates and
 * costs no storage; a proof that outlives the object is refused for its age within minutes.
 */
export function createReplayCache(): ReplayCache {
  const used = new Map<string, number>()
  return {
    use({ jkt, jti, expires_at }) {
      if (used.size > TIDY_ABOVE) {
        for (const [name, expiry] of used) if (expiry <= now()) used.delete(name)
      }
      const name = `${jkt}/${jti}`
      if (used.has(name)) return false
      used.set(name, expires_at)
      return true
    },
  }
}

/**
 * Lets an asker in.
 *
 * @param live finds a session by its id, if it lives
 * @returns the session, which an app's user has none of
 */
export function authenticate(
  asker: Credential,
  proofs: ReplayCache,
  live: (id: string) => SessionRow | undefined,
): Outcome<SessionRow | undefined> {
  if (asker.proof && !proofs.use(asker.proof)) return failed('invalid_dpop_proof', 'dpop_replayed')
  if (asker.kind === 'app_user') return success(undefined)
  const session = live(asker.id)
  return session ? success(session) : failed('login_required', 'session_ended')
}
