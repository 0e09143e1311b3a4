/** This file is the tests of the rules for the scopes of a bundle. */

import { describe, expect, it } from 'vitest'
import { PRINTABLE, scopesFaults, scopesOddities } from '../../src/config/scope-rules.ts'
import { SCOPES } from '../../src/scope/catalog.ts'
import { scopeSet } from '../../src/scope/scopes.ts'

const AUTH = 'https://www.googleapis.com/auth/'

describe('a scope that Google removed', () => {
  it.each([
    {
      given: 'photoslibrary.readonly',
      expected: ['photospicker.mediaitems.readonly', 'photoslibrary.readonly.appcreateddata'],
    },
    { given: 'photoslibrary.sharing', expected: ['Nothing replaces it', 'Google Photos app'] },
    {
      given: 'photoslibrary',
      expected: [
        'photoslibrary.appendonly',
        'photoslibrary.readonly.appcreateddata',
        'photoslibrary.edit.appcreateddata',
      ],
    },
  ])('is refused with what replaces it: $given', ({ given, expected }) => {
    for (const name of [given, AUTH + given]) {
      const [fault, ...others] = scopesFaults(['photoslibrary.appendonly', name])
      expect(others).toEqual([])
      expect(fault).toContain(`scopes[1], ${given}, was removed by Google on 2025-03-31.`)
      for (const word of expected) expect(fault).toContain(word)
    }
  })
})

describe('an unknown scope', () => {
  it.each([
    { given: 'photoslibrary.append', expected: 'photoslibrary.appendonly' },
    { given: `${AUTH}photoslibrary.apendonly`, expected: 'photoslibrary.appendonly' },
    { given: 'PhotosLibrary.AppendOnly', expected: 'photoslibrary.appendonly' },
    { given: 'photoslibrary.edit.appcreated', expected: 'photoslibrary.edit.appcreateddata' },
    { given: 'photospicker.mediaitems', expected: 'photospicker.mediaitems.readonly' },
    { given: 'mail', expected: 'email' },
  ])('is refused with the nearest known: $given', ({ given, expected }) => {
    const [fault] = scopesFaults([given])
    expect(fault).toContain(given.replace(AUTH, ''))
    expect(fault).toContain(`The nearest is ${expected}.`)
  })

  it('is refused with what replaces the nearest, if that was removed', () => {
    const [fault] = scopesFaults(['photoslibrary.readonl'])
    expect(fault).toMatch(
      /nearest is photoslibrary\.readonly\. It was removed .* Write photospicker/,
    )
  })

  it.each([
    `${AUTH}drive`,
    'GOCSPX-0123456789abcdefghij',
    'photoslibrary.appendonly\u0000',
    `photoslibrary.appendonly${'y'.repeat(120)}`,
    'photoslibrary.\u202eappendonly',
  ])('that is near none, or cannot be printed, is refused with all there are: %j', (given) => {
    const active = SCOPES.filter(({ removed }) => !removed).map(({ scope }) =>
      scope.slice(AUTH.length),
    )
    expect(scopesFaults([given])).toEqual([
      `scopes[0] is not a scope of the Photos APIs. Write one of ${active.join(', ')}.`,
    ])
  })
})

it.each(['photoslibrary.appendonly', `${AUTH}photospicker.mediaitems.readonly`])(
  'an active scope is taken, alone or with sign-in scopes: %s',
  (given) => {
    expect(scopesFaults([given])).toEqual([])
    expect(scopesFaults([given, 'openid', 'email', `${AUTH}userinfo.profile`])).toEqual([])
  },
)

it('a list with holes is refused, not skipped', () => {
  expect(scopesFaults(new Array(1))).toEqual([expect.stringContaining('scopes[0] is not text')])
})

it('reading without writing is odd, and together they are not', () => {
  const read = 'photoslibrary.readonly.appcreateddata'
  expect(scopesOddities(scopeSet([read]))).toEqual([
    expect.stringContaining('photoslibrary.appendonly'),
  ])
  expect(scopesOddities(scopeSet([read, 'photoslibrary.appendonly']))).toEqual([])
  expect(scopesOddities(scopeSet(['photospicker.mediaitems.readonly']))).toEqual([])
})

it('a name is printed up to 120 characters', () => {
  expect(PRINTABLE.test('a'.repeat(120))).toBe(true)
  expect(PRINTABLE.test('a'.repeat(121))).toBe(false)
  expect(PRINTABLE.test('a\n')).toBe(false)
})
