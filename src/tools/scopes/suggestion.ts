/** This file is the suggestion: a bundle for scopes that no configured one has, ready to paste. */

import type { Bundle } from '../../config/bundles.ts'
import { apisOf, methodsOf } from '../../scope/catalog.ts'
import { fullName, type ScopeSet, shortName } from '../../scope/scopes.ts'

const WORDS = [
  ['photospicker.mediaitems.readonly', 'pick', 'choose photos to show in this app'],
  ['photoslibrary.appendonly', 'upload', 'save photos from this app to your library'],
  ['photoslibrary.readonly.appcreateddata', 'view', 'show what this app saved'],
  ['photoslibrary.edit.appcreateddata', 'edit', 'change what this app saved'],
] as const

/** Makes a bundle of these scopes, with a name that is not taken and a reason to begin with. */
export function suggestBundle(scopes: ScopeSet, taken: ReadonlySet<string>): Bundle {
  const words = WORDS.filter(([scope]) => scopes.includes(fullName(scope)))
  const name = freeName(words.map(([, name]) => name).join('-'), taken)
  const reason = sentence(words.map(([, , reason]) => reason))
  return { name, scopes, reason, apis: apisOf(scopes), methods: methodsOf(scopes) }
}

/** Writes a bundle as a section of wrangler.toml. */
export function formatToml({ name, scopes, reason }: Bundle): string {
  const list = scopes.map((scope) => JSON.stringify(shortName(scope))).join(', ')
  return `[vars.BUNDLES.${name}]\nscopes = [${list}]\nreason = ${JSON.stringify(reason)}\n`
}

function freeName(name: string, taken: ReadonlySet<string>): string {
  let [free, number] = [name, 1]
  while (taken.has(free)) free = `${name}-${++number}`
  return free
}

function sentence(reasons: readonly string[]): string {
  const text = [reasons.slice(0, -1).join(', '), reasons.at(-1)].filter(Boolean).join(' and ')
  return text.charAt(0).toUpperCase() + text.slice(1)
}
