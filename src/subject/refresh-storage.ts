/** The storage of refreshes: stores what Google answered, and keeps it in memory while the Durable Object's storage takes no row. */

import { now } from '../clock.ts'
import { failureOf, type Outcome, success } from '../errors.ts'
import type { Tokens } from '../google/token-endpoint.ts'
import { equals, type ScopeSet } from '../scope/scopes.ts'
import type { AccessToken } from './grant.ts'
import { type Grants, grantedOf, type HeldGrant, scopeSetKey } from './grants.ts'
import type { KvOutbox } from './kv-outbox.ts'
import type { RevocationOutbox } from './revocation-outbox.ts'
import type { SubjectBase } from './subject-base.ts'

/** What refreshes work with. */
export interface RefreshContext extends SubjectBase {
  grants: Grants
  kvOutbox: KvOutbox
  revocationOutbox: RevocationOutbox
}

/** A refresh that Google has answered. */
export interface Refreshed {
  held: HeldGrant
  requested: ScopeSet
  tokens: Tokens
  /** When it began, and how often the grant's access tokens had been removed until then. */
  start: { at: number; removals: number }
}

/** What came of a refresh: `superseded` if its grant was replaced or ended, `another_scope` if it is not for the requested scopes. */
export type Stored = Outcome<AccessToken> | 'superseded' | 'another_scope'

/** Stores the refreshes of one subject. */
export interface RefreshStorage {
  /** Stores a refresh. If the storage does not take it, it is kept in memory, and the outcome is a failure. */
  store(refreshed: Refreshed): Promise<Stored>
  /** The scope set keys of the grants of which a refresh is kept. */
  keptKeys(): string[]
  /**
   * Stores the kept refresh of a grant, if there is one. It must not be used after the next refresh of the grant began,
   * because Google may have rotated the refresh token in it.
   */
  storeKept(scope_set_key: string): Promise<Outcome<void>>
}

/** Makes the storage of a subject's refreshes. */
export function createRefreshStorage(context: RefreshContext): RefreshStorage {
  /** By the scope set key of the grant. */
  const kept = new Map<string, Refreshed>()
  const store = async (refreshed: Refreshed): Promise<Stored> => {
    const { scope_set_key } = refreshed.held.row
    try {
      const stored = await storeTokens(context, refreshed)
      kept.delete(scope_set_key)
      return stored
    } catch (error) {
      kept.set(scope_set_key, refreshed)
      context.audit.record('refresh_failed', { subject: context.subject }, error)
      return { ok: false, failure: failureOf(error) }
    }
  }
  return {
    store,
    keptKeys: () => [...kept.keys()],
    async storeKept(scope_set_key) {
      const refreshed = kept.get(scope_set_key)
      const stored = refreshed && (await store(refreshed))
      return typeof stored === 'object' && !stored.ok ? stored : success(undefined)
    },
  }
}

/**
 * Stores the tokens of a successful refresh, unless the grant was ended or replaced during it (TMB-21, TMB-61). A
 * refresh token that Google rotated while the user disconnected is revoked.
 */
async function storeTokens(
  context: RefreshContext,
  { held, requested, tokens, start }: Refreshed,
): Promise<Stored> {
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
