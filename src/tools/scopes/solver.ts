/** What API methods need: the smallest scope set, and the bundle that has it. */

import type { Bundle } from '../../config/bundles.ts'
import { nearest } from '../../config/nearest.ts'
import { isAllowed, METHODS, type Method, methodsOf, SCOPES } from '../../scope/catalog.ts'
import { fullName, type ScopeSet, scopeSet, without } from '../../scope/scopes.ts'

/** What a list of method names needs. */
export interface Need {
  readonly methods: readonly Method[]
  /** The smallest scope set that allows the methods. */
  readonly scopes: ScopeSet
  /** The configured bundle that allows the methods and the fewest others. */
  readonly bundle?: Bundle
  /** A bundle to configure, where none allows the methods. */
  readonly suggestion?: Pick<Bundle, 'name' | 'scopes' | 'reason'>
}

const ACTIVE = SCOPES.filter(({ removed }) => !removed).map(({ scope }) => scope)

const SUGGESTIONS = [
  ['photospicker.mediaitems.readonly', 'pick', 'choose photos to show in this app'],
  ['photoslibrary.appendonly', 'upload', 'save photos from this app to your library'],
  ['photoslibrary.readonly.appcreateddata', 'view', 'show what this app saved'],
  ['photoslibrary.edit.appcreateddata', 'edit', 'change what this app saved'],
] as const

/** Finds the methods of a name, short (`albums.create`) or in full (`library.albums.create`), in any letter case. */
export function methodsNamed(written: string): readonly Method[] {
  const name = written.toLowerCase().replace(/^photos(?=(picker|library)\.)/, '')
  return METHODS.filter((method) => [method.id, method.name].some((m) => m.toLowerCase() === name))
}

/** Finds up to three names of methods that are near an unknown one. */
export function nearestMethods(name: string): readonly string[] {
  const isFull = /(picker|library)\./.test(name)
  return nearest(name, new Set(METHODS.map((method) => (isFull ? method.id : method.name))), 3)
}

/**
 * Finds what known names of methods need.
 *
 * A name in both APIs means the API of the other names. If those do not decide, there is one result for each API.
 */
export function needsOf(names: readonly string[], bundles: ReadonlyMap<string, Bundle>): Need[] {
  const meant = names.map(methodsNamed)
  const all = [...new Set(meant.flat())]
  if (meant.every(({ length }) => length === 1)) return [needOf(all, bundles)]
  const clear = new Set(meant.filter(({ length }) => length === 1).flat())
  const decided = new Set([...clear].map(({ api }) => api))
  const apis = decided.size === 1 ? decided : new Set(all.map(({ api }) => api))
  const meantIn = (api: string) => all.filter((one) => clear.has(one) || one.api === api)
  return [...apis].map((api) => needOf(meantIn(api), bundles))
}

/** Finds the scopes of a bundle without which it allows the same methods. */
export function unneededScopes(scopes: ScopeSet): ScopeSet {
  const all = methodsOf(scopes).length
  return scopeSet(scopes.filter((scope) => methodsOf(without(scopes, [scope])).length === all))
}

/**
 * Finds the smallest scope set that allows these methods, by trying every set; methods that Google removed do not count.
 *
 * Of two sets of one size it takes the one that allows fewer methods.
 */
export function smallestScopes(methods: readonly Method[]): ScopeSet {
  const sets = ACTIVE.reduce<string[][]>(
    (sets, scope) => sets.flatMap((set) => [set, [...set, scope]]),
    [[]],
  )
  const enough = sets.map(scopeSet).filter((scopes) => allowsAll(scopes, methods))
  const [smallest = scopeSet([])] = enough.sort(
    (a, b) => a.length - b.length || methodsOf(a).length - methodsOf(b).length,
  )
  return smallest
}

function needOf(methods: readonly Method[], bundles: ReadonlyMap<string, Bundle>): Need {
  const scopes = smallestScopes(methods)
  if (scopes.length === 0) return { methods, scopes }
  const [bundle] = [...bundles.values()]
    .filter((bundle) => allowsAll(bundle.scopes, methods))
    .sort((a, b) => a.methods.length - b.methods.length || a.scopes.length - b.scopes.length)
  if (bundle) return { methods, scopes, bundle }
  const parts = SUGGESTIONS.filter(([scope]) => scopes.includes(fullName(scope)))
  let name = parts.map(([, name]) => name).join('-')
  while (bundles.has(name)) name += '-2' // a name that is not taken
  const reason = new Intl.ListFormat('en-GB').format(parts.map(([, , reason]) => reason))
  const sentence = reason.charAt(0).toUpperCase() + reason.slice(1)
  return { methods, scopes, suggestion: { name, scopes, reason: sentence } }
}

function allowsAll(scopes: ScopeSet, methods: readonly Method[]): boolean {
  return methods.every((method) => method.scopes.length === 0 || isAllowed(method, scopes))
}
