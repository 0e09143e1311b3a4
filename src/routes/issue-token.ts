/** This file is the hand-out: an access token of a bundle from KV where that will do, else from the subject's Durable Object. */

import { logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import type { Bundle } from '../config/bundles.ts'
import { sha256 } from '../crypto/digest.ts'
import { BrokerError } from '../errors.ts'
import { type AccessToken, isDueForRefresh, isFresh } from '../subject/grant.ts'
import { scopeSetKey } from '../subject/grants.ts'
import { readToken, tokenKey } from '../subject/kv-records.ts'
import { touchInterval } from '../subject/sessions.ts'
import { askSubject } from '../subject/stub.ts'
import type { IssuedToken, TokenRequest } from '../subject/token-issuer.ts'
import { limitTokenIssuing } from './guards/limits.ts'
import { requireEnabled } from './guards/lookup.ts'
import { type TokenOwner, withClientErrors } from './guards/principal.ts'
import { audit, type BrokerContext, setAuditFields } from './http/context.ts'

/** Seconds of life a token has at least, where the caller does not say. */
export const DEFAULT_MIN_TTL_SECONDS = 300
export const MAX_MIN_TTL_SECONDS = 1800

/** SHA-256, base64url, of an access token that Google refused. */
export const TOKEN_HASH = /^[A-Za-z0-9_-]{43}$/

/** What a caller may say of the token it wants. */
export interface TokenPreferences {
  min_ttl: number
  rejected?: string | undefined
}

/** An access token as it is answered with. */
export interface TokenGrant {
  access_token: string
  /** Seconds of life left, understated. */
  expires_in: number
  /** Exactly the bundle's scopes, space-separated. */
  scope: string
}

/** Hands out an access token of a bundle that has `min_ttl` seconds of life left, as far as Google gives them. */
export async function issueToken(
  c: BrokerContext,
  principal: TokenOwner,
  bundle: Bundle,
  { min_ttl, rejected }: TokenPreferences,
): Promise<TokenGrant> {
  requireEnabled(c.get('config'), principal.client, bundle.name)
  setAuditFields(c, { bundle: bundle.name })
  await limitTokenIssuing(c, principal.subject, bundle.name)
  const request: TokenRequest = {
    credential: principal.credential,
    scope: bundle.scopes.join(' '),
    min_ttl,
    missed_in_kv: c.get('config').consistency === 'edge',
    ...(rejected === undefined ? {} : { rejected }),
  }
  const key = tokenKey(principal.subject, await scopeSetKey(bundle.scopes))
  const token =
    (await fromKv(c, request, key, principal)) ??
    (await fromSubject(c, request, bundle.name, principal))
  return toTokenGrant(token)
}

/** Counts what life is left, for the answer. */
export function toTokenGrant({ access_token, scope, expires_at }: IssuedToken): TokenGrant {
  const expires_in = Math.floor(expires_at - now())
  if (expires_in < 1) throw new BrokerError('temporarily_unavailable', 'token_expired')
  return { access_token, expires_in, scope }
}

/** Hands out what KV holds, if it is fresh and for this credential; with `strict` consistency KV is not asked at all. */
async function fromKv(
  c: BrokerContext,
  request: TokenRequest,
  key: string,
  { subject }: TokenOwner,
): Promise<IssuedToken | undefined> {
  const [config, timings] = [c.get('config'), c.get('timings')]
  if (config.consistency === 'strict') return undefined
  const reading = readToken(c.env.TOKENS, config.keyring, key, () => audit(c, 'record_unreadable'))
  const token = await timings.measure('kv', reading)
  const at = now()
  const seen_at = token && lastSeen(token, request, at)
  if (!token || seen_at === undefined || at >= seen_at + config.session_idle_seconds)
    return undefined
  if (!isFresh(token, request.min_ttl, at)) return undefined
  if (request.rejected !== undefined && (await sha256(token.access_token)) === request.rejected)
    return undefined
  if (isDueForRefresh(token, at) || at >= seen_at + touchInterval(config))
    refreshInBackground(c, request, subject)
  return token
}

/** When the credential's session was last seen, as far as the record knows it; an app's user is seen just now. */
function lastSeen(
  { sessions }: AccessToken,
  { credential }: TokenRequest,
  at: number,
): number | undefined {
  if (credential.kind === 'app_user') return at
  return sessions?.find(([id]) => id === credential.id)?.[1]
}

/** Has the Durable Object refresh what wanes, and note that the session is in use, while the caller has its answer. */
function refreshInBackground(c: BrokerContext, request: TokenRequest, subject: string): void {
  const { proof: _used, ...credential } = request.credential
  const ahead = askSubject(c.env.SUBJECTS, subject, (stub) =>
    stub.issueToken({ ...request, credential, missed_in_kv: false }),
  )
  c.executionCtx.waitUntil(
    ahead.then(
      () => undefined,
      (error: unknown) => logError('refresh_ahead_failed', error),
    ),
  )
}

/** Has the subject's Durable Object settle it. */
async function fromSubject(
  c: BrokerContext,
  request: TokenRequest,
  bundle: string,
  principal: TokenOwner,
): Promise<IssuedToken> {
  const timings = c.get('timings')
  const call = askSubject(c.env.SUBJECTS, principal.subject, (subject) =>
    subject.issueToken(request),
  )
  const issued = await withClientErrors(principal, timings.measure('do', call), bundle)
  if (issued.google_ms !== undefined) timings.add('google', issued.google_ms)
  return issued
}
