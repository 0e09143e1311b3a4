/** This file is the grants of a subject: which of them serves what is asked for, and what to say where none does. */

import { now } from '../clock.ts'
import { sha256 } from '../crypto/digest.ts'
import { failed, type Outcome } from '../errors.ts'
import type { ConsentRequired, LikelyCause } from '../protocol/http.ts'
import { covers, parseScope, type ScopeSet, without } from '../scope/scopes.ts'
import { type Grant, likelyCause } from './grant.ts'
import type { KvOutbox } from './kv-outbox.ts'
import type { EndingRow, GrantRow, Ledger } from './ledger.ts'
import type { Vault } from './vault.ts'

/** A grant that opened, with its row. */
export interface HeldGrant {
  row: GrantRow
  grant: Grant
}

/** The grants of one subject. */
export interface Grants {
  /** Every grant that opens. */
  all(): Promise<HeldGrant[]>
  /** Finds the grant of exactly these scopes, or the narrowest that covers them and may be asked for less. */
  find(scopes: ScopeSet): Promise<HeldGrant | undefined>
  /** Opens the grant of exactly these scopes. */
  own(scopes: ScopeSet): Promise<HeldGrant | undefined>
  /** The account at the provider that what was granted is of. */
  account(): Promise<string | undefined>
  /** Whether the last refresh for these scopes came back with others, though the grant lives. */
  isUnconfirmed(scopes: ScopeSet): Promise<boolean>
  /** Whether this very grant is still the current one: neither taken away nor replaced by another consent. */
  isCurrent(held: HeldGrant): boolean
  /** Takes a grant and its tokens away, inside a transaction. */
  remove(scope_set_key: string): void
  /** Takes away the access tokens that came of a grant or are of its scopes, inside a transaction. */
  dropTokens(scope_set_key: string): void
  /** Ends a grant that Google no longer honours, inside a transaction; why, is guessed where nobody knows. */
  end(held: HeldGrant, has_other_cause: boolean, known?: LikelyCause): void
  /** How often access tokens of a grant were taken away since this object woke: what came of a refresh before may not be kept. */
  timesDropped(scope_set_key: string): number
  /** Notes what there is to tell of a scope set without a grant. */
  recordEnding(scope_set_key: string, kind: EndingRow['kind'], missing_scope?: ScopeSet): void
  /** Notes that no wider grant may be asked for these scopes: Google did not narrow to them. */
  recordDownscopeRefusal(scope_set_key: string): void
  /** Takes back what was noted of a scope set, now that it is granted. */
  clearEndings(scope_set_key: string): void
  /** Tells why these scopes have no grant. */
  whyMissing(scopes: ScopeSet): Promise<ConsentRequired | 'unavailable'>
}

/** Scopes the broker asks for on its own behalf; that they were granted says nothing about a bundle. */
const BROKER_SCOPES = ['openid', 'offline_access']

/** Settled names, so that those of bundles are worked out once. */
const names = new WeakMap<ScopeSet, string>()

/** Names a scope set: SHA-256 of its canonical spelling, base64url. */
export async function scopeSetKey(scopes: ScopeSet): Promise<string> {
  const name = names.get(scopes) ?? (await sha256(scopes.join(' ')))
  names.set(scopes, name)
  return name
}

/** What was granted of Photos and of what was asked for, without what the broker asked on its own behalf (TMB-19). */
export function grantedOf(granted: ScopeSet, asked: ScopeSet): ScopeSet {
  return without(
    granted,
    BROKER_SCOPES.filter((scope) => !asked.includes(scope)),
  )
}

/** Makes the refusal of scopes that have no grant. */
export async function consentRequired(
  grants: Grants,
  scopes: ScopeSet,
  reason: string,
): Promise<Outcome<never>> {
  const why = await grants.whyMissing(scopes)
  return why === 'unavailable'
    ? failed('server_error', 'bundle_unavailable')
    : failed('consent_required', reason, { members: why })
}

