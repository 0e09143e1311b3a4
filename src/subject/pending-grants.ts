/** This file is the consents that wait for their code to be redeemed: nobody can use one before, and few live long. */

import { now } from '../clock.ts'
import { randomId } from '../crypto/digest.ts'
import { failed, type Outcome, success } from '../errors.ts'
import { parseScope } from '../scope/scopes.ts'
import { acceptConsent } from './consent.ts'
import type { Consent } from './grant.ts'
import { consentRequired, type Grants, grantedOf, scopeSetKey } from './grants.ts'
import type { PendingRow } from './ledger.ts'
import type { SubjectContext } from './subject-context.ts'

/** A consent and the code it waits for. */
export interface PendingGrant {
  /** The id in the code. */
  id: string
  consent: Consent
  /** NumericDate. */
  expires_at: number
}

/** What became of a consent on its way to a code. */
export type StoredPendingGrant = 'held' | 'refresh_token_missing'

/** A redeemed consent: what was asked for can be handed out, to the session that began if one did. */
export interface Redemption {
  scope: string
  session?: string
}

/**
 * Keeps a consent back until its code is redeemed (TMB-16).
 *
 * @returns `access_denied` with reason `account_mismatch` when what this subject granted before is of another
 *   Google account (TMB-28)
 */
export async function storePendingGrant(
  { grants, ledger, kvOutbox, vault }: SubjectContext,
  { id, consent, expires_at }: PendingGrant,
): Promise<Outcome<StoredPendingGrant>> {
  if (await isOtherAccount(grants, consent)) return failed('access_denied', 'account_mismatch')
  const granted = grantedOf(parseScope(consent.tokens.scope), parseScope(consent.requested_scope))
  const isUseless =
    consent.tokens.refresh_token === undefined && granted.length > 0 && !(await grants.own(granted))
  if (isUseless) return success('refresh_token_missing')
  const sealed = await vault.sealConsent(id, consent)
  ledger.put('pending_grants', { id, sealed, expires_at, redeemed: null })
  await kvOutbox.flush()
  return success('held')
}

/** Whether what this subject granted before is of another account. */
async function isOtherAccount(grants: Grants, { sub }: Consent): Promise<boolean> {
  return ![undefined, sub].includes(await grants.account())
}

/**
 * Accepts the consent of a code, once.
 *
 * A code that comes again ends what it began: one of the two who had it was not meant to; RFC 6749 §4.1.2. Of
 * two consents that waited together, the second is refused where it is of another account (TMB-28). Both hold only
 * while codes are redeemed one after the other.
 */
export async function redeemPendingGrant(
  parts: SubjectContext,
  id: string,
): Promise<Outcome<Redemption>> {
  const { grants, ledger, kvOutbox, sessions, vault } = parts
  const row = ledger.find('pending_grants', id)
  if (!row || row.expires_at <= now()) return failed('invalid_grant', 'code_unknown')
  if (row.redeemed !== null) {
    ledger.transaction(() => {
      sessions.end(row.redeemed ?? '')
      kvOutbox.markAllTokensDirty()
    })
    await kvOutbox.flush()
    return failed('invalid_grant', 'code_used')
  }
  const spent = { ...row, sealed: '', redeemed: '' }
  ledger.put('pending_grants', spent)
  const consent = await vault.openConsent(row)
  if (!consent) return failed('invalid_grant', 'code_unreadable')
  if (await isOtherAccount(grants, consent)) return failed('access_denied', 'account_mismatch')
  const accepted = await acceptConsent(parts, consent)
  if (!accepted.ok) return accepted
  if (accepted.value.result === 'refresh_token_missing')
    return failed('invalid_grant', 'grant_ended_meanwhile')
  const { result, session } = accepted.value
  if (result === 'ok') {
    ledger.put('pending_grants', { ...spent, redeemed: session?.id ?? '' })
    return success({ scope: consent.requested_scope, ...(session ? { session: session.id } : {}) })
  }
  if (session) sessions.end(session.id)
  return result === 'consent_required'
    ? consentRequired(grants, parseScope(consent.requested_scope), 'partially_granted')
    : failed(result, 'google_grants_another_scope')
}

/** Drops a consent whose code came from somebody else than began it. */
export function dropPendingGrant({ ledger }: SubjectContext, id: string): void {
  const row = ledger.find('pending_grants', id)
  if (row?.redeemed === null) ledger.remove('pending_grants', id)
}

/** Drops every consent whose time is over, inside the alarm. */
export async function dropExpired(parts: SubjectContext): Promise<void> {
  const { ledger } = parts
  for (const row of ledger.all('pending_grants')) {
    if (row.expires_at > now()) continue
    if (row.redeemed === null) await revokeUnredeemed(parts, row)
    ledger.remove('pending_grants', row.id)
  }
}

/**
 * Has Google revoke what nobody came for, where nothing else hangs on it: revoking ends the user's whole grant,
 * through whatever client.
 *
 * What the same account granted through another client is not known here, nor whose account an app's user
 * consented with; there the refresh token is dropped, or a link somebody made could end a stranger's grant.
 */
async function revokeUnredeemed(
  { config, revocationOutbox, subject, audit, vault }: SubjectContext,
  row: PendingRow,
): Promise<void> {
  audit.record('pending_grant_dropped', { subject })
  const consent = await vault.openConsent(row)
  const { refresh_token } = consent?.tokens ?? {}
  const isOnlyClient = config.clients.size === 1
  if (!isOnlyClient || !consent?.begins_session || refresh_token === undefined) return
  const { sub, tokens } = consent
  const scope_set_key = await scopeSetKey(parseScope(tokens.scope))
  const sealed = await vault.sealGrant(scope_set_key, {
    ...{ v: 1, sub, refresh_token, scope: tokens.scope, generation: randomId() },
    ...{ granted_at: now(), issued_before: 0 },
  })
  revocationOutbox.enqueueOrphan({ scope_set_key, sealed })
}
