/** Tests of the search for near names. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nearest } from '../../src/config/nearest.ts'

const WORDS = ['albums.get', 'albums.list', 'mediaItems.get', 'uploads']

it.each([
  { given: 'upload', expected: ['uploads'] },
  { given: 'ulpoads', expected: ['uploads'] },
  { given: 'ALBUMS.GET', expected: ['albums.get', 'albums.list'] },
  { given: 'album.list', expected: ['albums.list', 'albums.get'] },
  { given: 'zzz', expected: [] },
  { given: '', expected: [] },
])('finds $expected near "$given"', ({ given, expected }) => {
  expect(nearest(given, WORDS, 2)).toEqual(expected)
})

it.each([
  { given: 'abxy', word: 'abcd', expected: false },
  { given: 'abcx', word: 'abcd', expected: true },
  { given: 'abcd', word: 'abcdef', expected: true },
  { given: 'abcdef', word: 'abcd', expected: true },
])('finds a word only if it shares more than half: $given, $word', ({ given, word, expected }) => {
  expect(nearest(given, [word], 1)).toEqual(expected ? [word] : [])
})

it('finds a word with one letter missing or replaced, at any place', () => {
  const letters = fc.string({ minLength: 4, maxLength: 20, unit: fc.constantFrom(...'abcdef') })
  fc.assert(
    fc.property(letters, fc.nat(), fc.constantFrom('', 'x'), (word, place, instead) => {
      const at = place % word.length
      const misspelt = word.slice(0, at) + instead + word.slice(at + 1)
      expect(nearest(misspelt, [word, 'zzzzzzzzzzzzzzzzzzzzzzzz'], 3)).toEqual([word])
    }),
  )
})
