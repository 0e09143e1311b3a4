/** This file is the grant and its access token: the records, and the rules that need nothing but them. */

import type { Tokens } from '../google/token-endpoint.ts'
import type { LikelyCause } from '../protocol/http.ts'

/** What one subject allowed for one scope set through one client; sealed wherever it is stored. */
export interface Grant {
  /** Version of this record. */
  v: 1
  /** The user at the provider, whom every later ID token has to name; OpenID Connect Core §12.2. */
  sub: string
  refresh_token: string
  /** What was really granted, canonical, space-separated; RFC 6749 §3.3. */
  scope: string
  /** Random id of this grant's life; another consent begins another. */
  generation: string
  /** NumericDate. */
  granted_at: number
  /** NumericDate; only when the user limited the time. */
  refresh_token_expires_at?: number
  /** How many refresh tokens this subject had been issued before this one. */
  issued_before: number
}

/** A consent with its code exchanged and its ID token checked. */
export interface Consent {
  /** Whose it is, at the provider; a later ID token has to name the same. */
  sub: string
  /** What was asked for; canonical, space-separated. */
  requested_scope: string
  /** What was granted; the scope space-separated, since a scope set does not cross RPC. */
  tokens: Omit<Tokens, 'scope'> & { scope: string }
  /** NumericDate at which the browser was sent off; what was disconnected since stays so (TMB-61). */
  began_at: number
  /** Line of the session that began it, which must live still (TMB-15). */
  family_id?: string
  /** Whether it begins a session; a user with a JWT of their app needs none. */
  begins_session: boolean
}

/** An access token and the grant it came from; sealed wherever it is stored. */
export interface AccessToken {
  /** Version of this record. */
  v: 1
  access_token: string
  /** Exactly the scopes of the bundles it serves. */
  scope: string
  /** NumericDate. */
  expires_at: number
  /** Generation of the grant it came from. */
  generation: string
  /** Seconds a refresh can give; absent for a token that came with a consent, where that is not known yet. */
  refresh_lifetime?: number
}

/** With less life left than this, a token is refreshed behind the answer; design.md §6.7. */
export const REFRESH_AHEAD_SECONDS = 10 * 60

/** Seconds of life left. */
export function secondsLeft(token: AccessToken, at: number): number {
  return token.expires_at - at
}

/**
 * Whether a token has enough life left to be answered with.
 *
 * Where even a refresh gives less than `min_ttl`, half of what it gives is enough: asking again would only
 * hammer the provider.
 */
export function isFresh(token: AccessToken, min_ttl: number, at: number): boolean {
  const { refresh_lifetime } = token
  const enough =
    refresh_lifetime !== undefined && refresh_lifetime < min_ttl ? refresh_lifetime / 2 : min_ttl
  const left = secondsLeft(token, at)
  return left >= 1 && left >= enough
}

/** Whether a token should be refreshed behind the answer. */
export function isDueForRefresh(token: AccessToken, at: number): boolean {
  return !isFresh(token, REFRESH_AHEAD_SECONDS, at)
}

const DAY_SECONDS = 24 * 60 * 60
const TESTING_LIFE_SECONDS = 7 * DAY_SECONDS
const UNUSED_LIFE_SECONDS = 180 * DAY_SECONDS
const MAX_LIVE_REFRESH_TOKENS = 100

/** What the history of a dead grant tells about its end. */
export interface GrantHistory {
  grant: Grant
  /** NumericDate of the last success at Google. */
  refreshed_at: number
  /** How many refresh tokens this subject has been issued up to now. */
  issued: number
  /** Google named a Workspace policy (`error_subtype`), or another grant of this subject still lived later. */
  has_other_cause: boolean
  /** NumericDate of the end. */
  at: number
}

/**
 * Guesses what ended a grant; only ever a hint for a person.
 *
 * @see google-facts: "A refresh token dies when"; Google: identity/protocols/oauth2#expiration
 */
export function likelyCause({
  grant,
  refreshed_at,
  issued,
  has_other_cause,
  at,
}: GrantHistory): LikelyCause {
  if (grant.refresh_token_expires_at !== undefined && at >= grant.refresh_token_expires_at)
    return 'time_limited_access'
  if (at - refreshed_at >= UNUSED_LIFE_SECONDS) return 'unused_6_months'
  if (issued - grant.issued_before > MAX_LIVE_REFRESH_TOKENS) return 'too_many_grants'
  const livedPastTesting = refreshed_at - grant.granted_at > TESTING_LIFE_SECONDS
  if (at - grant.granted_at >= TESTING_LIFE_SECONDS && !livedPastTesting)
    return 'testing_mode_7_days'
  return has_other_cause ? 'unknown' : 'revoked_by_user'
}
