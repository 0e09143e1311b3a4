/** The grants of a subject: finds the grant that serves a scope set, or the reason why none does. */

import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { sha256 } from '../crypto/digest.ts'
import { failed, type Outcome } from '../errors.ts'
import type { ConsentRequired, LikelyCause } from '../protocol/http.ts'
import { covers, parseScope, type ScopeSet, without } from '../scope/scopes.ts'
import { type Grant, likelyCause } from './grant.ts'
import type { KvOutbox } from './kv-outbox.ts'
import type { EndingRow, GrantRow, Ledger } from './ledger.ts'
import type { Vault } from './vault.ts'

/** A stored grant, opened, with its row. */
export interface HeldGrant {
  row: GrantRow
  grant: Grant
}

/** The grants of one subject. Methods that change several rows must run inside a transaction. */
export interface Grants {
  /** Opens all grants; without those that do not open. */
  all(): Promise<HeldGrant[]>
  /**
   * Finds the grant of exactly these scopes, or else the smallest that covers them.
   * A larger one is not used for a forgotten bundle, or after Google refused to narrow its token.
   */
  find(scopes: ScopeSet): Promise<HeldGrant | undefined>
  /** Finds the grant of exactly these scopes, if it was given to the client id of now. */
  findExact(scopes: ScopeSet): Promise<HeldGrant | undefined>
  /** Finds the provider account (`sub`) of the stored grants. */
  account(): Promise<string | undefined>
  /** Whether Google returned other scopes at the last refresh of exactly this grant. */
  isUnconfirmed(scopes: ScopeSet): Promise<boolean>
  /** Whether a grant is still stored and was not replaced by another consent. */
  isCurrent(held: HeldGrant): boolean
  /** Removes a grant and its access tokens. */
  remove(scope_set_key: string): void
  /** Removes the access tokens that came from a grant or have its scopes. */
  removeTokens(scope_set_key: string): void
  /** How many times this object has removed the access tokens of a grant; a refresh that began before is discarded. */
  removalCount(scope_set_key: string): number
  /** Removes a grant that Google no longer accepts, and records the cause; guesses it if `cause` is not given. */
  end(held: HeldGrant, has_other_cause: boolean, cause?: LikelyCause): void
  /** Records why a scope set has no grant. */
  recordEnding(scope_set_key: string, kind: EndingRow['kind'], missing_scope?: ScopeSet): void
  /** Records that no larger grant serves these scopes, because Google did not down-scope to them. */
  recordDownscopeRefusal(scope_set_key: string): void
  /** Deletes both records of a scope set, because it was granted. */
  clearEndings(scope_set_key: string): void
  /** Explains why a scope set has no grant. */
  whyMissing(scopes: ScopeSet): Promise<ConsentRequired | 'unavailable'>
}

/** Whether a scope set can be served. */
export type ScopeStatus =
  | { status: 'ready'; granted_at: number }
  | ({ status: 'consent_required' } & ConsentRequired)
  | { status: 'unavailable' }

/** Scopes that the broker requests for itself; they do not count as granted by the user. */
const BROKER_SCOPES = ['openid', 'offline_access']

/** The keys that were computed before, by the text of the scope set. There are few scope sets. */
const scopeSetKeys = new Map<string, string>()

/** Computes the key of a scope set: SHA-256 of its canonical text, base64url. */
export async function scopeSetKey(scopes: ScopeSet): Promise<string> {
  const text = scopes.join(' ')
  const key = scopeSetKeys.get(text) ?? (await sha256(text))
  scopeSetKeys.set(text, key)
  return key
}

/** Removes the broker's own scopes from the granted ones, except those that were requested (TMB-19). */
export function grantedOf(granted: ScopeSet, requested: ScopeSet): ScopeSet {
  return without(
    granted,
    BROKER_SCOPES.filter((scope) => !requested.includes(scope)),
  )
}

/** Makes the failure of a scope set that has no grant. */
export async function consentRequired(grants: Grants, scopes: ScopeSet): Promise<Outcome<never>> {
  const why = await grants.whyMissing(scopes)
  return why === 'unavailable' ? failed('bundle_unavailable') : failed(why.reason, { members: why })
}

/** Reads whether a scope set can be served. */
export async function statusOf(grants: Grants, scopes: ScopeSet): Promise<ScopeStatus> {
  const held = await grants.find(scopes)
  if (held && !(await grants.isUnconfirmed(scopes)))
    return { status: 'ready', granted_at: Math.floor(held.row.granted_at) }
  const why = await grants.whyMissing(scopes)
  return why === 'unavailable' ? { status: why } : { status: 'consent_required', ...why }
}

/** Makes the failure of a consent that left scopes out. */
export function partiallyGranted(left_out: ScopeSet): Outcome<never> {
  const reason = 'partially_granted'
  return failed(reason, { members: { reason, missing_scope: left_out.join(' ') } })
}

/** Explains that a scope set was never granted. */
export function neverGranted(missing_scope: string): ConsentRequired {
  return { reason: 'never_granted', missing_scope }
}

