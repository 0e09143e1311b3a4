/** The rules for scopes: which ones a bundle may have, and what to write instead of others. */

import { REMOVED_ON, SCOPES, type Scope } from '../scope/catalog.ts'
import { fullName, type ScopeSet, SIGN_IN_SCOPES, shortName } from '../scope/scopes.ts'
import { nearest } from './nearest.ts'

/** An unknown name of this form may be repeated in a sentence; anything else may be a secret. */
const PRINTABLE_SCOPE = /^[A-Za-z0-9._:/-]{1,120}$/

const APPEND = 'photoslibrary.appendonly'
const READ = 'photoslibrary.readonly.appcreateddata'

/** The scopes of the Photos APIs that a bundle may have, comma-separated. */
export const ACTIVE_SCOPES: string = SCOPES.filter(({ removed }) => !removed)
  .map(({ scope }) => shortName(scope))
  .join(', ')

/** Says what is wrong with a scope of a bundle; `undefined` if it is right. */
export function scopeProblem(name: string): string | undefined {
  if (/\s/.test(name)) return 'has a space in it. Write each scope as a string of its own.'
  const scope = fullName(name)
  if (SIGN_IN_SCOPES.includes(scope)) return undefined
  const known = SCOPES.find((candidate) => candidate.scope === scope)
  return known ? removalOf(known) : unknownScope(shortName(scope))
}

/** Says what is allowed in a bundle but probably not intended. */
export function scopesOddities(scopes: ScopeSet): string[] {
  if (!scopes.includes(fullName(READ)) || scopes.includes(fullName(APPEND))) return []
  return [
    `${READ} reads what the app created, and without ${APPEND} this bundle can create nothing. ` +
      `Google means them to be asked for together: add ${APPEND}, unless another bundle has it.`,
  ]
}

function removalOf({ scope, removed }: Scope): string | undefined {
  return removed && `${shortName(scope)} was removed by Google on ${REMOVED_ON}. ${removed}`
}

/** Repeats an unknown name only if it resembles a known scope, so that a secret in the wrong place is never repeated. */
function unknownScope(name: string): string {
  const known = [...SCOPES.map(({ scope }) => scope), ...SIGN_IN_SCOPES].map(shortName)
  const [near] = PRINTABLE_SCOPE.test(name) ? nearest(name, known, 1) : []
  if (near === undefined) return `is not a scope of the Photos APIs. Write one of ${ACTIVE_SCOPES}.`
  const scope = SCOPES.find((candidate) => shortName(candidate.scope) === near)
  const removal = scope && removalOf(scope)
  return `${name} is not a scope. The nearest is ${near}.${removal ? ` ${removal}` : ''}`
}
