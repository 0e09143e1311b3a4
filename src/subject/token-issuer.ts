/** The token issuer of a subject: issues the stored access token if it is fresh, otherwise a refreshed one. */

import { logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import { sha256 } from '../crypto/digest.ts'
import { failed, type Outcome, success } from '../errors.ts'
import { parseScope, type ScopeSet } from '../scope/scopes.ts'
import type { Credential } from './credential.ts'
import { type AccessToken, isDueForRefresh, isFresh } from './grant.ts'
import { scopeSetKey } from './grants.ts'
import type { SessionRow } from './ledger.ts'
import type { SubjectContext } from './subject-context.ts'

/** A request for an access token. */
export interface TokenRequest {
  credential: Credential
  /** Canonical, space-separated. */
  scope: string
  /** Seconds of life the token must have, if Google's tokens live that long. */
  min_ttl: number
  /** SHA-256, base64url, of an access token that Google has just refused. */
  rejected?: string | undefined
  /** Whether it is for the media relay, which anyone with a ticket can cause, and not for its owner. */
  is_for_relay?: boolean | undefined
  /** Whether KV had no usable record for this credential, or an old one; then the record is written again. */
  missed_in_kv: boolean
}

/** An issued access token. */
export interface IssuedToken extends Pick<AccessToken, 'access_token' | 'scope' | 'expires_at'> {
  /** How long Google took, in milliseconds; absent if it was not asked. */
  google_ms?: number
}

/** Issues an access token to an authenticated caller. `session` is the caller's session, if any. */
export type IssueToken = (
  request: TokenRequest,
  session: SessionRow | undefined,
) => Promise<Outcome<IssuedToken>>

/** A KV record is not written again for the same session within this time, in seconds: KV needs as long to spread it. */
const KV_LAG_SECONDS = 60

/**
 * How many refreshes per minute can be forced with `rejected` (TMB-49). The media relay has its own, so that a media host
 * that refuses every token costs its owner none (TMB-93). One is enough: it serves every ticket whose token ended early.
 */
const MAX_FORCED_PER_MINUTE = { owner: 6, relay: 1 }

/** Makes the token issuer of a subject. */
export function createTokenIssuer(context: SubjectContext): IssueToken {
  const { background, ledger, kvOutbox, refresher, sessions, vault } = context
  /** When a KV record was last rewritten, by scope set key and session id. */
  const rewritten = new Map<string, number>()
  /** When refreshes were forced. */
  const forced: Record<keyof typeof MAX_FORCED_PER_MINUTE, number[]> = { owner: [], relay: [] }

  /** The session may have ended since the request was authenticated. */
  const isStillAuthorized = ({ credential }: TokenRequest): boolean =>
    credential.kind === 'app_user' || sessions.live(credential.id) !== undefined

  const mayForce = (scopes: ScopeSet, by: keyof typeof forced): boolean => {
    if (refresher.isUnderWay(scopes)) return true
    forced[by] = forced[by].filter((at) => at > now() - 60)
    if (forced[by].length >= MAX_FORCED_PER_MINUTE[by]) return false
    forced[by].push(now())
    return true
  }

  /** Issues a token, unless the session, the grant or the token has ended in the meantime. */
  const issue = (
    request: TokenRequest,
    key: string,
    { access_token, scope, expires_at }: AccessToken,
    timing: { google_ms?: number } = {},
  ): Outcome<IssuedToken> => {
    if (!isStillAuthorized(request)) return failed('session_ended')
    if (!ledger.find('tokens', key)) return failed('grant_keeps_changing')
    if (expires_at - now() < 1) return failed('token_expired')
    return success({ access_token, scope, expires_at, ...timing })
  }

  /** After the answer, refreshes a token that is due, and rewrites a KV record that is missing or outdated. */
  const workInBackground = (
    request: TokenRequest,
    key: string,
    token: AccessToken,
    isTouched: boolean,
  ): void => {
    if (isDueForRefresh(token, now())) {
      const refreshing = refresher.refresh(parseScope(request.scope))
      background(refreshing.catch((error: unknown) => logError('refresh_failed', error)))
    }
    const { credential } = request
    const name = `${key}/${credential.kind === 'session' ? credential.id : ''}`
    const at = rewritten.get(name) ?? 0
    const isMissing = request.missed_in_kv && now() >= at + KV_LAG_SECONDS
    if (!isTouched && !isMissing) return
    rewritten.set(name, now())
    kvOutbox.publishToken(key)
  }

  return async (request, session) => {
    const isTouched = session !== undefined && sessions.touch(session)
    const scopes = parseScope(request.scope)
    const key = await scopeSetKey(scopes)
    const row = ledger.find('tokens', key)
    const isExpired = row !== undefined && row.expires_at <= now()
    const token = isExpired ? undefined : await vault.openToken(row)
    const rejected = token !== undefined && (await isRejected(token, request))
    if (token && !rejected && isFresh(token, request.min_ttl, now())) {
      workInBackground(request, key, token, isTouched)
      return issue(request, key, token)
    }
    if (rejected && !mayForce(scopes, request.is_for_relay ? 'relay' : 'owner'))
      return failed('forced_too_often', { retry_after: 60 })
    const asked_at = Date.now()
    const outcome = await refresher.refresh(scopes)
    if (!isStillAuthorized(request)) return failed('session_ended')
    if (outcome.ok) return issue(request, key, outcome.value, { google_ms: Date.now() - asked_at })
    const stored = await vault.openToken(ledger.find('tokens', key)) // a consent may have stored one
    const isAlive = stored && stored.expires_at - now() >= 1
    const isUsable = isAlive && !(await isRejected(stored, request))
    return isUsable ? issue(request, key, stored) : outcome
  }
}

/** Whether a token is the one that Google has just refused. */
export async function isRejected(token: AccessToken, request: TokenRequest): Promise<boolean> {
  const { rejected } = request
  return rejected !== undefined && (await sha256(token.access_token)) === rejected
}
