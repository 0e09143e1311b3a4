/** The refresher: gets new access tokens from Google, one refresh at a time for each grant. */

import { log } from '../audit/log.ts'
import { now } from '../clock.ts'
import { BrokerError, failed, failureOf, type Outcome, success } from '../errors.ts'
import { OAuthError } from '../google/failure.ts'
import { refresh, type Tokens } from '../google/token-endpoint.ts'
import { covers, equals, missing, type ScopeSet } from '../scope/scopes.ts'
import { type AccessToken, isFresh } from './grant.ts'
import { consentRequired, type Grants, grantedOf, type HeldGrant, scopeSetKey } from './grants.ts'
import type { KvOutbox } from './kv-outbox.ts'
import type { Ledger } from './ledger.ts'
import type { RevocationOutbox } from './revocation-outbox.ts'
import { createSerialQueue } from './serial-queue.ts'
import type { SubjectBase } from './subject-base.ts'

/** How often a refresh starts, if its grant is replaced or ended meanwhile. */
const MAX_ATTEMPTS = 5

/** The longest back-off, in seconds; back-offs double from one second. Google can ask for a longer one. */
const MAX_BACK_OFF_SECONDS = 60

/** Gets new access tokens for one subject. */
export interface Refresher {
  /**
   * Gets a new access token of exactly these scopes, or joins the refresh that is under way.
   *
   * @returns the token, already stored; or a failure, which is `consent_required` when the grant has ended or Google refuses the scopes
   */
  refresh(scopes: ScopeSet): Promise<Outcome<AccessToken>>
  /** Whether a refresh for exactly these scopes is under way. */
  isUnderWay(scopes: ScopeSet): boolean
}

/** What a refresher works with. */
export interface RefreshContext extends SubjectBase {
  grants: Grants
  kvOutbox: KvOutbox
  revocationOutbox: RevocationOutbox
}

/** The outcome of one request to Google; `superseded` if the grant was replaced or ended during it. */
type Attempt = Outcome<AccessToken> | 'superseded'

/** A refresh that Google has answered. */
interface Refreshed {
  held: HeldGrant
  requested: ScopeSet
  tokens: Tokens
  start: { at: number; removals: number }
}

/** By grant, a refresh that the storage did not take. It is stored before the next begins, since Google may have rotated the refresh token. */
type Unstored = Map<string, Refreshed>

/** Makes the refresher of a subject. A Durable Object has exactly one, so no refresh runs twice at once (TMB-20). */
export function createRefresher(context: RefreshContext): Refresher {
  const { grants, ledger, vault } = context
  const underWay = new Map<string, Promise<Outcome<AccessToken>>>()
  /** By grant. One grant can serve several scope sets; its refreshes run one after the other. */
  const queues = new Map<string, ReturnType<typeof createSerialQueue>>()
  const unstored: Unstored = new Map()

  const refreshUntilSettled = async (scopes: ScopeSet): Promise<Outcome<AccessToken>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const held = await grants.find(scopes)
      if (!held) return consentRequired(grants, scopes)
      const { scope_set_key } = held.row
      const inOrder = queues.get(scope_set_key) ?? createSerialQueue()
      queues.set(scope_set_key, inOrder)
      const outcome = await inOrder(() => refreshGrant(context, unstored, scope_set_key, scopes))
      if (outcome !== 'superseded') return outcome
      const token = await vault.openToken(ledger.find('tokens', await scopeSetKey(scopes)))
      if (token && isFresh(token, 0, now())) return success(token)
    }
    return failed('grant_keeps_changing')
  }

  return {
    isUnderWay: (scopes) => underWay.has(scopes.join(' ')),
    async refresh(scopes) {
      const key = scopes.join(' ')
      const running =
        underWay.get(key) ?? refreshUntilSettled(scopes).finally(() => underWay.delete(key))
      underWay.set(key, running)
      return running
    },
  }
}

