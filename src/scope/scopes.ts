/** Scope sets: requested or granted scopes in one canonical form. */

declare const canonical: unique symbol

/**
 * A set of scopes: full scope URLs, sorted by code unit, no duplicates, frozen.
 *
 * Only this file makes scope sets, so two are the same set exactly when they are equal member by member.
 * The type is lost across RPC and JSON: send `formatScope` of the set, and apply `parseScope` there.
 */
export type ScopeSet = readonly string[] & { readonly [canonical]: true }

const PREFIX = 'https://www.googleapis.com/auth/'

/** In requests Google uses the short name, in responses the URL. */
const ALIASES = new Map([
  ['email', `${PREFIX}userinfo.email`],
  ['profile', `${PREFIX}userinfo.profile`],
])

const SPELLINGS = new Map([...ALIASES].map(([name, scope]) => [scope, name]))

/** The scopes that identify a user and give access to no photos; OpenID Connect Core §5.4. */
export const SIGN_IN_SCOPES: ScopeSet = scopeSet(['openid', 'email', 'profile'])

/**
 * Makes the scope set of these names, in any order and spelling.
 *
 * Short Photos names and aliases become full URLs. An unknown name stays as it is:
 * providers other than Google have their own scopes, such as `offline_access`.
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
 * Writes a `scope` parameter, with `email` and `profile` by their standard names.
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

/** Whether every requested scope is among the granted ones. */
export function covers(granted: ScopeSet, requested: ScopeSet): boolean {
  return missing(requested, granted).length === 0
}

/** Returns the requested scopes that are not granted. */
export function missing(requested: ScopeSet, granted: ScopeSet): ScopeSet {
  return scopeSet(requested.filter((scope) => !granted.includes(scope)))
}

/** Returns the set without these scopes, in any spelling. */
export function without(scopes: ScopeSet, names: Iterable<string>): ScopeSet {
  return missing(scopes, scopeSet(names))
}

/** Returns the short name of a scope: `photoslibrary.appendonly`, `email`. */
export function shortName(scope: string): string {
  return SPELLINGS.get(scope) ?? (scope.startsWith(PREFIX) ? scope.slice(PREFIX.length) : scope)
}

/** Returns the full URL of a scope; only Photos and sign-in scopes have short names here. */
export function fullName(name: string): string {
  if (/^(photos(library|picker)(\.|$)|userinfo\.(email|profile)$)/.test(name)) return PREFIX + name
  return ALIASES.get(name) ?? name
}
