/** This file is the tests of pseudonyms: nobody shares one, and nobody is read off one (TMB-43, TMB-57). */

import fc from 'fast-check'
import { expect, it } from 'vitest'
import { createPseudonyms } from '../../src/crypto/pseudonym.ts'

const names = createPseudonyms(new Uint8Array(32).map((_, index) => index * 5))

it('no two identities share one, whatever their parts are made of', async () => {
  const part = fc.oneof(
    fc.string({ unit: 'binary' }),
    fc.constantFrom(
      '',
      'a',
      '","',
      '\0',
      '\\',
      '\ud800',
      '\udc00',
      'é',
      'e\u0301',
      'null',
      '["a"]',
    ),
  )
  const identity = fc.record({ client: part, iss: part, sub: part })
  await fc.assert(
    fc.asyncProperty(identity, identity, async (a, b) => {
      const isSame = a.client === b.client && a.iss === b.iss && a.sub === b.sub
      expect((await names.subjectKey(a)) === (await names.subjectKey(b))).toBe(isSame)
    }),
    { numRuns: 300 },
  )
  const parts = ['a', 'b', 'ab', '', 'a","b']
  const all = parts.flatMap((client) =>
    parts.flatMap((iss) => parts.map((sub) => ({ client, iss, sub }))),
  )
  expect(new Set(await Promise.all(all.map(names.subjectKey))).size).toBe(all.length)
})

it('all are 43 characters, however long the identity, and keep its case', async () => {
  const of = (sub: string): Promise<string> =>
    names.subjectKey({ client: 'web', iss: 'https://x', sub })
  for (const sub of ['', 'a', 'x'.repeat(5000)]) expect(await of(sub)).toMatch(/^[\w-]{43}$/)
  expect(await of('Ada')).not.toBe(await of('ada'))
})

it('another key names everybody anew', async () => {
  const others = createPseudonyms(new Uint8Array(32).map((_, index) => index * 3))
  const identity = { client: 'web', iss: 'https://x', sub: '1' }
  expect(await names.subjectKey(identity)).not.toBe(await others.subjectKey(identity))
})