/** Asks Google once, with the grant that is stored now. During a back-off, callers get a failure without a request. */
async function refreshGrant(
  context: RefreshContext,
  unstored: Unstored,
  key: string,
  scopes: ScopeSet,
): Promise<Attempt> {
  const { config, grants, ledger, vault } = context
  const left = unstored.get(key)
  if (left) {
    const stored = await store(context, unstored, left)
    if (typeof stored === 'object' && !stored.ok) return stored
  }
  const retry_after = Math.max(0, (ledger.find('back_offs', key)?.not_before ?? 0) - now())
  if (retry_after > 0 && (await grants.isUnconfirmed(scopes)))
    return consentRequired(grants, scopes)
  if (retry_after > 0) return failed('backing_off', { retry_after })
  const row = ledger.find('grants', key)
  const grant = await vault.openGrant(row)
  if (!row || !grant) return 'superseded'
  const held = { row, grant }
  const start = { at: now(), removals: grants.removalCount(key) }
  let tokens: Tokens
  try {
    tokens = await refresh(config, grant, scopes)
  } catch (error) {
    return handleFailure(context, held, scopes, error)
  }
  const stored = await store(context, unstored, { held, requested: scopes, tokens, start })
  return stored === 'another_scope'
    ? refuseOtherScope(context, held, scopes, grantedOf(tokens.scope, scopes))
    : stored
}

/** Stores a refresh, or keeps it in memory until the next one if the storage does not take it. */
async function store(
  context: RefreshContext,
  unstored: Unstored,
  refreshed: Refreshed,
): Promise<Attempt | 'another_scope'> {
  const key = refreshed.held.row.scope_set_key
  try {
    const stored = await storeTokens(context, refreshed)
    unstored.delete(key)
    return stored
  } catch (error) {
    unstored.set(key, refreshed)
    context.audit.record('refresh_failed', { subject: context.subject }, error)
    return { ok: false, failure: failureOf(error) }
  }
}

/**
 * Stores the tokens of a successful refresh, unless the grant was ended or replaced during it (TMB-21, TMB-61). A
 * refresh token that Google rotated while the user disconnected is revoked.
 *
 * @returns `another_scope` if it is not for the requested scopes: its access token is not stored
 */
async function storeTokens(
  context: RefreshContext,
  { held, requested, tokens, start }: Refreshed,
): Promise<Attempt | 'another_scope'> {
  const { background, grants, ledger, kvOutbox, revocationOutbox, vault } = context
  const { row, grant } = held
  const grantScopeSetKey = row.scope_set_key
  const {
    refresh_token = grant.refresh_token,
    refresh_token_expires_at = grant.refresh_token_expires_at,
  } = tokens
  const isRotated = refresh_token !== grant.refresh_token
  const renewed = { ...grant, refresh_token, refresh_token_expires_at }
  const sealedGrant = isRotated ? await vault.sealGrant(grantScopeSetKey, renewed) : row.sealed
  const key = await scopeSetKey(requested)
  const granted = grantedOf(tokens.scope, requested)
  const isExact = equals(granted, requested)
  const token: AccessToken = {
    v: 1,
    access_token: tokens.access_token,
    scope: requested.join(' '),
    expires_at: tokens.expires_at,
    generation: grant.generation,
    refresh_lifetime: tokens.expires_in,
  }
  const sealed = await vault.sealToken(key, token)
  const stored = ledger.transaction((): 'nothing' | 'grant' | 'token' => {
    const current = ledger.find('grants', grantScopeSetKey)
    if (!current || !grants.isCurrent(held)) return 'nothing'
    const grantNow = isRotated ? sealedGrant : current.sealed // not `row.sealed`: it may have been resealed
    ledger.put('grants', { ...current, sealed: grantNow, refreshed_at: now() })
    if (isRotated) kvOutbox.markGrantDirty(grantScopeSetKey)
    if (!isExact) return 'grant'
    ledger.remove('back_offs', grantScopeSetKey)
    if (grantScopeSetKey !== key && ledger.find('endings', key)?.kind === 'forgotten')
      return 'grant'
    if (grants.removalCount(grantScopeSetKey) !== start.removals) return 'grant'
    grants.clearEndings(key)
    const { expires_at } = token
    ledger.put('tokens', {
      scope_set_key: key,
      grant_scope_set_key: grantScopeSetKey,
      expires_at,
      sealed,
    })
    return 'token'
  })
  if (isRotated && stored !== 'nothing') context.indexGrant(renewed)
  const isDisconnected = (ledger.fact('disconnected_at') ?? 0) >= start.at
  if (isRotated && stored === 'nothing' && isDisconnected) {
    revocationOutbox.enqueueOrphan({ scope_set_key: grantScopeSetKey, sealed: sealedGrant })
    background(revocationOutbox.flush())
  }
  if (stored === 'token') kvOutbox.publishToken(key)
  if (isRotated && stored !== 'nothing') background(kvOutbox.flush())
  if (stored === 'grant' && !isExact) return 'another_scope'
  return stored === 'token' ? success(token) : 'superseded'
}

