/** Provider names: keyed hashes of what Google's security events name. */

import { expect, it } from 'vitest'
import { accountName, tokenName } from '../../src/subject/provider-names.ts'
import { theConfig } from '../support/broker.ts'
import { stage } from '../support/story.ts'

stage()

const config = theConfig()

it('a hash has the same name in either base64 alphabet, padded or not; a prefix is not decoded', async () => {
  const hash = (token: string) => tokenName(config, { alg: 'hash_base64_sha512_sha512', token })
  const [name] = [await hash('a+b/c+d/e==')]
  for (const token of ['a-b_c-d_e', 'a-b_c-d_e==', 'a+b/c+d/e', 'a+b/c+d/e='])
    expect(await hash(token)).toBe(name)
  for (const token of ['a+b/c+d/f', 'a=+b/c+d/e']) expect(await hash(token)).not.toBe(name)
  const prefix = (token: string) => tokenName(config, { alg: 'prefix', token })
  expect(await prefix('1/a+b=')).not.toBe(await prefix('1_a-b'))
  expect(await prefix('same')).not.toBe(await hash('same'))
})

it('names do not change between versions of the broker, so that the index still matches', async () => {
  expect(await accountName(config, 'ada')).toBe('name/zYh6Q0QUxZ9aU14XoEtVhWpdiexnxwEz_Qm0KpqVAbQ')
  expect(await tokenName(config, { alg: 'prefix', token: '1//ada' })).toBe(
    'name/0fvRfuWtqM8dfReM82Vin3EEQ-MtqqvR1wqv7N6cU8s',
  )
})
