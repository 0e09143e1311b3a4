/** Accepting a consent: stores what the user granted, and begins a session. */

import { now } from '../clock.ts'
import { randomId } from '../crypto/digest.ts'
import { failed, type Outcome, success } from '../errors.ts'
import { covers, equals, missing, parseScope, type ScopeSet } from '../scope/scopes.ts'
import type { AccessToken, Consent, Grant } from './grant.ts'
import { grantedOf, scopeSetKey } from './grants.ts'
import type { SubjectContext } from './subject-context.ts'

/** The result of a consent; `consent_required` if the user did not grant all that was requested. */
export interface AcceptedConsent {
  result:
    | 'ok'
    | 'consent_required'
    | 'refresh_token_missing'
    | 'temporarily_unavailable'
    | 'server_error'
  session?: { id: string; family_id: string }
}

/**
 * Stores a consent under the scope set that was granted, and begins a session.
 *
 * A grant needs a refresh token: a consent without one is stored only if the old grant still has one.
 *
 * @param family the family of the session, where it does not replace the one that began the consent
 * @returns `access_denied` if its session ended or its subject disconnected before the user came back
 */
export async function acceptConsent(
  context: SubjectContext,
  consent: Consent,
  family?: string,
): Promise<Outcome<AcceptedConsent>> {
  const { ledger, kvOutbox, revocationOutbox, sessions } = context
  const requested = parseScope(consent.requested_scope)
  const granted = grantedOf(parseScope(consent.tokens.scope), requested)
  const requestedKey = await scopeSetKey(requested)
  const records = await prepare(context, consent, granted)
  const { key, grant, sealed } = records

  const accepted = ledger.transaction((): Outcome<AcceptedConsent> => {
    const refusal = refusalOf(context, consent, [requestedKey, key])
    if (refusal !== undefined) {
      if (refusal === 'disconnected' && grant.refresh_token !== '')
        revocationOutbox.enqueueOrphan({ scope_set_key: key, sealed: sealed.grant })
      return failed('consent_too_late')
    }
    if (granted.length > 0 && !store(context, records))
      return success({ result: 'refresh_token_missing' })
    recordMissing(context, requestedKey, missing(requested, granted))
    const result = equals(granted, requested) ? 'ok' : 'consent_required'
    if (!consent.begins_session) return success({ result })
    const { id, family_id, evicted } = sessions.begin(consent.family_id, family)
    if (evicted) kvOutbox.markAllTokensDirty() // the KV records must stop naming the old sessions
    return success({ result, session: { id, family_id } })
  })
  if (accepted.ok && granted.length > 0 && grant.refresh_token !== '')
    context.indexGrant(grant, !consent.begins_session)
  await Promise.all([kvOutbox.flush(), revocationOutbox.flush()])
  const isMore = covers(granted, requested) && !equals(granted, requested)
  return isMore ? downscope(context, accepted, requested) : accepted
}

/** The records of a consent, ready to be stored. */
type NewRecords = Awaited<ReturnType<typeof prepare>>

async function prepare(
  { config, grants, ledger, revocationOutbox, vault }: SubjectContext,
  { sub, tokens }: Consent,
  granted: ScopeSet,
) {
  const key = await scopeSetKey(granted)
  const scope = granted.join(' ')
  // The stored grant of the same scopes, whose refresh token stays if Google issued no new one.
  const held = await grants.findExact(granted)
  await vault.openToken(ledger.find('tokens', key)) // one of a later version is not written over
  // The revocations that stay enqueued, because they are of other accounts.
  const others = await revocationOutbox.pendingOfOtherAccounts(sub)
  const generation = tokens.refresh_token === undefined && held ? held.grant.generation : randomId()
  const { access_token, expires_at, refresh_token = '', refresh_token_expires_at } = tokens
  const grant: Grant = {
    v: 1,
    sub,
    refresh_token,
    scope,
    generation,
    granted_at: now(),
    client_id: config.client_id,
    issued_before: ledger.fact('issued') ?? 0,
    refresh_token_expires_at,
  }
  const token: AccessToken = { v: 1, access_token, scope, expires_at, generation }
  const sealed = {
    grant: await vault.sealGrant(key, grant),
    token: await vault.sealToken(key, token),
  }
  return { key, grant, token, sealed, held, others }
}

/** Why a consent comes too late, if it does. */
function refusalOf(
  { ledger, sessions }: SubjectContext,
  { began_at, family_id }: Consent,
  keys: readonly string[],
): string | undefined {
  if (began_at <= (ledger.fact('disconnected_at') ?? 0)) return 'disconnected'
  if (family_id !== undefined && !sessions.isFamilyLive(family_id)) return 'session_ended'
  const endings = keys.flatMap((key) => ledger.find('endings', key) ?? [])
  const isForgotten = endings.some(({ kind, at }) => kind === 'forgotten' && began_at <= at)
  return isForgotten ? 'forgotten' : undefined
}

/** Stores the grant and its access token. @returns `false` if there is no refresh token, neither a new nor an old one */
function store(
  { grants, ledger, kvOutbox, revocationOutbox }: SubjectContext,
  { key, grant, token, sealed, held, others }: NewRecords,
): boolean {
  const [at, row] = [now(), ledger.find('grants', key)]
  if (grant.refresh_token === '') {
    if (!row || !held || !grants.isCurrent(held)) return false
    ledger.put('grants', { ...row, refreshed_at: at })
  } else {
    const { generation } = grant
    const times = { granted_at: at, refreshed_at: at }
    ledger.put('grants', { scope_set_key: key, generation, ...times, sealed: sealed.grant })
    ledger.setFact('issued', grant.issued_before + 1)
    ledger.remove('back_offs', key)
    kvOutbox.markGrantDirty(key)
  }
  ledger.put('tokens', {
    scope_set_key: key,
    grant_scope_set_key: key,
    expires_at: token.expires_at,
    sealed: sealed.token,
  })
  kvOutbox.publishToken(key)
  grants.clearEndings(key)
  revocationOutbox.cancelAllExcept(others)
  return true
}

/** Records the scopes that the user did not grant, unless an older grant has all of them. */
function recordMissing(context: SubjectContext, key: string, scopes: ScopeSet): void {
  const { grants, ledger } = context
  if (scopes.length === 0) grants.clearEndings(key)
  else if (!ledger.find('grants', key)) grants.recordEnding(key, 'partial', scopes)
}

/** After more was granted than requested: the bundle works only if Google down-scopes a token to it (TMB-19). */
async function downscope(
  { refresher }: SubjectContext,
  accepted: Outcome<AcceptedConsent>,
  requested: ScopeSet,
): Promise<Outcome<AcceptedConsent>> {
  if (!accepted.ok || accepted.value.result === 'refresh_token_missing') return accepted
  const outcome = await refresher.refresh(requested)
  if (outcome.ok) return success({ ...accepted.value, result: 'ok' })
  const { code } = outcome.failure
  const isOurs = code !== 'temporarily_unavailable' && code !== 'consent_required'
  return success({ ...accepted.value, result: isOurs ? 'server_error' : code })
}
