/** The effect of a security event on a subject: grants, access tokens or sessions end at once (TMB-67). */

import type { LikelyCause } from '../protocol/http.ts'
import type { HeldGrant } from './grants.ts'
import { accountName, namesOfToken } from './provider-names.ts'
import type { SubjectContext } from './subject-context.ts'

/** What happened to an account or a token; `other` is an event that the broker does not know. */
export type SecurityEventType =
  | 'tokens_revoked'
  | 'token_revoked'
  | 'sessions_revoked'
  | 'account_disabled'
  | 'account_enabled'
  | 'account_purged'
  | 'credential_change_required'
  | 'verification'
  | 'other'

/** A security event, as a subject receives it. */
export interface SecurityEvent {
  type: SecurityEventType
  /** The provider name of the account or refresh token. */
  name: string
  /** NumericDate of the event, in whole seconds. Grants and sessions that began after this second stay. */
  at: number
}

/** What a type of event ends. */
interface Effect {
  /** Grants end, with this likely cause. */
  grants?: LikelyCause
  /** Access tokens are deleted; the next refresh shows whether the grant is still valid. */
  tokens?: true
  sessions?: true
}

const EFFECTS: Partial<Record<SecurityEventType, Effect>> = {
  tokens_revoked: { grants: 'revoked_by_user' },
  token_revoked: { grants: 'revoked_by_user' },
  sessions_revoked: { sessions: true },
  account_disabled: { sessions: true, tokens: true },
  account_purged: { sessions: true, grants: 'unknown' },
  credential_change_required: { sessions: true },
}

/** How long after a disconnect an event can be the echo of our own revocation, in seconds. */
const ECHO_SECONDS = 24 * 60 * 60

/** Whether events of this type end anything. */
export function endsAnything(type: SecurityEventType): boolean {
  return type in EFFECTS
}

/** Computes all provider names of a grant. */
export async function providerNamesOf(
  { config }: SubjectContext,
  { grant }: HeldGrant,
): Promise<string[]> {
  return [await accountName(config, grant.sub), ...(await namesOfToken(config, grant))]
}

/**
 * Ends what an event is about. What began after the event stays, so a late or repeated event ends nothing new. A grant
 * that began in the same second, or after a disconnect whose revocation the event may be about, loses only its access
 * tokens; the next refresh shows whether it is still valid. A refresh that is under way stores no token.
 */
export async function applySecurityEvent(
  context: SubjectContext,
  { type, name, at }: SecurityEvent,
): Promise<void> {
  const { grants, ledger, kvOutbox, sessions, subject, audit } = context
  const effect = EFFECTS[type] ?? {}
  const disconnected_at = ledger.fact('disconnected_at') ?? Number.NEGATIVE_INFINITY
  const named: HeldGrant[] = []
  for (const held of await grants.all())
    if ((await providerNamesOf(context, held)).includes(name)) named.push(held)
  ledger.transaction(() => {
    for (const held of named) {
      const { granted_at, scope_set_key } = held.row
      if (!grants.isCurrent(held) || granted_at >= at + 1) continue
      const isEcho = disconnected_at < granted_at && at < disconnected_at + ECHO_SECONDS
      const isOlder = granted_at < at && !isEcho
      if (effect.tokens || !isOlder) grants.removeTokens(scope_set_key)
      if (effect.grants === undefined || !isOlder) continue
      grants.end(held, false, effect.grants)
      audit.record('grant_ended', { subject, reason: type })
    }
    for (const { id, created_at } of effect.sessions ? sessions.all() : []) {
      if (created_at >= at + 1) continue
      sessions.end(id)
      audit.record('session_ended', { subject, reason: type })
    }
    if (effect.sessions) kvOutbox.markAllTokensDirty()
  })
  await kvOutbox.flush()
}
