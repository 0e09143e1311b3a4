/** What the browser-compat-data of MDN says: since which version a browser has a feature. */

import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import type {
  CompatData,
  Identifier,
  SimpleSupportStatement,
  SupportStatement,
} from '@mdn/browser-compat-data'

/** Versions of browsers, by their ids in the data, such as `{ safari: '15.4' }`. */
export type Versions = Readonly<Record<string, string>>

const FILE = fileURLToPath(import.meta.resolve('@mdn/browser-compat-data'))
const DATA = JSON.parse(readFileSync(FILE, 'utf8')) as CompatData
const { api, javascript } = DATA
const BUILTINS = javascript['builtins'] as Identifier

/** Interfaces and built-in objects, with their members. */
const OWNERS = [...Object.values(api), ...Object.values(BUILTINS)] as Identifier[]

/** What has the members of `globalThis`. */
const GLOBALS = [api, BUILTINS, api['Window'], api['EventTarget']] as Identifier[]

/** The features with a name, as globals: the data lists `fetch` beside the interfaces, and `history` in `Window`. */
export function findGlobal(name: string): Identifier[] {
  return GLOBALS.flatMap((owner) => member(owner, name) ?? [])
}

/** The members with a name, of the given owners or of all that there are. */
export function findMember(name: string, owners: readonly Identifier[] = OWNERS): Identifier[] {
  return owners.flatMap((owner) => [
    ...(member(owner, name) ?? []),
    ...(member(owner, `${name}_static`) ?? []),
    ...(member(owner, `${name}_event`) ?? []),
  ])
}

/** The feature of the language at a path below `javascript`, such as `classes.static`. */
export function findSyntax(path: string): Identifier {
  const steps = path.split('.')
  const found = steps.reduce<Identifier | undefined>(
    (owner, step) => owner?.[step] as Identifier | undefined,
    javascript,
  )
  if (!found?.__compat) throw new Error(`browser-compat-data has no javascript.${path}`)
  return found
}

/** The browsers, of those given, that are too old for a feature. */
export function tooOldFor({ __compat: compat }: Identifier, versions: Versions): string[] {
  return Object.entries(versions).flatMap(([browser, version]) => {
    const support = compat?.support[browser as keyof typeof compat.support]
    return support && isIn(support, version) ? [] : [`${browser} ${version}`]
  })
}

function isIn(support: SupportStatement, version: string): boolean {
  const statements = (Array.isArray(support) ? support : [support]) as SimpleSupportStatement[]
  return statements.some(
    ({ version_added, version_removed, flags, prefix, alternative_name }) =>
      !(flags || prefix || alternative_name) &&
      typeof version_added === 'string' &&
      !isBefore(version, version_added) &&
      !(typeof version_removed === 'string' && !isBefore(version, version_removed)),
  )
}

/** Whether a version is before another; `≤37` counts as 37, and `preview` as later than all. */
function isBefore(version: string, other: string): boolean {
  if (other === 'preview') return true
  const [own, others] = [version, other.replace('≤', '')].map((one) => one.split('.').map(Number))
  for (const [index, part] of (others as number[]).entries()) {
    const difference = ((own as number[])[index] ?? 0) - part
    if (difference !== 0) return difference < 0
  }
  return false
}

function member(owner: Identifier | undefined, name: string): Identifier[] | undefined {
  if (!owner || name === '__compat' || !Object.hasOwn(owner, name)) return undefined
  const found = owner[name] as Identifier
  return found.__compat ? [found] : undefined
}
