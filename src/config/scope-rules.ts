/** This file is the rules: which scopes a bundle may hold, and what to write instead of others. */

import { SCOPES, type Scope } from '../scope/catalog.ts'
import {
  fullName,
  type ScopeSet,
  SIGN_IN_SCOPES,
  scopeSet,
  shortName,
  without,
} from '../scope/scopes.ts'
import { nearest } from './nearest.ts'

/** What a sentence may repeat of the configuration; the rest may be anything, a secret too. */
export const PRINTABLE: RegExp = /^[A-Za-z0-9._:/-]{1,120}$/

const APPEND = 'photoslibrary.appendonly'
const READ = 'photoslibrary.readonly.appcreateddata'

/** Finds all that is wrong with `scopes` of a bundle: a sentence each, to follow its name. */
export function scopesFaults(names: unknown): string[] {
  const how = 'Write scopes = ["photospicker.mediaitems.readonly"].'
  if (names === undefined) return [`has no scopes. ${how}`]
  if (!Array.isArray(names)) return [`has scopes that are not a list. ${how}`]
  if (names.length === 0) return [`has an empty list of scopes. ${how}`]
  const faults = [...names].flatMap((name: unknown, index) => scopeFaults(name, `scopes[${index}]`))
  if (faults.length > 0 || without(scopeSet(names), SIGN_IN_SCOPES).length > 0) return faults
  return [
    'gives no access to photos, only sign-in scopes, which the broker needs no bundle for. ' +
      `Add a scope of the Photos APIs: ${choices()}.`,
  ]
}

/** Finds what is allowed in a bundle but hardly meant, a sentence each. */
export function scopesOddities(scopes: ScopeSet): string[] {
  if (!scopes.includes(fullName(READ)) || scopes.includes(fullName(APPEND))) return []
  return [
    `${READ} reads what the app created, and without ${APPEND} this bundle can create nothing. ` +
      `Google means them to be asked for together: add ${APPEND}, unless another bundle has it.`,
  ]
}

function scopeFaults(name: unknown, place: string): string[] {
  if (typeof name !== 'string') return [`${place} is not text. Write one of ${choices()}.`]
  if (/\s/.test(name))
    return [`${place} has a space in it. Write each scope as a string of its own.`]
  const scope = fullName(name)
  if (SIGN_IN_SCOPES.includes(scope)) return []
  const known = SCOPES.find((candidate) => candidate.scope === scope)
  if (known) return removedFaults(known, `${place}, ${shortName(scope)},`)
  return [unknownFault(shortName(scope), place)]
}

function removedFaults({ removed }: Scope, place: string): string[] {
  return removed ? [`${place} was removed by Google on ${removed.on}. ${removed.advice}`] : []
}

/** Repeats an unknown name only when it is near a known one: no secret is. */
function unknownFault(name: string, place: string): string {
  const known = [...SCOPES.map(({ scope }) => scope), ...SIGN_IN_SCOPES]
  const [near] = PRINTABLE.test(name) ? nearest(name, known.map(shortName), 1) : []
  if (near === undefined) {
    return `${place} is not a scope of the Photos APIs. Write one of ${choices()}.`
  }
  const scope = SCOPES.find((candidate) => shortName(candidate.scope) === near)
  const [gone] = scope ? removedFaults(scope, 'It') : []
  return `${place}, ${name}, is not a scope. The nearest is ${near}.${gone ? ` ${gone}` : ''}`
}

function choices(): string {
  const active = SCOPES.filter(({ removed }) => !removed)
  return active.map(({ scope }) => shortName(scope)).join(', ')
}
