/** This file is the scope set: what is asked for or granted, in one canonical form. */

declare const canonical: unique symbol

/**
 * A set of scopes: full scope URLs, sorted by code unit, no duplicates, frozen.
 *
 * Only this file makes one, so two are the same set exactly when they are equal member by member.
 * It does not keep its type across RPC or JSON: send `formatScope` of it, and `parseScope` that.
 */
export type ScopeSet = readonly string[] & { readonly [canonical]: true }

const PREFIX = 'https://www.googleapis.com/auth/'

/** Google asks for the left spelling and answers with the right one. */
const ALIASES = new Map([
  ['email', `${PREFIX}userinfo.email`],
  ['profile', `${PREFIX}userinfo.profile`],
])

const SPELLINGS = new Map([...ALIASES].map(([name, scope]) => [scope, name]))

/** The scopes that say who somebody is and open nothing of theirs; OpenID Connect Core §5.4. */
export const SIGN_IN_SCOPES: ScopeSet = scopeSet(['openid', 'email', 'profile'])

/**
 * Makes the scope set of these names, whatever their order and spelling.
 *
 * Short Photos names grow to full URLs, aliases fold, and a name nobody knows stays as it is:
 * providers other than Google have scopes of their own, such as `offline_access`.
 */
export function scopeSet(names: Iterable<string>): ScopeSet {
  const scopes = new Set([...names].flatMap((name) => name.split(' ')).map(fullName))
  scopes.delete('')
  return Object.freeze([...scopes].sort()) as ScopeSet
}

/**
 * Reads a `scope` parameter; never throws.
 *
 * @see RFC 6749 §3.3
 */
export function parseScope(scope: string): ScopeSet {
  return scopeSet([scope])
}

/**
 * Writes a `scope` parameter, `email` and `profile` as every OpenID provider spells them.
 *
 * @see RFC 6749 §3.3, OpenID Connect Core §5.4
 */
export function formatScope(scopes: ScopeSet): string {
  return scopes.map((scope) => SPELLINGS.get(scope) ?? scope).join(' ')
}

/** Whether both are the same set. */
export function equals(a: ScopeSet, b: ScopeSet): boolean {
  return a.length === b.length && a.every((scope, index) => scope === b[index])
}

/** Whether every asked scope is among the granted ones; a partial order. */
export function covers(granted: ScopeSet, asked: ScopeSet): boolean {
  return missing(asked, granted).length === 0
}

/** Names what was asked and not granted. */
export function missing(asked: ScopeSet, granted: ScopeSet): ScopeSet {
  return scopeSet(asked.filter((scope) => !granted.includes(scope)))
}

/** Leaves these out, in whatever spelling. */
export function without(scopes: ScopeSet, names: Iterable<string>): ScopeSet {
  return missing(scopes, scopeSet(names))
}

/** Spells a scope as people write it: `photoslibrary.appendonly`, `email`. */
export function shortName(scope: string): string {
  return SPELLINGS.get(scope) ?? (scope.startsWith(PREFIX) ? scope.slice(PREFIX.length) : scope)
}

/** Spells a scope in full; only Photos and sign-in names have a short form that is safe to grow. */
export function fullName(name: string): string {
  if (/^(photos(library|picker)(\.|$)|userinfo\.(email|profile)$)/.test(name)) return PREFIX + name
  return ALIASES.get(name) ?? name
}
