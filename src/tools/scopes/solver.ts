/** This file is the solver: the fewest scopes for a job, and the scopes that have none. */

import type { Bundle } from '../../config/bundles.ts'
import { isAllowed, type Method, methodsOf, SCOPES } from '../../scope/catalog.ts'
import { formatScope, type ScopeSet, scopeSet, without } from '../../scope/scopes.ts'

const ACTIVE = SCOPES.filter(({ removed }) => !removed).map(({ scope }) => scope)

/**
 * Finds the smallest scope set that allows all of these methods, exactly: it tries every set.
 *
 * Of two as small it takes the one that allows fewer methods in all, then the first by name.
 * Methods that no scope allows any more are passed over.
 *
 * @param among scopes to choose from; left out, all that are active
 * @returns the empty set when these scopes cannot allow them all, or none is needed
 */
export function smallestScopes(
  methods: readonly Method[],
  among: readonly string[] = ACTIVE,
): ScopeSet {
  const enough = subsets(among)
    .map(scopeSet)
    .filter((scopes) => allowAll(scopes, methods))
  return enough.sort(bySize).at(0) ?? scopeSet([])
}

/**
 * Finds the bundle that allows all of these methods and the fewest others.
 *
 * Of two as tight it takes the one with fewer scopes, then the first by name.
 *
 * @returns `undefined` if no bundle allows them all, or no scope allows any
 */
export function tightestBundle(
  methods: readonly Method[],
  bundles: Iterable<Bundle>,
): Bundle | undefined {
  if (methods.every(({ scopes }) => scopes.length === 0)) return undefined
  const enough = [...bundles].filter(({ scopes }) => allowAll(scopes, methods))
  return enough.sort(byTightness).at(0)
}

/** Names the scopes of a bundle that allow no API method which the others of it do not. */
export function unneeded({ scopes }: Pick<Bundle, 'scopes'>): ScopeSet {
  const all = methodsOf(scopes).length
  return scopeSet(scopes.filter((scope) => methodsOf(without(scopes, [scope])).length === all))
}

function subsets([scope, ...others]: readonly string[]): readonly string[][] {
  if (scope === undefined) return [[]]
  return subsets(others).flatMap((subset) => [subset, [scope, ...subset]])
}

function allowAll(scopes: ScopeSet, methods: readonly Method[]): boolean {
  return methods.every((method) => method.scopes.length === 0 || isAllowed(method, scopes))
}

function bySize(a: ScopeSet, b: ScopeSet): number {
  const size = a.length - b.length || methodsOf(a).length - methodsOf(b).length
  return size || byName(formatScope(a), formatScope(b))
}

function byTightness(a: Bundle, b: Bundle): number {
  const size = a.methods.length - b.methods.length || a.scopes.length - b.scopes.length
  return size || byName(a.name, b.name)
}

/** No two are the same. */
function byName(a: string, b: string): number {
  return a < b ? -1 : 1
}