/** Makes the grants of a subject. */
export function createGrants(
  { client_id }: Config,
  ledger: Ledger,
  vault: Vault,
  kvOutbox: KvOutbox,
): Grants {
  const removals = new Map<string, number>()
  const removalCount = (scope_set_key: string): number => removals.get(scope_set_key) ?? 0

  const all = async (): Promise<HeldGrant[]> => {
    const opened = ledger
      .all('grants')
      .map(async (row) => ({ row, grant: await vault.openGrant(row) }))
    return (await Promise.all(opened)).filter((held): held is HeldGrant => held.grant !== undefined)
  }

  const findExact = async (scopes: ScopeSet): Promise<HeldGrant | undefined> => {
    const row = ledger.find('grants', await scopeSetKey(scopes))
    const grant = await vault.openGrant(row)
    return row && grant?.client_id === client_id ? { row, grant } : undefined
  }

  const findSmallestCovering = async (scopes: ScopeSet): Promise<HeldGrant | undefined> => {
    const sizeOf = ({ grant }: HeldGrant): number => parseScope(grant.scope).length
    const covering = (await all()).filter(
      ({ grant }) => grant.client_id === client_id && covers(parseScope(grant.scope), scopes),
    )
    return covering.sort((a, b) => sizeOf(a) - sizeOf(b))[0]
  }

  const remove = (scope_set_key: string): void => {
    if (ledger.find('grants', scope_set_key)) kvOutbox.markGrantDirty(scope_set_key)
    ledger.remove('grants', scope_set_key)
    ledger.remove('back_offs', scope_set_key)
    removeTokens(scope_set_key)
  }

  const removeTokens = (key: string): void => {
    removals.set(key, removalCount(key) + 1)
    for (const { scope_set_key, grant_scope_set_key } of ledger.all('tokens')) {
      if (grant_scope_set_key !== key && scope_set_key !== key) continue
      kvOutbox.markTokenDirty(scope_set_key)
      ledger.remove('tokens', scope_set_key)
    }
  }

  const recordEnding = (
    scope_set_key: string,
    kind: EndingRow['kind'],
    missing_scope?: ScopeSet,
    likely_cause: LikelyCause | null = null,
  ): void => {
    const previous = ledger.find('endings', scope_set_key)
    const members = { scope_set_key, missing_scope: missing_scope?.join(' ') ?? null }
    const staysForgotten = previous?.kind === 'forgotten' && kind !== 'forgotten'
    const ending = staysForgotten ? previous : { kind, likely_cause, at: now() }
    ledger.put('endings', { ...ending, ...members })
  }

  return {
    all,
    findExact,
    remove,
    removeTokens,
    removalCount,
    recordEnding,
    async find(scopes) {
      const key = await scopeSetKey(scopes)
      const isExactOnly =
        ledger.find('endings', key)?.kind === 'forgotten' ||
        ledger.find('downscope_refused', key) !== undefined
      const exact = await findExact(scopes)
      return exact ?? (isExactOnly ? undefined : findSmallestCovering(scopes))
    },
    account: async () => (await all())[0]?.grant.sub,
    async isUnconfirmed(scopes) {
      const key = await scopeSetKey(scopes)
      const kind = ledger.find('endings', key)?.kind
      const isRefused = kind === 'partial' || kind === 'unavailable'
      return isRefused && ledger.find('grants', key) !== undefined
    },
    isCurrent: ({ row }) => ledger.find('grants', row.scope_set_key)?.generation === row.generation,
    recordDownscopeRefusal: (scope_set_key) => ledger.put('downscope_refused', { scope_set_key }),
    clearEndings(scope_set_key) {
      ledger.remove('endings', scope_set_key)
      ledger.remove('downscope_refused', scope_set_key)
    },
    end({ row, grant }, has_other_cause, cause) {
      const older = ledger.all('grants').filter(({ granted_at }) => granted_at < row.granted_at)
      const isOutlived = older.some(({ refreshed_at }) => refreshed_at > row.refreshed_at + 60 * 60)
      const guess = likelyCause({
        grant,
        at: now(),
        refreshed_at: row.refreshed_at,
        issued: ledger.fact('issued') ?? 0,
        has_other_cause: has_other_cause || isOutlived,
      })
      remove(row.scope_set_key)
      recordEnding(row.scope_set_key, 'ended', undefined, cause ?? guess)
    },
    async whyMissing(scopes) {
      const key = await scopeSetKey(scopes)
      const missing_scope = scopes.join(' ')
      const ending = ledger.find('endings', key)
      if (ending?.kind === 'unavailable') return 'unavailable'
      if (ending) return describe(ending, missing_scope)
      const row = ledger.find('grants', key)
      if (!row) return neverGranted(missing_scope)
      const grant = await vault.openGrant(row) // `undefined` if it does not open
      const isOfOtherClient = grant !== undefined && grant.client_id !== client_id
      const likely_cause = isOfOtherClient ? 'client_changed' : 'unknown'
      return { reason: 'ended', missing_scope, likely_cause }
    },
  }
}

function describe({ kind, likely_cause, ...ending }: EndingRow, scope: string): ConsentRequired {
  if (ending.missing_scope !== null)
    return { reason: 'partially_granted', missing_scope: ending.missing_scope }
  const cause = kind === 'forgotten' ? 'revoked_by_user' : (likely_cause ?? 'unknown')
  return { reason: 'ended', missing_scope: scope, likely_cause: cause }
}
