/** This file is the explanation: what a set of API methods needs, and which bundle gives it. */

import type { Bundle } from '../../config/bundles.ts'
import type { Api, Method } from '../../scope/catalog.ts'
import { type ScopeSet, without } from '../../scope/scopes.ts'
import { type Meaning, type Reading, readNames } from './names.ts'
import { smallestScopes, tightestBundle, unneeded } from './solver.ts'
import { suggestBundle } from './suggestion.ts'

/** What these names of methods need. */
export interface Explanation extends Pick<Meaning, 'unknown' | 'ambiguous'> {
  /** Whose API the ambiguous names were taken to be of, when the other names settle it. */
  readonly settled?: Api
  readonly needs: readonly Need[]
}

/** What one reading of the names needs. */
export interface Need extends Reading {
  /** The smallest scope set that allows the methods. */
  readonly scopes: ScopeSet
  /** The configured bundle that allows them and least else. */
  readonly bundle?: Fit
  /** A bundle to configure, when none allows them. */
  readonly suggestion?: Bundle
}

/** How a bundle fits a need. */
interface Fit {
  readonly name: string
  readonly reason: string
  /** Ids of the methods it allows beyond those asked about. */
  readonly beyond: readonly string[]
  /** Scopes it has that the methods do not need. */
  readonly excess: ScopeSet
}

/** A configured bundle, with what of it no API method needs. */
export interface BundleReview extends Bundle {
  readonly unneeded: ScopeSet
}

/** Explains names of methods: what they mean and need, and which of these bundles gives it. */
export function explain(
  names: readonly string[],
  bundles: ReadonlyMap<string, Bundle>,
): Explanation {
  const { unknown, ambiguous, readings } = readNames(names)
  const [only, another] = readings
  return {
    unknown,
    ambiguous,
    ...(only?.api && !another && { settled: only.api }),
    needs: readings.map((reading) => need(reading, bundles)),
  }
}

/** Explains configured bundles: what each allows, and what of it is unneeded. */
export function review(bundles: ReadonlyMap<string, Bundle>): readonly BundleReview[] {
  return [...bundles.values()].map((bundle) => ({ ...bundle, unneeded: unneeded(bundle) }))
}

function need(reading: Reading, bundles: ReadonlyMap<string, Bundle>): Need {
  const scopes = smallestScopes(reading.methods)
  const bundle = tightestBundle(reading.methods, bundles.values())
  if (bundle) return { ...reading, scopes, bundle: fitOf(bundle, reading.methods) }
  if (scopes.length === 0) return { ...reading, scopes }
  return { ...reading, scopes, suggestion: suggestBundle(scopes, new Set(bundles.keys())) }
}

function fitOf(bundle: Bundle, methods: readonly Method[]): Fit {
  const { name, reason } = bundle
  const asked = new Set(methods.map(({ id }) => id))
  const beyond = bundle.methods.filter((id) => !asked.has(id))
  const excess = without(bundle.scopes, smallestScopes(methods, bundle.scopes))
  return { name, reason, beyond, excess }
}
