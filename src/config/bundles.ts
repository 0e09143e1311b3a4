/** This file is the bundles: scope sets with a name and a reason, read from configuration. */

import { apisOf, methodsOf } from '../scope/catalog.ts'
import { type ScopeSet, scopeSet } from '../scope/scopes.ts'
import { PRINTABLE, scopesFaults, scopesOddities } from './scope-rules.ts'

/** A scope set that frontends ask for by name. */
export interface Bundle {
  readonly name: string
  readonly scopes: ScopeSet
  /** Why the app asks, for people to read; at most 200 characters. */
  readonly reason: string
  /** APIs its scopes open: `Photos Picker API`, `Photos Library API`. */
  readonly apis: readonly string[]
  /** Ids of the methods its scopes allow: `library.albums.create`. */
  readonly methods: readonly string[]
}

/** What `parseBundles` found: the faultless bundles by name, and every fault, a sentence each. */
export interface ParsedBundles {
  readonly bundles: ReadonlyMap<string, Bundle>
  readonly problems: string[]
  readonly warnings: string[]
}

const NAME = /^[a-z][a-z0-9-]{0,31}$/
/** A wrong name that can stand in a sentence all the same. */
const TABLE_KEY = /^[\w-]{1,64}$/
/** Scope of the broker's own calls; design.md §3.3. */
const RESERVED_NAME = 'broker'
const MAX_REASON_CHARACTERS = 200
const EXAMPLE_REASON = 'reason = "Choose photos to show in this app"'
const EXAMPLE_SCOPES = 'scopes = ["photospicker.mediaitems.readonly"]'
const EXAMPLE = `[vars.BUNDLES.pick] with ${EXAMPLE_SCOPES} and ${EXAMPLE_REASON}`

/**
 * Reads `BUNDLES`, a table or its JSON; never throws.
 *
 * @returns the faultless bundles, and all problems at once: each names the place, what is wrong
 *   there and what to write instead, and repeats nothing of the configuration but printable names
 */
export function parseBundles(table: unknown): ParsedBundles {
  const bundles = new Map<string, Bundle>()
  const warnings: string[] = []
  const entries = readTable(typeof table === 'string' ? fromJson(table) : table)
  if (!entries) {
    const missing = table === undefined || table === null || table === ''
    const wrong = missing ? 'is missing' : 'is not a table of bundles'
    return { bundles, warnings, problems: [`BUNDLES: ${wrong}. Write ${EXAMPLE}.`] }
  }
  const problems = entries.size > 0 ? [] : [`BUNDLES: holds no bundle. Write ${EXAMPLE}.`]
  for (const [index, [name, value]] of [...entries].entries()) {
    const place = TABLE_KEY.test(name) ? `BUNDLES.${name}` : `BUNDLES, entry ${index + 1}`
    const { bundle, faults, oddities } = readBundle(name, value)
    problems.push(...faults.map((fault) => `${place}: ${fault}`))
    warnings.push(...oddities.map((oddity) => `${place}: ${oddity}`))
    if (bundle) bundles.set(name, bundle)
  }
  return { bundles, problems, warnings }
}

interface ReadBundle {
  readonly bundle?: Bundle
  readonly faults: readonly string[]
  readonly oddities: readonly string[]
}

function readBundle(name: string, value: unknown): ReadBundle {
  const faults = nameFaults(name)
  const members = readTable(value)
  if (!members) return { faults: [...faults, `is not a table. Write ${EXAMPLE}.`], oddities: [] }
  for (const [index, member] of [...members.keys()].entries()) {
    if (member === 'scopes' || member === 'reason') continue
    const what = PRINTABLE.test(member)
      ? `a member "${member}"`
      : `an unknown member, number ${index + 1}`
    faults.push(`has ${what}. Leave it out: a bundle has scopes and reason, nothing else.`)
  }
  const names = members.get('scopes')
  faults.push(...scopesFaults(names), ...reasonFaults(members.get('reason')))
  if (faults.length > 0) return { faults, oddities: [] }
  const scopes = scopeSet(names as string[])
  const reason = members.get('reason') as string
  const bundle = { name, scopes, reason, apis: apisOf(scopes), methods: methodsOf(scopes) }
  return { bundle: Object.freeze(bundle), faults, oddities: scopesOddities(scopes) }
}

function nameFaults(name: string): string[] {
  const how = 'Write up to 32 lower-case letters, digits and hyphens, a letter first.'
  if (!NAME.test(name)) return [`has a name that a bundle cannot have. ${how}`]
  if (name === RESERVED_NAME)
    return ["has the name that stands for the broker's own calls. Choose another."]
  return []
}

function reasonFaults(reason: unknown): string[] {
  const how = `Write, in up to ${MAX_REASON_CHARACTERS} characters, why you ask: ${EXAMPLE_REASON}.`
  if (reason === undefined) return [`has no reason. ${how}`]
  if (typeof reason !== 'string') return [`has a reason that is not text. ${how}`]
  if (reason.trim() === '') return [`has an empty reason. ${how}`]
  if (reason.length > MAX_REASON_CHARACTERS) return [`has too long a reason. ${how}`]
  return []
}

/** Reads own members only: `__proto__` is a name like any other, and a wrong one. */
function readTable(value: unknown): ReadonlyMap<string, unknown> | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return new Map(Object.entries(value))
}

function fromJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}
