/** Subject keys: unique to an identity, and stable under a secret. */

import fc from 'fast-check'
import { expect, it, vi } from 'vitest'
import { createPseudonyms, type Identity } from '../../src/crypto/pseudonym.ts'
import { secretOf } from './keys.ts'

const pseudonyms = createPseudonyms(secretOf(1))
const the: Identity = {
  client: 'web',
  iss: 'https://accounts.google.com',
  sub: '110248495921238986420',
}

/** Text with delimiters, escapes, terminators and characters that look alike. */
const tricky = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc
    .array(
      fc.constantFrom(
        ...['a', '', '/', ':', '|', ',', '"', '\\', '","', '\u0000', '\n', '[', ']'],
        ...['\ud800', '\udfff', '\\ud800', '\ufffd', '\u00e9', 'e\u0301', '\u212b', '\u00c5', 'A'],
      ),
      { maxLength: 5 },
    )
    .map((parts) => parts.join('')),
)
const identity = fc.record({ client: tricky, iss: tricky, sub: tricky })

it('has 43 characters, and is the same for two identities only if all parts are equal (property; TMB-43)', async () => {
  const seen = new Map<string, Identity>()
  await fc.assert(
    fc.asyncProperty(identity, identity, async (...both) => {
      for (const one of both) {
        const name = await pseudonyms.subjectKey(one)
        expect(name).toMatch(/^[A-Za-z0-9_-]{43}$/)
        const other = seen.get(name)
        if (other) expect(one).toEqual(other)
        seen.set(name, one)
      }
    }),
    { numRuns: 500 },
  )
})

it('does not change between versions of the broker, so that records are still found', async () => {
  expect(await pseudonyms.subjectKey(the)).toBe('GRF_8fSIHPnoydlpL-P_6nHG0JHb67yUm_Tbph986j0')
})

it('is made with a key that cannot be exported (TMB-57)', async () => {
  const importKey = vi.spyOn(crypto.subtle, 'importKey')
  await createPseudonyms(secretOf(2)).subjectKey(the)
  const key = await importKey.mock.results[0]?.value
  expect(key).toMatchObject({ extractable: false, usages: ['sign'] })
  importKey.mockRestore()
})
