/** Tests of the scope tool: what names of methods mean, and which scopes and bundles they need. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { type Bundle, parseBundles } from '../../src/config/bundles.ts'
import { METHODS, methodsOf } from '../../src/scope/catalog.ts'
import { scopeSet, shortName } from '../../src/scope/scopes.ts'
import {
  methodsNamed,
  type Need,
  nearestMethods,
  needsOf,
  smallestScopes,
} from '../../src/tools/scopes/solver.ts'

const PICK = 'photospicker.mediaitems.readonly'
const APPEND = 'photoslibrary.appendonly'
const READ = 'photoslibrary.readonly.appcreateddata'
const EDIT = 'photoslibrary.edit.appcreateddata'

const bundles = configured({
  everything: [PICK, APPEND, READ, EDIT],
  album: [APPEND, READ],
  'upload-and-name': [APPEND, 'email'],
  upload: [APPEND],
  edit: [EDIT],
})

describe('the name of a method', () => {
  it.each([
    ['albums.create', 'library.albums.create'],
    ['ALBUMS.Create', 'library.albums.create'],
    ['photospicker.mediaItems.list', 'picker.mediaItems.list'],
    ['mediaItems.list', 'picker.mediaItems.list', 'library.mediaItems.list'],
    ...METHODS.map(({ id }) => [id, id]),
  ])('%s means %s', (given, ...expected) => {
    expect(methodsNamed(given).map(({ id }) => id)).toEqual(expected)
  })

  it.each([
    ['album.create', 'albums.create'],
    ['mediaItems.batchcreat', 'mediaItems.batchCreate'],
  ])('%s is unknown, and nearest to %s', (given, expected) => {
    expect(methodsNamed(given)).toEqual([])
    expect(nearestMethods(given)[0]).toBe(expected)
    expect(nearestMethods(given).length).toBeLessThanOrEqual(3)
  })
})

describe('a name that both APIs have', () => {
  it.each([
    [['albums.create'], ['library']],
    [['sessions.create', 'sessions.get'], ['picker']],
    [[], ['picker', 'library']],
    [
      ['sessions.create', 'albums.create'],
      ['picker', 'library'],
    ],
  ])('beside %j is of %j', (others, apis) => {
    for (const names of [
      ['mediaItems.list', ...others],
      [...others, 'mediaItems.list', 'mediaItems.list'],
    ]) {
      const found = needsOf(names, bundles).map(ids)
      expect(found).toHaveLength(apis.length)
      for (const [index, api] of apis.entries()) {
        expect(found[index]).toContain(`${api}.mediaItems.list`)
        expect(found[index]).toHaveLength(others.length + 1)
      }
    }
  })
})

describe('the smallest scope set', () => {
  it.each([
    [['picker.sessions.create', 'picker.mediaItems.list'], [PICK]],
    [
      ['library.mediaItems.list', 'library.albums.create'],
      [APPEND, READ],
    ],
    [['library.albums.batchAddMediaItems', 'library.albums.patch'], [EDIT]],
    [['library.albums.share'], []],
    [[], []],
    [METHODS.map(({ id }) => id), [APPEND, EDIT, READ, PICK]],
  ])('for %j is %j', (given, expected) => {
    const methods = METHODS.filter(({ id }) => given.includes(id))
    expect(smallestScopes(methods).map(shortName)).toEqual(expected)
  })

  it('allows all the methods, and no set with fewer scopes does (property)', () => {
    const others = fc.subarray([PICK, APPEND, READ, EDIT])
    fc.assert(
      fc.property(fc.subarray([...METHODS]), others, (asked, other) => {
        const active = asked.filter(({ scopes }) => scopes.length > 0).map(({ id }) => id)
        const smallest = smallestScopes(asked)
        expect(methodsOf(smallest)).toEqual(expect.arrayContaining(active))
        const allowed = methodsOf(scopeSet(other))
        if (active.every((id) => allowed.includes(id)))
          expect(other.length).toBeGreaterThanOrEqual(smallest.length)
      }),
    )
  })
})

describe('the bundle for methods', () => {
  it.each([
    [['uploads'], 'upload'],
    [['library.mediaItems.list', 'albums.create'], 'album'],
    [['albums.addEnrichment', 'albums.batchRemoveMediaItems'], 'edit'],
    [['sessions.get'], 'everything'],
    [['albums.share'], undefined],
  ])('%j is the configured one that allows the fewest others: %s', (names, expected) => {
    const [need] = needsOf(names, bundles)
    expect(need?.bundle?.name).toBe(expected)
    expect(need).not.toHaveProperty('suggestion')
  })

  it('is a suggestion that the configuration accepts, if none is configured (property)', () => {
    const some = fc.subarray(
      METHODS.filter(({ scopes }) => scopes.length > 0).map(({ id }) => id),
      { minLength: 1 },
    )
    fc.assert(
      fc.property(some, (names) => {
        const { suggestion, scopes } = needsOf(names, new Map())[0] as Need
        expect(suggestion?.scopes).toEqual(scopes)
        const { name, ...entry } = suggestion as NonNullable<typeof suggestion>
        expect(parseBundles({ [name]: entry }).problems).toEqual([])
      }),
    )
    const taken = configured({ upload: [PICK], 'upload-2': [PICK] })
    expect(needsOf(['uploads'], taken)[0]?.suggestion).toMatchObject({
      ...{ name: 'upload-2-2', reason: 'Save photos from this app to your library' },
    })
  })
})

function ids({ methods }: Need): string[] {
  return methods.map(({ id }) => id)
}

function configured(table: Record<string, string[]>): ReadonlyMap<string, Bundle> {
  const entries = Object.entries(table).map(([name, scopes]) => [name, { scopes, reason: name }])
  return parseBundles(Object.fromEntries(entries)).bundles
}