/**
 * Refuses a token with other scopes than requested; it is never issued (TMB-19, TMB-46). The grant stays, since only
 * `invalid_grant` ends a grant: the missing scopes are recorded, and Google is asked again after a back-off.
 */
async function refuseOtherScope(
  { grants, ledger, subject }: RefreshContext,
  { row }: HeldGrant,
  requested: ScopeSet,
  granted: ScopeSet,
): Promise<Outcome<never>> {
  const key = await scopeSetKey(requested)
  log('error', 'google_grants_another_scope', { subject })
  if (row.scope_set_key !== key) grants.recordDownscopeRefusal(key)
  else {
    if (covers(granted, requested)) grants.recordEnding(key, 'unavailable')
    else grants.recordEnding(key, 'partial', missing(requested, granted))
    backOff(ledger, key, MAX_BACK_OFF_SECONDS)
  }
  return consentRequired(grants, requested)
}

/** Ends the grant on `invalid_grant` for its current refresh token, and only then; other failures back off (TMB-22). */
async function handleFailure(
  context: RefreshContext,
  held: HeldGrant,
  scopes: ScopeSet,
  error: unknown,
): Promise<Attempt> {
  const { background, grants, ledger, kvOutbox, subject, audit } = context
  const failure = failureOf(error)
  if (!grants.isCurrent(held)) return 'superseded'
  if (failure.reason === 'google_invalid_grant') {
    audit.record('grant_ended', { subject, reason: failure.reason })
    ledger.transaction(() => grants.end(held, hasErrorSubtype(error)))
    background(kvOutbox.flush())
    return 'superseded'
  }
  audit.record('refresh_failed', { subject }, error)
  const key = await scopeSetKey(scopes)
  if (failure.reason === 'google_invalid_scope' && held.row.scope_set_key !== key) {
    grants.recordDownscopeRefusal(key)
    return consentRequired(grants, scopes)
  }
  // An earlier refusal of the scopes is forgotten: this failure says nothing about them.
  if (held.row.scope_set_key === key) ledger.remove('endings', key)
  const retry_after = backOff(ledger, held.row.scope_set_key, failure.retry_after)
  return { ok: false, failure: { ...failure, retry_after } }
}

/** Begins a back-off after a failed refresh of a grant. @returns its length in seconds, at least `at_least` */
function backOff(ledger: Ledger, scope_set_key: string, at_least = 0): number {
  const failures = (ledger.find('back_offs', scope_set_key)?.failures ?? 0) + 1
  const pause = Math.max(Math.min(2 ** (failures - 1), MAX_BACK_OFF_SECONDS), at_least)
  ledger.put('back_offs', { scope_set_key, failures, not_before: now() + pause })
  return pause
}

/** Whether Google named a cause of `invalid_grant`, such as a Workspace policy. */
function hasErrorSubtype(error: unknown): boolean {
  const cause = error instanceof BrokerError ? error.cause : undefined
  return cause instanceof OAuthError && cause.error_subtype !== undefined
}
