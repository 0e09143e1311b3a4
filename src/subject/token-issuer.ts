/** This file is the hand-out as the Durable Object does it: fresh at once, waning with a refresh behind, stale after one. */

import { logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import { sha256 } from '../crypto/digest.ts'
import { failed, type Outcome, success } from '../errors.ts'
import { parseScope, type ScopeSet } from '../scope/scopes.ts'
import type { Credential } from './credential.ts'
import { type AccessToken, isDueForRefresh, isFresh, secondsLeft } from './grant.ts'
import { scopeSetKey } from './grants.ts'
import type { SessionRow } from './ledger.ts'
import type { SubjectContext } from './subject-context.ts'

/** A request for an access token. */
export interface TokenRequest {
  credential: Credential
  /** Canonical, space-separated. */
  scope: string
  /** Seconds of life the token must have, as far as Google gives them. */
  min_ttl: number
  /** SHA-256, base64url, of an access token Google has just refused. */
  rejected?: string
  /** Whether the edge found nothing in KV for this asker: then the record is written anew. */
  missed_in_kv: boolean
}

/** An access token on its way out. */
export interface IssuedToken {
  access_token: string
  scope: string
  /** NumericDate. */
  expires_at: number
  /** How long Google took, when it was asked. */
  google_ms?: number
}

/** Hands out the access tokens of one subject. */
export interface TokenIssuer {
  /**
   * Answers an asker who was let in with a token of its scopes, refreshed where it has to be.
   *
   * @param session the asker's, if it has one
   */
  issueToken(request: TokenRequest, session: SessionRow | undefined): Promise<Outcome<IssuedToken>>
}

/** A record that was just written for a session is not written for it again so soon; elsewhere it may lag so long. */
const KV_LAG_SECONDS = 60

/** So many refreshes a minute may be forced by saying `rejected` (TMB-49). */
const MAX_FORCED_PER_MINUTE = 6

/** Makes the hand-out of a subject. */
export function createTokenIssuer(parts: SubjectContext): TokenIssuer {
  const { background, ledger, kvOutbox, refresher, sessions, vault } = parts
  /** When a record was last written anew because KV had missed it, by scope set key and asker. */
  const rewritten = new Map<string, number>()
  /** Sets that were asked for before; their names are known by now, and there are no more of them than bundles. */
  const scopeSets = new Map<string, ScopeSet>()
  let forced: number[] = []

  const scopesOf = ({ scope }: TokenRequest): ScopeSet => {
    const scopes = scopeSets.get(scope) ?? parseScope(scope)
    scopeSets.set(scope, scopes)
    return scopes
  }

  /** A session may end while its token is got ready. */
  const isStillAuthorized = ({ credential }: TokenRequest): boolean =>
    credential.kind === 'app_user' || sessions.live(credential.id) !== undefined

  const mayForce = (scopes: ScopeSet): boolean => {
    if (refresher.isUnderWay(scopes)) return true
    forced = forced.filter((at) => at > now() - 60)
    if (forced.length >= MAX_FORCED_PER_MINUTE) return false
    forced.push(now())
    return true
  }

  /** Answers with a token, unless the session, the grant or the token itself ended while it was got ready. */
  const answerWith = (
    request: TokenRequest,
    key: string,
    token: AccessToken,
    more = {},
  ): Outcome<IssuedToken> => {
    if (!isStillAuthorized(request)) return failed('login_required', 'session_ended')
    if (!ledger.find('tokens', key))
      return failed('temporarily_unavailable', 'grant_keeps_changing')
    if (secondsLeft(token, now()) < 1) return failed('temporarily_unavailable', 'token_expired')
    const { access_token, scope, expires_at } = token
    return success({ access_token, scope, expires_at, ...more })
  }

  /** Refreshes a token that wanes, and mends the record that KV lacks, while the caller has its answer already. */
  const workInBackground = (
    request: TokenRequest,
    key: string,
    token: AccessToken,
    touched: boolean,
  ): void => {
    if (isDueForRefresh(token, now())) {
      const refreshing = refresher.refresh(scopesOf(request))
      background(
        refreshing.then(
          () => {},
          (error: unknown) => void logError('refresh_failed', error),
        ),
      )
    }
    const { credential } = request
    const name = `${key}/${credential.kind === 'session' ? credential.id : ''}`
    const at = rewritten.get(name) ?? 0
    const isLagging = request.missed_in_kv && now() >= at + KV_LAG_SECONDS
    if (!touched && !isLagging) return
    rewritten.set(name, now())
    if (touched) kvOutbox.markAllTokensDirty()
    else kvOutbox.markTokenDirty(key)
    background(kvOutbox.flush())
  }

  return {
    async issueToken(request, session) {
      const touched = session !== undefined && sessions.touch(session)
      const scopes = scopesOf(request)
      const key = await scopeSetKey(scopes)
      const row = ledger.find('tokens', key)
      const isOver = row !== undefined && row.expires_at <= now()
      const token = isOver ? undefined : await vault.openToken(row)
      const rejected = token !== undefined && (await isRejected(token, request))
      if (token && !rejected && isFresh(token, request.min_ttl, now())) {
        workInBackground(request, key, token, touched)
        return answerWith(request, key, token)
      }
      if (rejected && !mayForce(scopes))
        return failed('slow_down', 'forced_too_often', { retry_after: 60 })
      if (touched) {
        kvOutbox.markAllTokensDirty()
        background(kvOutbox.flush())
      }
      const asked_at = Date.now()
      const outcome = await refresher.refresh(scopes)
      if (!isStillAuthorized(request)) return failed('login_required', 'session_ended')
      if (outcome.ok)
        return answerWith(request, key, outcome.value, { google_ms: Date.now() - asked_at })
      const held = await vault.openToken(ledger.find('tokens', key)) // a consent may have brought another
      const isGood = held && !(await isRejected(held, request)) && secondsLeft(held, now()) >= 1
      return isGood ? answerWith(request, key, held) : outcome
    },
  }
}

async function isRejected(
  { access_token }: AccessToken,
  { rejected }: TokenRequest,
): Promise<boolean> {
  return rejected !== undefined && (await sha256(access_token)) === rejected
}
