/** The refresher: gets new access tokens from Google, one refresh at a time for each grant. */

import { log } from '../audit/log.ts'
import { now } from '../clock.ts'
import { BrokerError, failed, failureOf, type Outcome, success } from '../errors.ts'
import { OAuthError } from '../google/failure.ts'
import { refresh, type Tokens } from '../google/token-endpoint.ts'
import { covers, missing, type ScopeSet } from '../scope/scopes.ts'
import { type AccessToken, isFresh } from './grant.ts'
import { consentRequired, grantedOf, type HeldGrant, scopeSetKey } from './grants.ts'
import type { Ledger } from './ledger.ts'
import {
  createRefreshStorage,
  type RefreshContext,
  type RefreshStorage,
} from './refresh-storage.ts'
import { createSerialQueue } from './serial-queue.ts'

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
  /** Stores the refreshes that the storage did not take before; what it does not take now is kept. */
  storeKept(): Promise<void>
  /** Whether a refresh for exactly these scopes is under way. */
  isUnderWay(scopes: ScopeSet): boolean
}

/** The outcome of one request to Google; `superseded` if the grant was replaced or ended during it. */
type Attempt = Outcome<AccessToken> | 'superseded'

/** Makes the refresher of a subject. A Durable Object has exactly one, so no refresh runs twice at once (TMB-20). */
export function createRefresher(context: RefreshContext): Refresher {
  const { grants, ledger, vault } = context
  const underWay = new Map<string, Promise<Outcome<AccessToken>>>()
  /** By grant. One grant can serve several scope sets; its refreshes run one after the other. */
  const queues = new Map<string, ReturnType<typeof createSerialQueue>>()
  const queueOf = (scope_set_key: string): ReturnType<typeof createSerialQueue> => {
    const queue = queues.get(scope_set_key) ?? createSerialQueue()
    queues.set(scope_set_key, queue)
    return queue
  }
  const storage = createRefreshStorage(context)

  const refreshUntilSettled = async (scopes: ScopeSet): Promise<Outcome<AccessToken>> => {
    for (let attempt = 0; attempt < MAX_ATTEMPTS; attempt++) {
      const held = await grants.find(scopes)
      if (!held) return consentRequired(grants, scopes)
      const { scope_set_key } = held.row
      const outcome = await queueOf(scope_set_key)(() =>
        refreshGrant(context, storage, scope_set_key, scopes),
      )
      if (outcome !== 'superseded') return outcome
      const token = await vault.openToken(ledger.find('tokens', await scopeSetKey(scopes)))
      if (token && isFresh(token, 0, now())) return success(token)
    }
    return failed('grant_keeps_changing')
  }

  return {
    async storeKept() {
      await Promise.all(
        storage.keptKeys().map((key) => queueOf(key)(async () => storage.storeKept(key))),
      )
    },
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
  storage: RefreshStorage,
  key: string,
  scopes: ScopeSet,
): Promise<Attempt> {
  const { config, grants, ledger, vault } = context
  const kept = await storage.storeKept(key)
  if (!kept.ok) return kept
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
  const stored = await storage.store({ held, requested: scopes, tokens, start })
  return stored === 'another_scope'
    ? refuseOtherScope(context, held, scopes, grantedOf(tokens.scope, scopes))
    : stored
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
