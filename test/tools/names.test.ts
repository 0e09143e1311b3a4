/** This file is the tests of reading names of methods. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { METHODS } from '../../src/scope/catalog.ts'
import { readNames } from '../../src/tools/scopes/names.ts'

describe('a name', () => {
  it.each([
    { given: 'albums.create', expected: 'library.albums.create' },
    { given: 'library.albums.create', expected: 'library.albums.create' },
    { given: 'photoslibrary.albums.create', expected: 'library.albums.create' },
    { given: 'ALBUMS.Create', expected: 'library.albums.create' },
    { given: 'sessions.get', expected: 'picker.sessions.get' },
    { given: 'photospicker.mediaItems.list', expected: 'picker.mediaItems.list' },
    { given: 'library.mediaItems.list', expected: 'library.mediaItems.list' },
    { given: 'uploads', expected: 'library.uploads' },
    { given: 'sharedAlbums.list', expected: 'library.sharedAlbums.list' },
  ])('$given means $expected', ({ given, expected }) => {
    expect(ids([given])).toEqual([[expected]])
  })

  it.each(METHODS.map(({ id }) => id))('%s means itself', (id) => {
    expect(ids([id])).toEqual([[id]])
  })

  it.each([
    { given: 'album.create', expected: 'albums.create' },
    { given: 'upload', expected: 'uploads' },
    { given: 'picker.session.get', expected: 'picker.sessions.get' },
    { given: 'mediaItems.batchcreat', expected: 'mediaItems.batchCreate' },
  ])('$given is unknown, and near $expected', ({ given, expected }) => {
    const { unknown, readings } = readNames(['albums.get', given])
    expect(unknown).toEqual([{ name: given, nearest: expect.arrayContaining([expected]) }])
    expect(unknown[0]?.nearest[0]).toBe(expected)
    expect(readings).toEqual([])
  })

  it('of whatever text is known or unknown, and is told back as it came (property)', () => {
    const known = fc.constantFrom(...METHODS.flatMap(({ id, name }) => [id, name]))
    const text = fc.oneof(known, fc.string({ unit: 'binary' }), fc.constantFrom('\0', '\ud800'))
    fc.assert(
      fc.property(fc.array(text, { maxLength: 5 }), (names) => {
        const { unknown, ambiguous, readings } = readNames(names)
        for (const { name, nearest } of unknown) {
          expect(names).toContain(name)
          expect(nearest.length).toBeLessThanOrEqual(3)
        }
        for (const { methods } of ambiguous) expect(methods).toHaveLength(2)
        for (const { methods } of readings)
          expect(METHODS).toEqual(expect.arrayContaining([...methods]))
        expect(readings.length > 0).toBe(unknown.length === 0)
      }),
    )
  })

  it.each(['__proto__', 'constructor', ''])('"%s" is unknown', (given) => {
    expect(readNames([given]).unknown).toHaveLength(1)
  })
})

describe('a name that both APIs have', () => {
  it.each([
    { given: ['albums.create'], expected: 'library' },
    { given: ['sessions.create', 'sessions.get'], expected: 'picker' },
    { given: ['albums.share'], expected: 'library' },
  ])('beside $given is of the same API', ({ given, expected }) => {
    for (const names of [
      ['mediaItems.list', ...given],
      [...given, 'mediaItems.list'],
    ]) {
      const { ambiguous, readings } = readNames(names)
      expect(ambiguous.map(({ name }) => name)).toEqual(['mediaItems.list'])
      expect(readings).toHaveLength(1)
      expect(readings[0]?.methods.map(({ id }) => id)).toContain(`${expected}.mediaItems.list`)
      expect(readings[0]?.methods).toHaveLength(names.length)
    }
  })

  it('alone is read both ways', () => {
    expect(ids(['mediaItems.list'])).toEqual([
      ['picker.mediaItems.list'],
      ['library.mediaItems.list'],
    ])
  })

  it('beside methods of both APIs is read both ways', () => {
    expect(ids(['sessions.create', 'mediaItems.list', 'albums.create'])).toEqual([
      ['picker.sessions.create', 'picker.mediaItems.list', 'library.albums.create'],
      ['picker.sessions.create', 'library.mediaItems.list', 'library.albums.create'],
    ])
  })
})

it('names given twice, however spelt, are one', () => {
  expect(ids(['uploads', 'uploads', 'library.uploads', 'UPLOADS'])).toEqual([['library.uploads']])
})

function ids(names: readonly string[]): string[][] {
  return readNames(names).readings.map(({ methods }) => methods.map(({ id }) => id))
}
