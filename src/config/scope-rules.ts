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

/** The Ambient API has one scope, for devices. */
const AMBIENT = /^photosambient\b/

/** A full scope URL of any Google API. */
const GOOGLE_SCOPE = /^https:\/\/([a-z]+\.)?(googleapis|google)\.com\/[\w./-]*$/

/** Whether a text can be in `OTHER_SCOPES`: the full URL of a scope that is not of Google Photos. */
export function isOtherScope(text: string): boolean {
  const name = shortName(text)
  return GOOGLE_SCOPE.test(text) && name !== '' && !/^(photos|userinfo\.)/.test(name)
}

/**
 * Says what is wrong with a scope of a bundle; `undefined` if it is right.
 *
 * @param others full URLs of the scopes of other Google APIs that are allowed
 */
export function scopeProblem(name: string, others: readonly string[]): string | undefined {
  if (/\s/.test(name)) return 'has a space in it. Write each scope as a string of its own.'
  const scope = fullName(name)
  if (SIGN_IN_SCOPES.includes(scope) || others.includes(scope)) return undefined
  if (AMBIENT.test(shortName(scope)))
    return 'is of the Ambient API, which Google opens to devices of its partner programme and not to browser apps. Write photospicker.mediaitems.readonly to let people pick photos.'
  const known = SCOPES.find((candidate) => candidate.scope === scope)
  if (known) return removalOf(known)
  const more = isOtherScope(scope)
    ? ' Or list its full URL in OTHER_SCOPES, if it is of another Google API.'
    : ''
  return unknownScope(shortName(scope), others) + more
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
function unknownScope(name: string, others: readonly string[]): string {
  const known = [...SCOPES.map(({ scope }) => scope), ...SIGN_IN_SCOPES, ...others].map(shortName)
  const [near] = PRINTABLE_SCOPE.test(name) ? nearest(name, known, 1) : []
  if (near === undefined) return `is not a scope of the Photos APIs. Write one of ${ACTIVE_SCOPES}.`
  const scope = SCOPES.find((candidate) => shortName(candidate.scope) === near)
  const removal = scope && removalOf(scope)
  return `${name} is not a scope. The nearest is ${near}.${removal ? ` ${removal}` : ''}`
}