/** Keeps the grants of a ledger. */
export function createGrants(ledger: Ledger, vault: Vault, kvOutbox: KvOutbox): Grants {
  const all = async (): Promise<HeldGrant[]> => {
    const opened = ledger
      .all('grants')
      .map(async (row) => ({ row, grant: await vault.openGrant(row) }))
    return (await Promise.all(opened)).filter((held): held is HeldGrant => held.grant !== undefined)
  }

  const own = async (scopes: ScopeSet): Promise<HeldGrant | undefined> => {
    const row = ledger.find('grants', await scopeSetKey(scopes))
    const grant = await vault.openGrant(row)
    return row && grant && { row, grant }
  }

  /** A wider grant may serve a narrower bundle, but not one the user took away, nor one Google would not narrow to. */
  const covering = async (scopes: ScopeSet): Promise<HeldGrant | undefined> => {
    const sizeOf = ({ grant }: HeldGrant): number => parseScope(grant.scope).length
    const wide = (await all()).filter(({ grant }) => covers(parseScope(grant.scope), scopes))
    return wide.sort((a, b) => sizeOf(a) - sizeOf(b))[0]
  }

  const remove = (scope_set_key: string): void => {
    ledger.remove('grants', scope_set_key)
    ledger.remove('back_offs', scope_set_key)
    kvOutbox.markGrantDirty(scope_set_key)
    dropTokens(scope_set_key)
  }

  const dropped = new Map<string, number>()
  const timesDropped = (scope_set_key: string): number => dropped.get(scope_set_key) ?? 0

  const dropTokens = (scope_set_key: string): void => {
    dropped.set(scope_set_key, timesDropped(scope_set_key) + 1)
    for (const token of ledger.all('tokens')) {
      if (token.grant_scope_set_key !== scope_set_key && token.scope_set_key !== scope_set_key)
        continue
      kvOutbox.markTokenDirty(token.scope_set_key)
      ledger.remove('tokens', token.scope_set_key)
    }
  }

  const recordEnding = (
    scope_set_key: string,
    kind: EndingRow['kind'],
    missing_scope?: ScopeSet,
    likely_cause: LikelyCause | null = null,
  ): void => {
    const known = ledger.find('endings', scope_set_key)
    const more = { scope_set_key, missing_scope: missing_scope?.join(' ') ?? null }
    const isForgotten = known?.kind === 'forgotten' && kind !== 'forgotten'
    ledger.put(
      'endings',
      isForgotten ? { ...known, ...more } : { ...more, kind, likely_cause, at: now() },
    )
  }

  return {
    all,
    dropTokens,
    own,
    recordEnding,
    async find(scopes) {
      const key = await scopeSetKey(scopes)
      const isOwnOnly =
        ledger.find('endings', key)?.kind === 'forgotten' ||
        ledger.find('downscope_refused', key) !== undefined
      return (await own(scopes)) ?? (isOwnOnly ? undefined : await covering(scopes))
    },
    account: async () => (await all())[0]?.grant.sub,
    async isUnconfirmed(scopes) {
      const key = await scopeSetKey(scopes)
      const kind = ledger.find('endings', key)?.kind
      return (
        ledger.find('grants', key) !== undefined && (kind === 'partial' || kind === 'unavailable')
      )
    },
    isCurrent: ({ row }) => ledger.find('grants', row.scope_set_key)?.generation === row.generation,
    timesDropped,
    recordDownscopeRefusal: (scope_set_key) => ledger.put('downscope_refused', { scope_set_key }),
    clearEndings(scope_set_key) {
      ledger.remove('endings', scope_set_key)
      ledger.remove('downscope_refused', scope_set_key)
    },
    remove,
    end({ row, grant }, has_other_cause, known) {
      const at = now()
      const livesOn = ledger
        .all('grants')
        .some(
          (other) =>
            other.granted_at < row.granted_at && other.refreshed_at > row.refreshed_at + 60 * 60,
        )
      const guess = likelyCause({
        grant,
        at,
        refreshed_at: row.refreshed_at,
        issued: ledger.fact('issued') ?? 0,
        has_other_cause: has_other_cause || livesOn,
      })
      remove(row.scope_set_key)
      recordEnding(row.scope_set_key, 'ended', undefined, known ?? guess)
    },
    async whyMissing(scopes) {
      const key = await scopeSetKey(scopes)
      const ending = ledger.find('endings', key)
      if (ending?.kind === 'unavailable') return 'unavailable'
      if (ending) return describe(ending, scopes)
      const unreadable = ledger.find('grants', key) !== undefined
      return unreadable
        ? { reason: 'ended', missing_scope: scopes.join(' '), likely_cause: 'unknown' }
        : { reason: 'never_granted', missing_scope: scopes.join(' ') }
    },
  }
}

function describe(ending: EndingRow, scopes: ScopeSet): ConsentRequired {
  if (ending.missing_scope !== null)
    return { reason: 'partially_granted', missing_scope: ending.missing_scope }
  return {
    reason: 'ended',
    missing_scope: scopes.join(' '),
    likely_cause:
      ending.kind === 'forgotten'
        ? 'revoked_by_user'
        : ((ending.likely_cause ?? 'unknown') as LikelyCause),
  }
}
