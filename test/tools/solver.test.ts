/** This file is the tests of the solver. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bundle, parseBundles } from '../../src/config/bundles.ts'
import { METHODS, type Method, methodsOf } from '../../src/scope/catalog.ts'
import { scopeSet, shortName } from '../../src/scope/scopes.ts'
import { smallestScopes, tightestBundle, unneeded } from '../../src/tools/scopes/solver.ts'

const pick = 'photospicker.mediaitems.readonly'
const append = 'photoslibrary.appendonly'
const read = 'photoslibrary.readonly.appcreateddata'
const edit = 'photoslibrary.edit.appcreateddata'
const anyMethods = fc.subarray([...METHODS])

describe('the smallest scope set', () => {
  it.each([
    { given: ['picker.sessions.create', 'picker.mediaItems.list'], expected: [pick] },
    { given: ['library.mediaItems.list', 'library.albums.create'], expected: [append, read] },
    { given: ['library.albums.batchAddMediaItems', 'library.albums.patch'], expected: [edit] },
    { given: ['library.albums.batchAddMediaItems', 'library.uploads'], expected: [append] },
    { given: ['library.albums.addEnrichment'], expected: [append] },
    { given: ['library.albums.share', 'library.albums.get'], expected: [read] },
    { given: ['library.albums.share'], expected: [] },
    { given: [], expected: [] },
    { given: METHODS.map(({ id }) => id), expected: [append, edit, read, pick] },
  ])('for $given is $expected', ({ given, expected }) => {
    expect(smallestScopes(methods(given)).map(shortName)).toEqual(expected)
  })

  it('allows all the methods, and no set with fewer scopes does', () => {
    const all = [pick, append, read, edit]
    fc.assert(
      fc.property(anyMethods, fc.subarray(all), (asked, other) => {
        const living = asked.filter(({ scopes }) => scopes.length > 0).map(({ id }) => id)
        const smallest = smallestScopes(asked)
        expect(methodsOf(smallest)).toEqual(expect.arrayContaining(living))
        const allowed = methodsOf(scopeSet(other))
        const enough = living.every((id) => allowed.includes(id))
        if (enough) expect(other.length).toBeGreaterThanOrEqual(smallest.length)
      }),
    )
  })

  it('is blind to order and duplicates', () => {
    fc.assert(
      fc.property(anyMethods, (asked) => {
        const turned = [...asked, ...asked].reverse()
        expect(smallestScopes(turned)).toEqual(smallestScopes(asked))
      }),
    )
  })

  it('is chosen among the scopes it is given', () => {
    const asked = methods(['library.albums.addEnrichment'])
    expect(smallestScopes(asked, scopeSet([edit, 'email'])).map(shortName)).toEqual([edit])
    expect(smallestScopes(asked, scopeSet([edit, 'address'])).map(shortName)).toEqual([edit])
    expect(smallestScopes(asked, scopeSet([pick]))).toEqual([])
  })
})

/** A method that any one of these scopes allows, as Google might have it one day. */
const anyOf = (...scopes: string[]): Method => ({
  ...(METHODS[0] as Method),
  scopes: scopeSet(scopes),
})

describe('of several scope sets that are enough', () => {
  it.each([
    {
      what: 'the one with fewer scopes',
      given: [anyOf('x', 'z'), anyOf('y', 'z')],
      expected: ['z'],
    },
    { what: 'the one that allows less', given: [anyOf(append, pick)], expected: [pick] },
    { what: 'the one that allows less', given: [anyOf(read, edit)], expected: [edit] },
    { what: 'the first by name', given: [anyOf('x', 'w', 'y')], expected: ['w'] },
  ])('it takes $what: $expected', ({ given, expected }) => {
    const among = [...new Set(given.flatMap(({ scopes }) => scopes))]
    for (const order of [among, among.toReversed(), among.toSorted()])
      expect(smallestScopes(given, order).map(shortName)).toEqual(expected)
  })
})

describe('of several bundles that are enough', () => {
  it.each([
    { what: 'the one that allows less', given: { a: [append], z: [pick] }, expected: 'z' },
    { what: 'the one that allows less', given: { a: [read], z: [pick] }, expected: 'z' },
    { what: 'the one with fewer scopes', given: { a: [pick, 'email'], z: [pick] }, expected: 'z' },
    { what: 'the first by name', given: { c: [pick], a: [pick], b: [pick] }, expected: 'a' },
  ])('it takes $what: $expected', ({ given, expected }) => {
    const among = [...configured(given as Record<string, string[]>).values()]
    for (const order of [among, among.toReversed()])
      expect(tightestBundle([anyOf(append, pick, read)], order)?.name).toBe(expected)
  })
})

describe('the tightest bundle', () => {
  const bundles = configured({
    everything: [pick, append, read, edit],
    album: [append, read],
    upload: [append],
    'upload-too': [append],
    'know-and-upload': [append, 'email'],
    edit: [edit],
  })

  it.each([
    { given: ['library.uploads'], expected: 'upload' },
    { given: ['library.mediaItems.list', 'library.albums.create'], expected: 'album' },
    { given: ['library.albums.patch'], expected: 'edit' },
    { given: ['library.albums.share', 'library.uploads'], expected: 'upload' },
    { given: ['picker.sessions.get'], expected: 'everything' },
    { given: ['library.albums.share'], expected: undefined },
    { given: [], expected: undefined },
  ])('for $given is $expected', ({ given, expected }) => {
    expect(tightestBundle(methods(given), bundles.values())?.name).toBe(expected)
  })

  it('is none when none allows all the methods', () => {
    const { album } = Object.fromEntries(bundles)
    expect(
      tightestBundle(methods(['library.albums.get', 'picker.sessions.get']), album ? [album] : []),
    ).toBeUndefined()
  })

  it('may allow a method by another scope than the smallest set has', () => {
    expect(
      tightestBundle(
        methods(['library.albums.addEnrichment']),
        configured({ edit: [edit] }).values(),
      )?.name,
    ).toBe('edit')
  })

  it('allows all the methods, and no other bundle that does allows fewer', () => {
    fc.assert(
      fc.property(anyMethods, (asked) => {
        const living = asked.filter(({ scopes }) => scopes.length > 0).map(({ id }) => id)
        fc.pre(living.length > 0)
        const enough = [...bundles.values()].filter((b) =>
          living.every((id) => b.methods.includes(id)),
        )
        const fewest = Math.min(...enough.map((b) => b.methods.length))
        expect(tightestBundle(asked, bundles.values())?.methods.length).toBe(fewest)
      }),
    )
  })
})

it.each([
  { given: [pick], expected: [] },
  { given: [append, read, edit, pick], expected: [] },
  { given: [pick, 'email', 'openid'], expected: ['email', 'openid'] },
  { given: [append, 'offline_access'], expected: ['offline_access'] },
])('unneeded of $given are $expected', ({ given, expected }) => {
  expect(unneeded({ scopes: scopeSet(given) }).map(shortName)).toEqual(expected)
})

function methods(ids: readonly string[]): Method[] {
  return METHODS.filter(({ id }) => ids.includes(id))
}

function configured(table: Record<string, string[]>): ReadonlyMap<string, Bundle> {
  const entries = Object.entries(table).map(([name, scopes]) => [name, { scopes, reason: name }])
  return parseBundles(Object.fromEntries(entries)).bundles
}
