/** This file is the tests of reading bundles from configuration. */

import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { parseBundles } from '../../src/config/bundles.ts'
import { scopeSet } from '../../src/scope/scopes.ts'

const reason = 'Choose photos to show in this app'
const pick = { scopes: ['photospicker.mediaitems.readonly'], reason }

describe('a faultless table', () => {
  it('gives its bundles, with the APIs and methods they open', () => {
    const { bundles, problems, warnings } = parseBundles({
      pick,
      album: {
        scopes: ['photoslibrary.readonly.appcreateddata', 'photoslibrary.appendonly'],
        reason: 'Keep an album',
      },
    })
    expect({ problems, warnings }).toEqual({ problems: [], warnings: [] })
    expect([...bundles.keys()]).toEqual(['pick', 'album'])
    expect(bundles.get('pick')).toEqual({
      name: 'pick',
      scopes: ['https://www.googleapis.com/auth/photospicker.mediaitems.readonly'],
      reason,
      apis: ['Photos Picker API'],
      methods: [
        'picker.sessions.create',
        'picker.sessions.get',
        'picker.sessions.delete',
        'picker.mediaItems.list',
      ],
    })
    expect(bundles.get('album')?.apis).toEqual(['Photos Library API'])
    expect(bundles.get('album')?.methods).toContain('library.mediaItems.list')
  })

  it('may have what is hardly meant, which is told', () => {
    const scopes = ['photoslibrary.readonly.appcreateddata']
    const { bundles, problems, warnings } = parseBundles({ pick, album: { scopes, reason } })
    expect([bundles.size, problems]).toEqual([2, []])
    expect(warnings).toEqual([
      expect.stringMatching(
        /^BUNDLES\.album: photoslibrary\.readonly\.appcreateddata reads .*: add photoslibrary\.appendonly, /,
      ),
    ])
  })

  it('is told of no oddity where it is faulty', () => {
    const scopes = ['photoslibrary.readonly.appcreateddata']
    expect(parseBundles({ pick: null, album: { scopes } }).warnings).toEqual([])
  })

  it('may be JSON', () => {
    expect(parseBundles(JSON.stringify({ pick }))).toEqual(parseBundles({ pick }))
  })

  it('may spell scopes short or in full, in any order, more than once', () => {
    const scopes = [
      'email',
      'photoslibrary.appendonly',
      'openid',
      'https://www.googleapis.com/auth/photoslibrary.appendonly',
    ]
    const { bundles, problems } = parseBundles({ upload: { scopes, reason } })
    expect(problems).toEqual([])
    expect(bundles.get('upload')?.scopes).toEqual(
      scopeSet(['openid', 'email', 'photoslibrary.appendonly']),
    )
  })

  it('may have two bundles of the same scopes', () => {
    const { bundles, problems, warnings } = parseBundles({ pick, choose: pick })
    expect(bundles.size).toBe(2)
    expect([...problems, ...warnings]).toEqual([])
  })

  it('has no bundle but its own', () => {
    const { bundles } = parseBundles({ pick })
    for (const name of ['__proto__', 'constructor', 'toString', ''])
      expect(bundles.get(name)).toBeUndefined()
  })

  it.each(['a', 'pick-2', 'a'.repeat(32)])('may name a bundle %s', (name) => {
    expect(parseBundles({ [name]: pick }).problems).toEqual([])
  })
})

