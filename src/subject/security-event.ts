/** This file is what the provider's word on an account or a refresh token ends here, at once (TMB-67). */

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

/** The provider's word, on its way to a subject it may concern. */
export interface SecurityEvent {
  type: SecurityEventType
  /** Of the account or the refresh token it is about. */
  name: string
  /** NumericDate at which it was given, in whole seconds: what began later is not meant, and what began within that second may not be. */
  at: number
}

/** What a word ends. */
interface Effect {
  /** Grants, for this reason as far as anybody knows. */
  grants?: LikelyCause
  /** Access tokens that are kept; whether the grant lives, the next refresh tells. */
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

/** Whether a word of this type ends anything. */
export function endsAnything(type: SecurityEventType): boolean {
  return type in EFFECTS
}

/** Every name that the provider may speak of a grant by. */
export async function providerNamesOf(
  { config }: SubjectContext,
  { grant }: HeldGrant,
): Promise<string[]> {
  return [await accountName(config, grant.sub), ...(await namesOfToken(config, grant))]
}

/**
 * Ends what a word is about, and nothing that began after it was given: a word that comes late or twice ends
 * nothing new. Of a grant from the very same second the next refresh tells. A refresh that is under way writes
 * nothing any more.
 */
export async function applySecurityEvent(
  parts: SubjectContext,
  { type, name, at }: SecurityEvent,
): Promise<void> {
  const { grants, ledger, kvOutbox, sessions, subject, audit } = parts
  const effect = EFFECTS[type] ?? {}
  const named: HeldGrant[] = []
  for (const held of await grants.all())
    if ((await providerNamesOf(parts, held)).includes(name)) named.push(held)
  ledger.transaction(() => {
    for (const held of named) {
      const { granted_at, scope_set_key } = held.row
      if (!grants.isCurrent(held) || granted_at >= at + 1) continue
      const isMeant = granted_at < at
      if (effect.tokens || !isMeant) grants.dropTokens(scope_set_key)
      if (effect.grants === undefined || !isMeant) continue
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
