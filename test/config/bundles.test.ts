/** Tests of reading bundles: which tables are accepted, and what is said about all others. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseBundles } from '../../src/config/bundles.ts'
import { SCOPES } from '../../src/scope/catalog.ts'
import { scopeSet, shortName } from '../../src/scope/scopes.ts'

const AUTH = 'https://www.googleapis.com/auth/'
const READ = 'photoslibrary.readonly.appcreateddata'
const APPEND = 'photoslibrary.appendonly'
const reason = 'Choose photos to show in this app'
const pick = { scopes: ['photospicker.mediaitems.readonly'], reason }

/** What is said about the scopes of one bundle. */
const problemsOf = (scopes: unknown): readonly string[] =>
  parseBundles({ x: { scopes, reason } }).problems.map((text) => text.replace('BUNDLES.x.', ''))

describe('a right table', () => {
  it('gives its bundles, with the APIs and methods they open', () => {
    const { bundles, problems, warnings } = parseBundles({
      pick,
      album: { scopes: [READ, APPEND], reason: 'Keep an album' },
    })
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] })
    expect([...bundles.keys()]).toEqual(['pick', 'album'])
    expect(bundles.get('pick')).toEqual({
      name: 'pick',
      scopes: [`${AUTH}photospicker.mediaitems.readonly`],
      reason,
      apis: ['Photos Picker API'],
      methods: [
        'picker.sessions.create',
        'picker.sessions.get',
        'picker.sessions.delete',
        'picker.mediaItems.list',
      ],
    })
    expect(bundles.get('album')?.methods).toContain('library.mediaItems.list')
    for (const name of ['__proto__', 'constructor', 'toString', ''])
      expect(bundles.get(name)).toBeUndefined()
  })

  it('gives a warning for a bundle that reads what the app can never create', () => {
    const { bundles, problems, warnings } = parseBundles({
      pick,
      album: { scopes: [READ], reason },
    })
    expect([bundles.size, problems]).toEqual([2, []])
    expect(warnings).toEqual([
      expect.stringMatching(/^BUNDLES\.album: .* reads .*: add photoslibrary\.appendonly, /),
    ])
    expect(parseBundles({ album: { scopes: [READ] } }).warnings).toEqual([])
  })

  it('may name scopes short or in full, in any order, more than once', () => {
    const scopes = ['email', APPEND, 'openid', AUTH + APPEND]
    const { bundles, problems } = parseBundles({ upload: { scopes, reason } })
    expect(problems).toEqual([])
    expect(bundles.get('upload')?.scopes).toEqual(scopeSet(['openid', 'email', APPEND]))
  })
})

describe('a wrong table', () => {
  it.each([undefined, null, '', {}, [pick], 7, '{"pick":'])('%j is refused as a whole', (given) => {
    const { bundles, problems } = parseBundles(given)
    expect(bundles.size).toBe(0)
    expect(problems).toEqual([
      'BUNDLES: is missing, empty or not a table. Write [vars.BUNDLES.pick] with scopes = ["photospicker.mediaitems.readonly"] and reason = "Choose photos to show in this app".',
    ])
  })

  it.each<[given: object, place: string, problem: RegExp]>([
    [{ pick: null }, '.pick', /is missing, unknown or of the wrong type\. Write/],
    [{ Pick: pick }, '.Pick', /is a name .* cannot have\. Write/],
    [{ ['a'.repeat(33)]: pick }, `.${'a'.repeat(33)}`, /is a name/],
    [{ '2x': pick }, '.2x', /is a name/],
    [{ broker: pick }, '.broker', /is a name .* not "broker"/],
    [JSON.parse(`{"__proto__":${JSON.stringify(pick)}}`), '.__proto__', /is a name/],
    [{ pick: { ...pick, scope: 'x' } }, '.pick.scope', /is missing, unknown or/],
    [{ pick: { reason } }, '.pick.scopes', /is missing, unknown or/],
    [{ pick: { reason, scopes: ['openid', 'email'] } }, '.pick.scopes', /gives no access.* Add/],
    [{ pick: { scopes: pick.scopes } }, '.pick.reason', /is missing, unknown or/],
    [{ pick: { ...pick, reason: 'x'.repeat(201) } }, '.pick.reason', /is not a text of 1 to 200/],
  ])('%j is refused at its place, with what to write', (given, place, problem) => {
    const { bundles, problems } = parseBundles(given)
    expect(problems.map((text) => text.split(': ')[0])).toEqual([`BUNDLES${place}`])
    expect(problems[0]).toMatch(problem)
    expect(bundles.size).toBe(0)
  })
})

