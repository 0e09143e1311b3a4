/** Pending grants: consents that cannot be used until their authorization code is redeemed. */

import { now } from '../clock.ts'
import { randomId } from '../crypto/digest.ts'
import { failed, type Outcome, success } from '../errors.ts'
import { missing, parseScope } from '../scope/scopes.ts'
import { acceptConsent } from './consent.ts'
import type { Consent } from './grant.ts'
import { consentRequired, type Grants, grantedOf, partiallyGranted, scopeSetKey } from './grants.ts'
import type { PendingRow } from './ledger.ts'
import type { SubjectContext } from './subject-context.ts'

/** A consent and the code it belongs to. */
export interface PendingGrant {
  /** The id in the code. */
  id: string
  consent: Consent
  /** NumericDate. */
  expires_at: number
}

/** A redeemed consent: its scopes can be issued now, to the session that began if there is one. */
export interface Redemption {
  scope: string
  session?: string | undefined
}

/**
 * Stores a consent until its code is redeemed (TMB-16).
 *
 * @returns `account_mismatch` if the subject's grants are of another Google account (TMB-28)
 */
export async function storePendingGrant(
  { grants, ledger, kvOutbox, vault }: SubjectContext,
  { id, consent, expires_at }: PendingGrant,
): Promise<Outcome<'pending' | 'refresh_token_missing'>> {
  if (await isOtherAccount(grants, consent)) return failed('other_account')
  const { requested_scope, tokens } = consent
  const granted = grantedOf(parseScope(tokens.scope), parseScope(requested_scope))
  const needsOld = tokens.refresh_token === undefined && granted.length > 0
  if (needsOld && !(await grants.findExact(granted))) return success('refresh_token_missing')
  const sealed = await vault.sealConsent(id, consent)
  ledger.put('pending_grants', { id, sealed, expires_at, redeemed: null })
  await kvOutbox.flush()
  return success('pending')
}

async function isOtherAccount(grants: Grants, { sub }: Consent): Promise<boolean> {
  return ![undefined, sub].includes(await grants.account())
}

/**
 * Accepts the consent of a code, once.
 *
 * A second use of a code ends the session that the first one began, since one of the two users of the code stole it;
 * RFC 6749 §4.1.2. If two consents are pending for different accounts, the second to be redeemed is refused (TMB-28).
 * Both rules need redemptions to run one after the other.
 *
 * @param jkt the key that the session is bound to, and so its family
 */
export async function redeemPendingGrant(
  context: SubjectContext,
  id: string,
  jkt: string | undefined,
): Promise<Outcome<Redemption>> {
  const { grants, ledger, kvOutbox, sessions, vault } = context
  const row = ledger.find('pending_grants', id)
  if (!row || row.expires_at <= now()) return failed('code_unknown')
  const { redeemed } = row
  if (redeemed !== null) {
    ledger.transaction(() => {
      sessions.end(redeemed)
      kvOutbox.markAllTokensDirty()
    })
    await kvOutbox.flush()
    return failed('code_used')
  }
  const used = { ...row, sealed: '', redeemed: '' }
  ledger.put('pending_grants', used)
  const consent = await vault.openConsent(row)
  if (!consent) return failed('code_unreadable')
  if (await isOtherAccount(grants, consent)) return failed('other_account')
  const begins_session = consent.begins_session && jkt !== undefined
  const accepted = await acceptConsent(context, { ...consent, begins_session }, jkt)
  if (!accepted.ok) return accepted
  if (accepted.value.result === 'refresh_token_missing') return failed('grant_ended_meanwhile')
  const { result, session } = accepted.value
  if (result === 'ok') {
    ledger.put('pending_grants', { ...used, redeemed: session?.id ?? '' })
    return success({ scope: consent.requested_scope, session: session?.id })
  }
  if (session) sessions.end(session.id)
  const requested = parseScope(consent.requested_scope)
  const left_out = missing(requested, parseScope(consent.tokens.scope))
  // Not what the subject knows of the scope set: an older grant may have all of it, and is not what the user was asked for.
  if (left_out.length > 0) return partiallyGranted(left_out)
  return result === 'consent_required'
    ? consentRequired(grants, requested)
    : failed(result === 'server_error' ? 'bundle_unavailable' : 'google_unavailable')
}

/** Deletes an unredeemed consent, because another user than the one who began presented its code. */
export function dropPendingGrant({ ledger }: SubjectContext, id: string): void {
  const row = ledger.find('pending_grants', id)
  if (row?.redeemed === null) ledger.remove('pending_grants', id)
}

/** Deletes all expired consents. */
export async function dropExpired(context: SubjectContext): Promise<void> {
  const { ledger } = context
  for (const row of ledger.all('pending_grants')) {
    if (row.expires_at > now()) continue
    if (row.redeemed === null) await revokeUnredeemed(context, row)
    ledger.remove('pending_grants', row.id)
  }
}

/**
 * Revokes a consent that was never redeemed, if that cannot end another grant: revoking ends all grants of the account
 * at Google, through any client.
 *
 * It is only deleted in two cases. With several clients, the account may have grants that this object does not know. And
 * an app's user may have sent the link to a stranger, whose Google account it then is.
 */
async function revokeUnredeemed(context: SubjectContext, row: PendingRow): Promise<void> {
  const { config, revocationOutbox, subject, audit, vault } = context
  audit.record('pending_grant_dropped', { subject })
  const consent = await vault.openConsent(row)
  const { refresh_token } = consent?.tokens ?? {}
  const isOnlyClient = config.clients.size === 1
  if (!isOnlyClient || !consent?.begins_session || refresh_token === undefined) return
  const { sub, tokens } = consent
  const scope_set_key = await scopeSetKey(parseScope(tokens.scope))
  const sealed = await vault.sealGrant(scope_set_key, {
    ...{ v: 1, sub, refresh_token, scope: tokens.scope, generation: randomId() },
    ...{ granted_at: now(), client_id: config.client_id, issued_before: 0 },
  })
  revocationOutbox.enqueueOrphan({ scope_set_key, sealed })
}
