/** The search for near names. */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { nearest } from '../../src/config/nearest.ts'

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
