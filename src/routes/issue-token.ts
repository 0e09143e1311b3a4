/** Issues an access token of a bundle: from KV if it holds a usable one, else from the subject's Durable Object. */

import { logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import type { Bundle } from '../config/bundles.ts'
import { BrokerError } from '../errors.ts'
import type { TokenResponse } from '../protocol/http.ts'
import type { Credential } from '../subject/credential.ts'
import { type AccessToken, isDueForRefresh, isFresh } from '../subject/grant.ts'
import { scopeSetKey } from '../subject/grants.ts'
import { readToken, tokenKey } from '../subject/kv-records.ts'
import { touchInterval } from '../subject/sessions.ts'
import { askSubject } from '../subject/stub.ts'
import { type IssuedToken, isRejected, type TokenRequest } from '../subject/token-issuer.ts'
import { limit } from './guards/limits.ts'
import { requireEnabled } from './guards/lookup.ts'
import { askSubjectAs, type TokenOwner } from './guards/principal.ts'
import { audit, type BrokerContext, setAuditFields } from './http/context.ts'

/** The default and the largest `min_ttl`, in seconds. */
export const MIN_TTL_SECONDS = { default: 300, max: 1800 }

/** The form of `rejected`: the SHA-256 hash of an access token, in base64url. */
export const TOKEN_HASH = /^[A-Za-z0-9_-]{43}$/

/** How long a token must still be valid, in seconds, the hash of one that Google rejected, and who it is for. */
export type TokenPreferences = Pick<TokenRequest, 'min_ttl' | 'rejected' | 'is_for_relay'>

/** An access token in a response. */
export type TokenGrant = Pick<TokenResponse, 'access_token' | 'expires_in' | 'scope'>

/**
 * Issues an access token of a bundle. It is valid for `min_ttl` seconds, unless Google issues shorter ones. One for the
 * media relay is no hand-out: it does not leave the broker, and its ticket is limited instead (TMB-93).
 *
 * @throws {BrokerError} consent_required: no grant, or an ended one; slow_down; temporarily_unavailable; the errors of
 *   the principal's mode for an ended session
 */
export async function issueToken(
  c: BrokerContext,
  principal: TokenOwner,
  bundle: Bundle,
  preferences: TokenPreferences,
): Promise<TokenGrant> {
  requireEnabled(c.get('config'), principal.client, bundle.name)
  setAuditFields(c, { bundle: bundle.name })
  if (!preferences.is_for_relay)
    await limit(c, 'HAND_OUT_LIMIT', `${principal.subject}/${bundle.name}`)
  const request: TokenRequest = {
    credential: principal.credential,
    scope: bundle.scopes.join(' '),
    ...preferences,
    missed_in_kv: c.get('config').consistency === 'edge',
  }
  const key = tokenKey(principal.subject, await scopeSetKey(bundle.scopes))
  const stored = await readUsableToken(c, request, key, principal.subject)
  if (stored) return toTokenGrant(stored)
  const issued = await askSubjectAs(c, principal, (stub) => stub.issueToken(request), bundle.name)
  if (issued.google_ms !== undefined) c.get('timings').add('google', issued.google_ms)
  return toTokenGrant(issued)
}

/**
 * Makes the part of a response that describes a token.
 *
 * @throws {BrokerError} temporarily_unavailable: the token has expired
 */
export function toTokenGrant({ access_token, scope, expires_at }: IssuedToken): TokenGrant {
  const expires_in = Math.floor(expires_at - now())
  if (expires_in < 1) throw new BrokerError('token_expired')
  return { access_token, expires_in, scope }
}

/** Reads the token in KV, if it is fresh and the session may have it; never with `strict` consistency. */
async function readUsableToken(
  c: BrokerContext,
  request: TokenRequest,
  key: string,
  subject: string,
): Promise<IssuedToken | undefined> {
  const [config, timings] = [c.get('config'), c.get('timings')]
  if (config.consistency === 'strict') return undefined
  const reading = readToken(c.env.TOKENS, config.keyring, key, () => audit(c, 'record_unreadable'))
  const token = await timings.measure('kv', reading)
  const at = now()
  if (!token || !isFresh(token, request.min_ttl, at)) return undefined
  const seen_at = lastSeen(token, request.credential, at)
  if (seen_at === undefined || at >= seen_at + config.session_idle_seconds) return undefined
  if (await isRejected(token, request)) return undefined
  const missed_in_kv = at >= seen_at + touchInterval(config)
  if (missed_in_kv || isDueForRefresh(token, at))
    refreshInBackground(c, { ...request, missed_in_kv }, subject)
  return token
}

/** The time at which the session was last used, as far as the record in KV knows; a JWT needs no session. */
function lastSeen(token: AccessToken, credential: Credential, at: number): number | undefined {
  if (credential.kind === 'app_user') return at
  return token.sessions?.find(([id]) => id === credential.id)?.[1]
}

/** Has the Durable Object refresh a token that expires soon, and record that the session is in use. */
function refreshInBackground(c: BrokerContext, request: TokenRequest, subject: string): void {
  const { proof: _used, ...credential } = request.credential
  const refreshing = askSubject(c.env.SUBJECTS, subject, (stub) =>
    stub.issueToken({ ...request, credential }),
  )
  c.executionCtx.waitUntil(refreshing.catch((error) => logError('refresh_ahead_failed', error)))
}
