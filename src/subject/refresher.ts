/** This file is the refresh: one at a time for a grant, its outcome shared by all who wait, its failures kept apart from its end. */

import type { AuditLog } from '../audit/audit.ts'
import { log } from '../audit/log.ts'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { BrokerError, failed, failureOf, type Outcome, success } from '../errors.ts'
import { OAuthError } from '../google/failure.ts'
import { refresh, type Tokens } from '../google/token-endpoint.ts'
import { covers, equals, missing, type ScopeSet } from '../scope/scopes.ts'
import { backOff, backOffLeft, MAX_BACK_OFF_SECONDS } from './back-off.ts'
import { type AccessToken, type Grant, isFresh } from './grant.ts'
import { consentRequired, type Grants, grantedOf, type HeldGrant, scopeSetKey } from './grants.ts'
import type { KvOutbox } from './kv-outbox.ts'
import type { Ledger } from './ledger.ts'
import type { RevocationOutbox } from './revocation-outbox.ts'
import type { Vault } from './vault.ts'

/** Where a grant was replaced or ended under a refresh, another is looked for, so many times. */
const MAX_ATTEMPTS = 5

/** Gets new access tokens for one subject. */
export interface Refresher {
  /**
   * Gets a new access token of exactly these scopes, or joins the refresh that is under way.
   *
   * @returns the token, durable before it is returned; or why there is none: `consent_required` when the grant
   *   is over, and only then
   */
  refresh(scopes: ScopeSet): Promise<Outcome<AccessToken>>
  /** Whether a refresh for exactly these scopes is under way, to be joined. */
  isUnderWay(scopes: ScopeSet): boolean
}

/** What a refresher works with. */
interface Parts {
  config: Config
  subject: string
  ledger: Ledger
  vault: Vault
  grants: Grants
  kvOutbox: KvOutbox
  revocationOutbox: RevocationOutbox
  audit: AuditLog
  /** Notes whose a refresh token is. */
  indexGrant(grant: Grant): void
  /** Lets work go on behind the answer. */
  background(work: Promise<void>): void
}

/** Makes the refresher of a subject. It lives in the Durable Object: nowhere else is there just one of it (TMB-20). */
export function createRefresher(parts: Parts): Refresher {
  const { grants } = parts
  const underWay = new Map<string, Promise<Outcome<AccessToken>>>()
  const lastTurn = new Map<string, Promise<void>>()

  /** One grant serves several scope sets when it is narrowed; still it is asked for one at a time. */
  const inTurn = async <T>(grant: string, work: () => Promise<T>): Promise<T> => {
    const turn = (lastTurn.get(grant) ?? Promise.resolve()).then(work)
    const over = (): void => {} // nothing of what came of it is kept
    lastTurn.set(grant, turn.then(over, over))
    return turn
  }

  const run = async (scopes: ScopeSet): Promise<Outcome<AccessToken>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const found = await grants.find(scopes)
      if (!found) return consentRequired(grants, scopes, 'grant_missing')
      const outcome = await inTurn(found.row.scope_set_key, () =>
        refreshGrant(parts, found.row.scope_set_key, scopes),
      )
      if (outcome !== 'superseded') return outcome
      const token = await parts.vault.openToken(
        parts.ledger.find('tokens', await scopeSetKey(scopes)),
      )
      if (token && isFresh(token, 0, now())) return success(token)
    }
    return failed('temporarily_unavailable', 'grant_keeps_changing')
  }

  return {
    isUnderWay: (scopes) => underWay.has(scopes.join(' ')),
    async refresh(scopes) {
      const key = scopes.join(' ')
      const running = underWay.get(key) ?? run(scopes).finally(() => underWay.delete(key))
      underWay.set(key, running)
      return running
    },
  }
}

/** Asks Google once with the grant as it stands when its turn comes. */
async function refreshGrant(
  parts: Parts,
  key: string,
  scopes: ScopeSet,
): Promise<Outcome<AccessToken> | 'superseded'> {
  const { config, ledger, vault } = parts
  const pause = await backingOff(parts, key, scopes)
  if (pause) return pause
  const row = ledger.find('grants', key)
  const grant = await vault.openGrant(row)
  if (!row || !grant) return 'superseded'
  const held = { row, grant }
  try {
    const begun = { at: now(), dropped: parts.grants.timesDropped(key) }
    const tokens = await refresh(config, grant, scopes)
    return await commit(parts, held, scopes, tokens, begun)
  } catch (error) {
    return handleFailure(parts, held, scopes, error)
  }
}

/** While a failure is young it is everybody's answer, and Google is left alone. */
async function backingOff(
  { grants, ledger }: Parts,
  key: string,
  scopes: ScopeSet,
): Promise<Outcome<never> | undefined> {
  const left = backOffLeft(ledger, key)
  if (left === 0) return undefined
  const isTold = await grants.isUnconfirmed(scopes)
  return isTold
    ? consentRequired(grants, scopes, 'backing_off')
    : failed('temporarily_unavailable', 'backing_off', { retry_after: left })
}

/**
 * Writes a success down, unless the grant was ended or replaced meanwhile (TMB-21, TMB-61). A refresh token that Google
 * rotated while its user disconnected is revoked as well.
 */
