/** Tests of scope sets: their canonical form, their order, and the `scope` parameter. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import {
  covers,
  equals,
  formatScope,
  missing,
  parseScope,
  scopeSet,
  shortName,
  without,
} from '../../src/scope/scopes.ts'

const AUTH = 'https://www.googleapis.com/auth/'
const name = fc.oneof(
  fc.constantFrom(
    'openid',
    'email',
    'profile',
    `${AUTH}userinfo.email`,
    'userinfo.profile',
    'photoslibrary',
    'photoslibrary.appendonly',
    `${AUTH}photoslibrary.appendonly`,
    'photospicker.mediaitems.readonly',
    'offline_access',
    '__proto__',
    'constructor',
  ),
  fc.string(),
)
const names = fc.array(name, { maxLength: 8 })
const set = names.map(scopeSet)

describe('a scope set', () => {
  it.each([
    { given: [`${AUTH}photoslibrary.appendonly`], expected: [`${AUTH}photoslibrary.appendonly`] },
    {
      given: ['email', `${AUTH}userinfo.email`, 'userinfo.email'],
      expected: [`${AUTH}userinfo.email`],
    },
    {
      given: ['photoslibraries', 'xphotoslibrary.a'],
      expected: ['photoslibraries', 'xphotoslibrary.a'],
    },
    { given: ['constructor', '__proto__'], expected: ['__proto__', 'constructor'] },
    { given: [], expected: [] },
  ])('of $given is $expected', ({ given, expected }) => {
    expect(scopeSet(given)).toEqual(expected)
  })

  it('does not depend on order and duplicates', () => {
    fc.assert(
      fc.property(names, fc.func(fc.integer()), (given, rank) => {
        const shuffled = [...given, ...given].sort((a, b) => rank(a) - rank(b))
        expect(scopeSet(shuffled)).toEqual(scopeSet(given))
      }),
    )
  })

  it('stays the same when made again', () => {
    fc.assert(fc.property(set, (scopes) => void expect(scopeSet(scopes)).toEqual(scopes)))
  })

  it('is sorted, without duplicates, and frozen', () => {
    fc.assert(
      fc.property(set, (scopes) => {
        expect(
          scopes.every((scope, index) => index === 0 || (scopes[index - 1] ?? '') < scope),
        ).toBe(true)
        expect(Object.isFrozen(scopes)).toBe(true)
      }),
    )
  })
})

describe('a scope parameter', () => {
  it('is read back as the same set', () => {
    fc.assert(
      fc.property(set, (scopes) => void expect(parseScope(formatScope(scopes))).toEqual(scopes)),
    )
  })

  it('may be any text', () => {
    fc.assert(fc.property(fc.string({ unit: 'binary' }), (text) => void parseScope(text)))
  })

  it.each([
    { given: 'openid email', expected: 'email openid' },
    {
      given: `${AUTH}userinfo.email ${AUTH}userinfo.profile openid`,
      expected: 'email profile openid',
    },
    {
      given: `  photoslibrary.appendonly   openid `,
      expected: `${AUTH}photoslibrary.appendonly openid`,
    },
    { given: '', expected: '' },
  ])('"$given" is written "$expected"', ({ given, expected }) => {
    expect(formatScope(parseScope(given))).toBe(expected)
  })
})

describe('equals', () => {
  it('is true for the same scopes in any order and spelling, and for no others', () => {
    const both = scopeSet(['email', 'photoslibrary.appendonly'])
    expect(equals(both, scopeSet(['photoslibrary.appendonly', `${AUTH}userinfo.email`]))).toBe(true)
    expect(equals(both, scopeSet(['email', 'photoslibrary.readonly']))).toBe(false)
    expect(equals(both, scopeSet(['email']))).toBe(false)
    expect(equals(scopeSet(['email']), both)).toBe(false)
  })
})

it.each(['userinfo.emails', 'userinfo.profile.x', 'photoslibraryx', 'xphotoslibrary'])(
  'the name %s, which only begins or ends like a known one, stays as it is',
  (name) => {
    expect(parseScope(name)).toEqual([name])
  },
)

describe('covers', () => {
  it('is a partial order', () => {
    fc.assert(
      fc.property(set, names, names, (c, more, most) => {
        const b = scopeSet([...c, ...more])
        const a = scopeSet([...b, ...most])
        expect(covers(a, a) && covers(a, b) && covers(b, c) && covers(a, c)).toBe(true)
        expect(covers(b, a)).toBe(equals(a, b))
      }),
    )
  })

  it('is true exactly if nothing is missing', () => {
    fc.assert(
      fc.property(set, set, (a, b) => void expect(covers(a, b)).toBe(missing(b, a).length === 0)),
    )
  })

  it.each([
    { given: 'photoslibrary', expected: 'photoslibrary.appendonly' },
    { given: 'photoslibrary.readonly', expected: 'photoslibrary.readonly.appcreateddata' },
  ])(
    'does not treat one scope as part of another: $given does not cover $expected',
    ({ given, expected }) => {
      expect(covers(parseScope(given), parseScope(expected))).toBe(false)
    },
  )
})

describe('parts of a scope set', () => {
  it('the missing and the granted part together are the whole set', () => {
    fc.assert(
      fc.property(set, set, (requested, granted) => {
        const lacking = missing(requested, granted)
        expect(scopeSet([...lacking, ...without(requested, lacking)])).toEqual(requested)
        expect(without(requested, granted)).toEqual(lacking)
      }),
    )
  })
})

it.each([
  { given: `${AUTH}photoslibrary.appendonly`, expected: 'photoslibrary.appendonly' },
  { given: `${AUTH}userinfo.email`, expected: 'email' },
  { given: 'openid', expected: 'openid' },
  {
    given: 'https://example.com/auth/photoslibrary',
    expected: 'https://example.com/auth/photoslibrary',
  },
])('the short name of $given is $expected', ({ given, expected }) => {
  expect(shortName(given)).toBe(expected)
})
