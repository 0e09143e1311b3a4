/** This file is the names of API methods: what people write, and all that they may mean by it. */

import { nearest } from '../../config/nearest.ts'
import { type Api, METHODS, type Method } from '../../scope/catalog.ts'

/** What a list of names means. */
export interface Meaning {
  /** Names of no method, with the nearest that exist. */
  readonly unknown: readonly { readonly name: string; readonly nearest: readonly string[] }[]
  /** Names that both APIs have, with all their methods. */
  readonly ambiguous: readonly { readonly name: string; readonly methods: readonly Method[] }[]
  /** The methods meant: one list, or one for each API when the names leave that open. */
  readonly readings: readonly Reading[]
}

/** One way to read a list of names. */
export interface Reading {
  /** API that ambiguous names are taken to be of; left out when there are none. */
  readonly api?: Api
  readonly methods: readonly Method[]
}

const MOST_SUGGESTIONS = 3

/**
 * Reads names of methods, short (`albums.create`) or by id (`library.albums.create`), in any case.
 *
 * A name that both APIs have is taken to be of the API that the other names are of; if they are of
 * both, or there are none, every reading is kept.
 */
export function readNames(names: readonly string[]): Meaning {
  const meant = [...new Set(names)].map((name) => ({ name, methods: methodsNamed(name) }))
  const unknown = meant.filter(({ methods }) => methods.length === 0)
  const ambiguous = meant.filter(({ methods }) => methods.length > 1)
  const company = meant.filter(({ methods }) => methods.length === 1).flatMap((m) => m.methods)
  return {
    unknown: unknown.map(({ name }) => ({ name, nearest: nearestNames(name) })),
    ambiguous,
    readings: unknown.length > 0 ? [] : readings(meant, ambiguous, company),
  }
}

type Meant = Meaning['ambiguous']

function readings(meant: Meant, ambiguous: Meant, company: readonly Method[]): readonly Reading[] {
  const all = meant.flatMap(({ methods }) => methods)
  if (ambiguous.length === 0) return [{ methods: [...new Set(all)] }]
  const kept = new Set(company.map(({ api }) => api))
  const open = new Set(ambiguous.flatMap(({ methods }) => methods.map(({ api }) => api)))
  return [...(kept.size === 1 ? kept : open)].map((api) => {
    const methods = all.filter((method) => company.includes(method) || method.api === api)
    return { api, methods: [...new Set(methods)] }
  })
}

/** Finds the methods of a name; Google's discovery documents put `photoslibrary.` before it. */
function methodsNamed(written: string): readonly Method[] {
  const name = written.toLowerCase().replace(/^photos(?=(picker|library)\.)/, '')
  return METHODS.filter((method) => [method.id, method.name].some((m) => m.toLowerCase() === name))
}

function nearestNames(name: string): readonly string[] {
  const prefixed = name.includes('picker.') || name.includes('library.')
  const known = new Set(METHODS.map((method) => (prefixed ? method.id : method.name)))
  return nearest(name, known, MOST_SUGGESTIONS)
}
