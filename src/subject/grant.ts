/** The stored records (grant, access token, consent), and the rules that need only them. */

import type { RecordKind } from '../crypto/seal.ts'
import type { Tokens } from '../google/token-endpoint.ts'
import type { LikelyCause } from '../protocol/http.ts'

/** What one subject granted for one scope set through one client. */
export interface Grant {
  v: 1
  /** The user at the provider; every later ID token must have the same; OpenID Connect Core §12.2. */
  sub: string
  refresh_token: string
  /** The scopes that the user granted; canonical, space-separated; RFC 6749 §3.3. */
  scope: string
  /** Random id; a new consent makes a new one. */
  generation: string
  /** NumericDate. */
  granted_at: number
  /** NumericDate; only if the user chose time-limited access. */
  refresh_token_expires_at?: number | undefined
  /** The `client_id` at the provider that it was given to; under another one it cannot be refreshed. */
  client_id: string
  /** How many refresh tokens Google issued to this subject before this one. */
  issued_before: number
}

/** The kind of a sealed {@link Grant}. */
export const GRANT: RecordKind<Grant> = { type: 'grant', purpose: 'storage' }

/** A consent: its code was exchanged and its ID token verified. */
export interface Consent {
  /** Absent in version 1. */
  v?: never
  /** The user at the provider. */
  sub: string
  /** The requested scopes; canonical, space-separated. */
  requested_scope: string
  /** Google's answer; the scope is a string, since a scope set cannot be sent over RPC. */
  tokens: Omit<Tokens, 'scope'> & { scope: string }
  /** NumericDate at which the browser was sent to Google; a disconnect after it wins (TMB-61). */
  began_at: number
  /** The family of the session that began it, which must still be live (TMB-15). */
  family_id?: string | undefined
  /** Whether it begins a session; app users have none. */
  begins_session: boolean
}

/** The kind of a sealed {@link Consent}. */
export const CONSENT: RecordKind<Consent> = { type: 'consent', purpose: 'storage' }

/** A session in KV: its id, and when the subject's Durable Object last saw it (NumericDate). */
export type SeenSession = readonly [id: string, seen_at: number]

/** An access token and the generation of its grant. */
export interface AccessToken {
  v: 1
  access_token: string
  /** Exactly the scopes of its bundle. */
  scope: string
  /** NumericDate. */
  expires_at: number
  /** The `generation` of its grant. */
  generation: string
  /** The lifetime of a refreshed token, in seconds; absent after a consent, until the first refresh. */
  refresh_lifetime?: number
  /** Only in KV: the sessions that may use it. */
  sessions?: readonly SeenSession[]
}

/** The kind of a sealed {@link AccessToken}. */
export const ACCESS_TOKEN: RecordKind<AccessToken> = { type: 'token', purpose: 'storage' }

/** A token with less time left than this is refreshed in the background, in seconds. */
export const REFRESH_AHEAD_SECONDS = 10 * 60

/**
 * Whether a token has enough life left to be issued.
 *
 * If even a new token lives shorter than `min_ttl`, half of its lifetime is enough; otherwise every call would ask
 * Google again.
 *
 * @param min_ttl seconds
 * @param at NumericDate
 */
export function isFresh(token: AccessToken, min_ttl: number, at: number): boolean {
  const { refresh_lifetime } = token
  const enough =
    refresh_lifetime !== undefined && refresh_lifetime < min_ttl ? refresh_lifetime / 2 : min_ttl
  const left = token.expires_at - at
  return left >= 1 && left >= enough
}

/** Whether a token should be refreshed in the background. */
export function isDueForRefresh(token: AccessToken, at: number): boolean {
  return !isFresh(token, REFRESH_AHEAD_SECONDS, at)
}

const DAY_SECONDS = 24 * 60 * 60
/** How long a refresh token lives while the Google project is in testing mode. */
const TESTING_LIFE_SECONDS = 7 * DAY_SECONDS
/** How long Google keeps an unused refresh token. */
const UNUSED_LIFE_SECONDS = 180 * DAY_SECONDS
/** How many refresh tokens an account can have for one client; Google drops the oldest. */
const MAX_LIVE_REFRESH_TOKENS = 100

/** The history of a grant that has ended. */
export interface GrantHistory {
  grant: Grant
  /** NumericDate of the last successful refresh. */
  refreshed_at: number
  /** How many refresh tokens Google has issued to this subject. */
  issued: number
  /** Google named a Workspace policy (`error_subtype`), or an older grant of this subject outlived this one. */
  has_other_cause: boolean
  /** NumericDate of the end. */
  at: number
}

/**
 * Guesses why a grant ended; a hint for people, nothing depends on it.
 *
 * @see https://developers.google.com/identity/protocols/oauth2#expiration
 */
export function likelyCause(history: GrantHistory): LikelyCause {
  const { grant, refreshed_at, issued, has_other_cause, at } = history
  if (grant.refresh_token_expires_at !== undefined && at >= grant.refresh_token_expires_at)
    return 'time_limited_access'
  if (at - refreshed_at >= UNUSED_LIFE_SECONDS) return 'unused_6_months'
  if (issued - grant.issued_before > MAX_LIVE_REFRESH_TOKENS) return 'too_many_grants'
  const outlivedTesting = refreshed_at - grant.granted_at > TESTING_LIFE_SECONDS
  if (at - grant.granted_at >= TESTING_LIFE_SECONDS && !outlivedTesting)
    return 'testing_mode_7_days'
  return has_other_cause ? 'unknown' : 'revoked_by_user'
}