async function commit(
  parts: Parts,
  held: HeldGrant,
  asked: ScopeSet,
  tokens: Tokens,
  begun: { at: number; dropped: number },
): Promise<Outcome<AccessToken> | 'superseded'> {
  const { background, grants, ledger, kvOutbox, revocationOutbox, vault } = parts
  const { row, grant } = held
  const { refresh_token = grant.refresh_token, refresh_token_expires_at } = tokens
  const rotated = refresh_token !== grant.refresh_token
  const limit = refresh_token_expires_at === undefined ? {} : { refresh_token_expires_at }
  const renewed = { ...grant, refresh_token, ...limit }
  const sealedGrant = rotated ? await vault.sealGrant(row.scope_set_key, renewed) : row.sealed
  const key = await scopeSetKey(asked)
  const granted = grantedOf(tokens.scope, asked)
  const isExact = equals(granted, asked)
  const token: AccessToken = {
    v: 1,
    access_token: tokens.access_token,
    scope: asked.join(' '),
    expires_at: tokens.expires_at,
    generation: grant.generation,
    refresh_lifetime: tokens.expires_in,
  }
  const sealedToken = await vault.sealToken(key, token)
  const kept = ledger.transaction((): 'nothing' | 'grant' | 'token' => {
    const current = ledger.find('grants', row.scope_set_key) // sealed anew meanwhile, it may be
    if (!current || !grants.isCurrent(held)) return 'nothing'
    const sealed = rotated ? sealedGrant : current.sealed
    ledger.put('grants', { ...current, sealed, refreshed_at: now() })
    if (rotated) kvOutbox.markGrantDirty(row.scope_set_key)
    if (!isExact) return 'grant'
    ledger.remove('back_offs', row.scope_set_key)
    if (row.scope_set_key !== key && ledger.find('endings', key)?.kind === 'forgotten')
      return 'grant'
    if (grants.timesDropped(row.scope_set_key) !== begun.dropped) return 'grant'
    grants.clearEndings(key)
    ledger.put('tokens', {
      scope_set_key: key,
      grant_scope_set_key: row.scope_set_key,
      expires_at: token.expires_at,
      sealed: sealedToken,
    })
    kvOutbox.markTokenDirty(key)
    return 'token'
  })
  if (rotated && kept !== 'nothing') parts.indexGrant(renewed)
  const isDisconnected = (ledger.fact('disconnected_at') ?? 0) >= begun.at
  if (rotated && kept === 'nothing' && isDisconnected) {
    revocationOutbox.enqueueOrphan({ scope_set_key: row.scope_set_key, sealed: sealedGrant })
    background(revocationOutbox.flush())
  }
  background(kvOutbox.flush())
  if (kept === 'grant' && !isExact) return refuseOtherScope(parts, held, asked, granted)
  return kept === 'token' ? success(token) : 'superseded'
}

/**
 * Google granted something else than was asked for: that token is never handed out (TMB-19, TMB-46), but only
 * `invalid_grant` ends a grant. What is missing is told, and Google asked again after a back-off.
 */
async function refuseOtherScope(
  parts: Parts,
  { row }: HeldGrant,
  asked: ScopeSet,
  granted: ScopeSet,
): Promise<Outcome<never>> {
  const { grants, ledger, subject } = parts
  const key = await scopeSetKey(asked)
  log('error', 'google_grants_another_scope', { subject })
  if (row.scope_set_key !== key) grants.recordDownscopeRefusal(key)
  else {
    if (covers(granted, asked)) grants.recordEnding(key, 'unavailable')
    else grants.recordEnding(key, 'partial', missing(asked, granted))
    backOff(ledger, key, MAX_BACK_OFF_SECONDS)
  }
  return consentRequired(grants, asked, 'google_grants_another_scope')
}

/** Tells a dead grant from a failing Google: only `invalid_grant` for the current refresh token ends anything (TMB-22). */
async function handleFailure(
  parts: Parts,
  held: HeldGrant,
  scopes: ScopeSet,
  error: unknown,
): Promise<Outcome<AccessToken> | 'superseded'> {
  const { background, grants, ledger, kvOutbox, subject, audit } = parts
  const failure = failureOf(error)
  if (!grants.isCurrent(held)) return 'superseded'
  if (failure.reason === 'google_invalid_grant') {
    const policy =
      error instanceof BrokerError &&
      error.cause instanceof OAuthError &&
      error.cause.error_subtype !== undefined
    audit.record('grant_ended', { subject, reason: failure.reason })
    ledger.transaction(() => grants.end(held, policy))
    background(kvOutbox.flush())
    return 'superseded'
  }
  audit.record('refresh_failed', { subject }, error)
  const key = await scopeSetKey(scopes)
  if (failure.reason === 'google_invalid_scope' && held.row.scope_set_key !== key) {
    grants.recordDownscopeRefusal(key)
    return consentRequired(grants, scopes, failure.reason)
  }
  if (held.row.scope_set_key === key) ledger.remove('endings', key) // what Google said before may not be what it says next
  const retry_after = backOff(ledger, held.row.scope_set_key, failure.retry_after)
  return { ok: false, failure: { ...failure, retry_after } }
}
