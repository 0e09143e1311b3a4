/** The served modules use nothing that the oldest browsers of the documentation lack. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BROWSER_MODULES, CLIENT_FOLDER } from '../../src/tools/client-modules.ts'
import { findGlobal, findMember, findSyntax, tooOldFor, type Versions } from './support/compat.ts'
import { readFeatures } from './support/features.ts'

const README = readFileSync(new URL('../../src/client/README.md', import.meta.url), 'utf8')

/** What the documentation promises; Safari on a phone has the version of Safari. */
const [, chrome = '', firefox = '', safari = ''] =
  /built for Chrome ([\d.]+), Firefox ([\d.]+) and Safari ([\d.]+)/.exec(README) ?? []
const MINIMUM: Versions = { chrome, firefox, safari, safari_ios: safari }

const MODULES = BROWSER_MODULES.filter(({ isServed }) => isServed)

/** What looks too new, and why it may stand in the modules. */
const EXCEPTIONS: Readonly<Record<string, string>> = {
  session: 'a method of the SDK, not MediaKeys or XRFrame',
  token: 'a method of the SDK, not PrivateToken',
  details: 'a member of Google’s errors',
  'Error.captureStackTrace': 'p-retry calls it where it is there',
  'CSSStyleSheet.CSSStyleSheet': 'used where documents have adoptedStyleSheets',
  replaceSync: 'the same',
  adoptedStyleSheets: 'the web component asks for it first, and has a <style> element without it',
}

/** Names the features of a module that are too new for some of the browsers. */
function findTooNew(code: string, minimum: Versions = MINIMUM): string[] {
  const { globals, members, syntax, unknown } = readFeatures(code)
  /** A member of something unknown may be of our own, or of any interface. */
  const isTooNew = (candidates: ReturnType<typeof findMember>): boolean =>
    candidates.length > 0 && candidates.every((one) => tooOldFor(one, minimum).length > 0)
  return [
    ...[...unknown].map((type) => `syntax ${type}`),
    ...[...syntax].filter((path) => isTooNew([findSyntax(path)])),
    ...(syntax.has('operators.await.top_level') ? ['operators.await.top_level'] : []),
    ...[...globals].filter((name) => findGlobal(name).length === 0 || isTooNew(findGlobal(name))),
    ...[...members].filter((path) => {
      const [owner = '', name = ''] = path.includes('.') ? path.split('.') : ['', path]
      const own = owner ? findMember(name, findGlobal(owner)) : []
      return isTooNew(own.length > 0 ? own : findMember(name))
    }),
  ]
}

function tooNewIn(file: string): string[] {
  return findTooNew(readFileSync(join(CLIENT_FOLDER, file), 'utf8'))
}

/** Code that must be noticed, with what is too new in it. */
const TOO_NEW: readonly [code: string, feature: string][] = [
  ['Promise.withResolvers()', 'Promise.withResolvers'],
  ['const { withResolvers } = Promise', 'Promise.withResolvers'],
  ['AbortSignal.any([])', 'AbortSignal.any'],
  ['AbortSignal.timeout(1)', 'AbortSignal.timeout'],
  ['[].toSorted()', 'toSorted'],
  ['export const f = ({ toSorted }) => toSorted', 'toSorted'],
  ['new CSSStyleSheet()', 'CSSStyleSheet.CSSStyleSheet'],
  ['navigation.navigate("/")', 'navigation'],
  ['noSuchThing()', 'noSuchThing'],
  ['class A { static { } }', 'classes.static.initialization_blocks'],
  ['await 1', 'operators.await.top_level'],
  ['for await (const one of []);', 'operators.await.top_level'],
  ['/(?<=a)b/', 'regular_expressions.lookbehind_assertion'],
  ['/a/v', 'builtins.RegExp.unicodeSets'],
  ['import a from "./a.json" with { type: "json" }', 'statements.import.import_attributes'],
  ['using a = b; const b = 1', 'statements.using'],
]

/** Code that the last Safari before the minimum must be too old for, and the minimum must not be. */
const JUST_OLD_ENOUGH: readonly [code: string, feature: string][] = [
  ['Object.hasOwn({}, "a")', 'Object.hasOwn'],
  ['[].at(0)', 'at'],
  ['structuredClone({})', 'structuredClone'],
]

it.each(TOO_NEW)('%s is too new', (code, feature) => {
  expect(findTooNew(code)).toEqual([feature])
})

it.each(JUST_OLD_ENOUGH)('%s is too new for Safari 15.3, and not for 15.4', (code, feature) => {
  expect(findTooNew(code)).toEqual([])
  expect(findTooNew(code, { ...MINIMUM, safari: '15.3' })).toEqual([feature])
})

it('the documentation names the oldest browsers', () => {
  expect(MINIMUM).toEqual({ chrome: '100', firefox: '97', safari: '15.4', safari_ios: '15.4' })
})

describe.each(MODULES)('$file', ({ file }) => {
  it('uses nothing that they lack', () => {
    expect(tooNewIn(file).filter((name) => !(name in EXCEPTIONS))).toEqual([])
  })
})

it('each exception is still needed', () => {
  const names = new Set(MODULES.flatMap(({ file }) => tooNewIn(file)))
  expect(Object.keys(EXCEPTIONS).filter((name) => !names.has(name))).toEqual([])
})
