/** This file is what happens to a consent that came back from Google: kept, kept in part, or refused. */

import { now } from '../clock.ts'
import { randomId } from '../crypto/digest.ts'
import { failed, type Outcome, success } from '../errors.ts'
import { covers, equals, missing, parseScope, type ScopeSet } from '../scope/scopes.ts'
import type { AccessToken, Consent, Grant } from './grant.ts'
import { grantedOf, type HeldGrant, scopeSetKey } from './grants.ts'
import type { SubjectContext } from './subject-context.ts'

/** What came of a consent. */
export type AcceptedConsent =
  | {
      result: 'ok' | 'consent_required' | 'temporarily_unavailable' | 'server_error'
      session?: { id: string; family_id: string }
    }
  | { result: 'refresh_token_missing' }

/**
 * Keeps a consent under the scope set that was really granted, and begins a session.
 *
 * A consent without a refresh token is kept only where one is held already: a grant that could not be
 * refreshed is never stored (design.md §6.6).
 *
 * @returns `access_denied` when its session ended or its subject disconnected while the user was away
 */
export async function acceptConsent(
  parts: SubjectContext,
  consent: Consent,
): Promise<Outcome<AcceptedConsent>> {
  const { grants, ledger, kvOutbox, revocationOutbox } = parts
  const asked = parseScope(consent.requested_scope)
  const granted = grantedOf(parseScope(consent.tokens.scope), asked)
  const [askedKey, key] = [await scopeSetKey(asked), await scopeSetKey(granted)]
  const [held, others] = [
    await grants.own(granted),
    await revocationOutbox.pendingOfOtherAccounts(consent.sub),
  ]
  const { grant, token } = recordsOf(parts, consent, granted, held)
  const sealed = {
    grant: await parts.vault.sealGrant(key, grant),
    token: await parts.vault.sealToken(key, token),
  }

  const accepted = ledger.transaction((): Outcome<AcceptedConsent> => {
    const refusal = refusalOf(parts, consent, [askedKey, key])
    if (refusal !== undefined) {
      if (refusal === 'disconnected' && grant.refresh_token !== '')
        revocationOutbox.enqueueOrphan({ scope_set_key: key, sealed: sealed.grant })
      return failed('access_denied', refusal)
    }
    if (granted.length > 0) {
      const keepsOld = consent.tokens.refresh_token === undefined
      if (keepsOld && !(held && grants.isCurrent(held)))
        return success({ result: 'refresh_token_missing' })
      const row = ledger.find('grants', key)
      if (keepsOld && row) ledger.put('grants', { ...row, refreshed_at: now() })
      else replaceGrant(parts, key, grant, sealed.grant)
      ledger.put('tokens', {
        scope_set_key: key,
        grant_scope_set_key: key,
        expires_at: token.expires_at,
        sealed: sealed.token,
      })
      kvOutbox.markTokenDirty(key)
      grants.clearEndings(key)
      revocationOutbox.cancelAllExcept(others)
    }
    recordMissing(parts, askedKey, asked, granted)
    return success({
      result: equals(granted, asked) ? 'ok' : 'consent_required',
      ...(consent.begins_session ? { session: beginSession(parts, consent) } : {}),
    })
  })
  const isNew = accepted.ok && granted.length > 0 && consent.tokens.refresh_token !== undefined
  if (isNew) parts.indexGrant(grant, !consent.begins_session)
  await Promise.all([kvOutbox.flush(), revocationOutbox.flush()])
  return isWider(granted, asked) ? downscope(parts, accepted, asked) : accepted
}

function recordsOf(
  parts: SubjectContext,
  { sub, tokens }: Consent,
  granted: ScopeSet,
  held: HeldGrant | undefined,
): { grant: Grant; token: AccessToken } {
  const scope = granted.join(' ')
  const generation = tokens.refresh_token === undefined && held ? held.grant.generation : randomId()
  const { access_token, expires_at, refresh_token = '', refresh_token_expires_at } = tokens
  const issued_before = parts.ledger.fact('issued') ?? 0
  return {
    grant: {
      v: 1,
      sub,
      refresh_token,
      scope,
      generation,
      granted_at: now(),
      issued_before,
      ...(refresh_token_expires_at === undefined ? {} : { refresh_token_expires_at }),
    },
    token: { v: 1, access_token, scope, expires_at, generation },
  }
}

/** Why a consent comes too late to be kept. */
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

/** Puts a new life of a grant in the place of the old one. */
function replaceGrant(
  { ledger, kvOutbox }: SubjectContext,
  key: string,
  grant: Grant,
  sealed: string,
): void {
  const at = now()
  ledger.put('grants', {
    scope_set_key: key,
    generation: grant.generation,
    granted_at: at,
    refreshed_at: at,
    sealed,
  })
  ledger.setFact('issued', grant.issued_before + 1)
  ledger.remove('back_offs', key)
  kvOutbox.markGrantDirty(key)
}

/** Remembers what the user left unticked, unless an older grant serves the bundle all the same. */
function recordMissing(
  { grants, ledger }: SubjectContext,
  askedKey: string,
  asked: ScopeSet,
  granted: ScopeSet,
): void {
  const left = missing(asked, granted)
  if (left.length === 0) grants.clearEndings(askedKey)
  else if (!ledger.find('grants', askedKey)) grants.recordEnding(askedKey, 'partial', left)
}

/** Begins the session; where others have to go for it, KV's records may name them no longer. */
function beginSession(
  { kvOutbox, sessions }: SubjectContext,
  { family_id }: Consent,
): { id: string; family_id: string } {
  const { session, evicted } = sessions.begin(family_id)
  if (evicted) kvOutbox.markAllTokensDirty()
  return { id: session.id, family_id: session.family_id }
}

function isWider(granted: ScopeSet, asked: ScopeSet): boolean {
  return covers(granted, asked) && !equals(granted, asked)
}

/** More was granted than asked for: the bundle is served only if Google narrows the token to it (TMB-19). */
async function downscope(
  parts: SubjectContext,
  accepted: Outcome<AcceptedConsent>,
  asked: ScopeSet,
): Promise<Outcome<AcceptedConsent>> {
  if (!accepted.ok || accepted.value.result === 'refresh_token_missing') return accepted
  const outcome = await parts.refresher.refresh(asked)
  if (outcome.ok) return success({ ...accepted.value, result: 'ok' })
  const { code } = outcome.failure
  return success({
    ...accepted.value,
    result:
      code === 'temporarily_unavailable' || code === 'consent_required' ? code : 'server_error',
  })
}