describe('a faulty table', () => {
  it.each([
    { given: undefined, expected: /^BUNDLES: is missing\. Write \[vars\.BUNDLES\.pick\]/ },
    { given: '', expected: /^BUNDLES: is missing\./ },
    { given: null, expected: /^BUNDLES: is missing\./ },
    {
      given: undefined,
      expected:
        /with scopes = \["photospicker\.mediaitems\.readonly"\] and reason = "Choose photos to show in this app"\.$/,
    },
    {
      given: { pick: { reason, scopes: ['emial'] } },
      expected: /, emial, is not a scope\. The nearest is email\.$/,
    },
    {
      given: { pick: { reason, scopes: ['photoslibrary.appendonly\u0007'] } },
      expected: /is not a scope of the Photos APIs\. Write one of/,
    },
    { given: {}, expected: /^BUNDLES: holds no bundle\. Write/ },
    { given: '{"pick":', expected: /^BUNDLES: is not a table of bundles\. Write/ },
    { given: [pick], expected: /^BUNDLES: is not a table of bundles\. Write/ },
    { given: 7, expected: /^BUNDLES: is not a table/ },
    { given: { pick: null }, expected: /^BUNDLES\.pick: is not a table\. Write/ },
    { given: { pick: [] }, expected: /^BUNDLES\.pick: is not a table\. Write/ },
    { given: { Pick: pick }, expected: /^BUNDLES\.Pick: has a name .* Write/ },
    { given: { ['a'.repeat(33)]: pick }, expected: /^BUNDLES\.a{33}: has a name/ },
    { given: { '2x': pick }, expected: /^BUNDLES\.2x: has a name/ },
    { given: { 'a b': pick }, expected: /^BUNDLES, entry 1: has a name/ },
    { given: { broker: pick }, expected: /^BUNDLES\.broker: has the name .* Choose another/ },
    { given: `{"__proto__":${JSON.stringify(pick)}}`, expected: /^BUNDLES\.__proto__: has a name/ },
    {
      given: { pick: { ...pick, scope: 'x' } },
      expected: /^BUNDLES\.pick: has a member "scope"\. Leave it out/,
    },
    {
      given: { pick: { ...pick, 'no good': 'x' } },
      expected: /^BUNDLES\.pick: has an unknown member, number 3\./,
    },
    { given: { pick: { reason } }, expected: /^BUNDLES\.pick: has no scopes\. Write scopes = / },
    {
      given: { pick: { reason, scopes: [] } },
      expected: /^BUNDLES\.pick: has an empty list of scopes\. Write/,
    },
    {
      given: { pick: { reason, scopes: 'openid' } },
      expected: /^BUNDLES\.pick: has scopes that are not a list\. Write/,
    },
    {
      given: { pick: { reason, scopes: [null] } },
      expected: /^BUNDLES\.pick: scopes\[0\] is not text\. Write/,
    },
    {
      given: { pick: { reason, scopes: ['openid email'] } },
      expected: /scopes\[0\] has a space in it\. Write each/,
    },
    {
      given: { pick: { reason, scopes: ['\tphotoslibrary.appendonly'] } },
      expected: /scopes\[0\] has a space in it/,
    },
    {
      given: { pick: { reason, scopes: [''] } },
      expected: /scopes\[0\] is not a scope of the Photos APIs\. Write one of/,
    },
    {
      given: { pick: { reason, scopes: ['openid', 'email'] } },
      expected: /^BUNDLES\.pick: gives no access to photos.* Add/,
    },
    { given: { pick: { scopes: pick.scopes } }, expected: /^BUNDLES\.pick: has no reason\. Write/ },
    {
      given: { pick: { ...pick, reason: 1 } },
      expected: /^BUNDLES\.pick: has a reason that is not text\. Write/,
    },
    {
      given: { pick: { ...pick, reason: ' ' } },
      expected: /^BUNDLES\.pick: has an empty reason\. Write/,
    },
    {
      given: { pick: { ...pick, reason: 'x'.repeat(201) } },
      expected: /^BUNDLES\.pick: has too long a reason\. Write/,
    },
  ])('$given is refused, with what to write instead', ({ given, expected }) => {
    const { bundles, problems } = parseBundles(given)
    expect(problems).toEqual([expect.stringMatching(expected)])
    expect(bundles.size).toBe(0)
  })

  it('is refused with all its problems at once, and its faultless bundles are there', () => {
    const { bundles, problems } = parseBundles({
      pick,
      Bad: { scopes: ['photoslibrary', 'photoslibrary.sharing'], color: 'red' },
      broker: pick,
    })
    expect([...bundles.keys()]).toEqual(['pick'])
    expect(problems.map((problem) => problem.split(':')[0])).toEqual([
      ...Array<string>(5).fill('BUNDLES.Bad'),
      'BUNDLES.broker',
    ])
  })

  it('has a reason of 200 characters at most', () => {
    expect(parseBundles({ pick: { ...pick, reason: 'x'.repeat(200) } }).problems).toEqual([])
  })
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

  it('is read without throwing, and gives a bundle, a problem, or both', () => {
    fc.assert(
      fc.property(table, (given) => {
        const { bundles, problems } = parseBundles(given)
        expect(bundles.size + problems.length).toBeGreaterThan(0)
        for (const problem of problems)
          expect(problem).toMatch(/^BUNDLES(\.[\w-]+)?(, entry \d+)?: .+\.$/)
      }),
      { numRuns: 1000 },
    )
  })

  it('has no text of it repeated that could break or forge a line of the log', () => {
    fc.assert(
      fc.property(table, (given) => {
        const { problems, warnings } = parseBundles(given)
        for (const text of [...problems, ...warnings]) expect(text).toMatch(/^[ -~]{1,600}$/)
      }),
      { numRuns: 1000 },
    )
  })

  const secret = fc
    .tuple(fc.constantFrom('GOCSPX-', 'canary/', 'ya29.'), fc.uuid())
    .map(([prefix, rest]) => prefix + rest)

  it('has no value of it repeated that is not nearly the name of a scope', () => {
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