describe('a scope', () => {
  it.each([APPEND, `${AUTH}photospicker.mediaitems.readonly`])('may be %s', (given) => {
    expect(problemsOf([given])).toEqual([])
    expect(problemsOf([given, 'openid', 'email', `${AUTH}userinfo.profile`])).toEqual([])
  })

  it.each([
    ['photoslibrary.readonly', 'photospicker.mediaitems.readonly', READ],
    ['photoslibrary.sharing', 'Nothing replaces it', 'Google Photos app'],
    ['photoslibrary', APPEND, READ, 'photoslibrary.edit.appcreateddata'],
  ])('that Google removed is refused with what replaces it: %s', (given, ...words) => {
    for (const name of [given, AUTH + given]) {
      const [problem, ...others] = problemsOf([APPEND, name])
      expect(others).toEqual([])
      expect(problem).toContain(`scopes[1]: ${given} was removed by Google on 2025-03-31.`)
      for (const word of words) expect(problem).toContain(word)
    }
  })

  it.each([
    ['photoslibrary.append', APPEND],
    [`${AUTH}photoslibrary.apendonly`, APPEND],
    ['photospicker.mediaitems', 'photospicker.mediaitems.readonly'],
  ])('%s, which is unknown, is refused with the nearest, %s', (given, near) => {
    const name = given.replace(AUTH, '')
    expect(problemsOf([given])).toEqual([
      `scopes[0]: ${name} is not a scope. The nearest is ${near}.`,
    ])
  })

  it.each(['drive', 'photoslibrary.appendonly\u0000', 'photoslibrary.\u202eappendonly'])(
    'near none, or not printable, is refused with the list of all: %j',
    (given) => {
      const active = SCOPES.filter(({ removed }) => !removed).map(({ scope }) => shortName(scope))
      expect(problemsOf([given])).toEqual([
        `scopes[0]: is not a scope of the Photos APIs. Write one of ${active.join(', ')}.`,
      ])
    },
  )
})

describe('any table', () => {
  const scopes = fc.array(
    fc.oneof(
      fc.string(),
      fc.constantFrom('photoslibrary.append', 'openid', '__proto__'),
      fc.jsonValue(),
    ),
  )
  const entry = fc.record(
    { scopes, reason: fc.jsonValue(), extra: fc.jsonValue() },
    { requiredKeys: [] },
  )
  const table = fc.oneof(
    fc.jsonValue(),
    fc.json(),
    fc.string(),
    fc.anything(),
    fc.dictionary(fc.oneof(fc.string(), fc.constantFrom('pick', '__proto__', 'broker')), entry),
  )

  it('gives a bundle or a problem and never throws; no sentence can break or forge a log line', () => {
    fc.assert(
      fc.property(table, (given) => {
        const { bundles, problems, warnings } = parseBundles(given)
        expect(bundles.size + problems.length).toBeGreaterThan(0)
        for (const text of [...problems, ...warnings])
          expect(text).toMatch(/^BUNDLES[\w.[\]-]*: [ -~]{1,600}\.$/)
      }),
      { numRuns: 1000 },
    )
  })

  it('is not repeated, except for names that are nearly a scope', () => {
    const secret = fc
      .tuple(fc.constantFrom('GOCSPX-', 'canary/', 'ya29.'), fc.uuid())
      .map(([prefix, rest]) => prefix + rest)
    fc.assert(
      fc.property(secret, (given) => {
        const tables = [
          given,
          { pick: given },
          { pick: { scopes: given, reason: given } },
          { pick: { scopes: [given, { given }], reason: [given] } },
          { pick: { scopes: [], reason: given.repeat(10) } },
        ]
        for (const each of tables) {
          const { problems } = parseBundles(each)
          expect(problems).not.toHaveLength(0)
          expect(problems.join('\n')).not.toContain(given)
        }
      }),
    )
  })
})
