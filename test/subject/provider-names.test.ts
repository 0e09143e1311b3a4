/** Provider names: keyed hashes of what Google's security events name, and their index. */

import { env } from 'cloudflare:workers'
import { expect, it, vi } from 'vitest'
import {
  accountName,
  addToIndex,
  namesOfToken,
  tokenName,
} from '../../src/subject/provider-names.ts'
import { theConfig } from '../support/broker.ts'
import { stage } from '../support/story.ts'

stage()

const config = theConfig()
const refresh_token = '1//canary-refresh-token-of-some-length'

it('a refresh token has one name for its 16-character prefix and one for its double hash', async () => {
  const once = await crypto.subtle.digest('SHA-512', new TextEncoder().encode(refresh_token))
  const twice = new Uint8Array(await crypto.subtle.digest('SHA-512', once)).toBase64()
  const names = await namesOfToken(config, { refresh_token })
  expect(names).toEqual([
    await tokenName(config, { alg: 'prefix', token: '1//canary-refres' }),
    await tokenName(config, { alg: 'hash_base64_sha512_sha512', token: twice }),
  ])
  for (const name of names) expect(name).toMatch(/^name\/[\w-]{43}$/)
  expect(twice).toMatch(/[+/].*=$/) // so that the encodings differ
})

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

it('the index finds the subject of a name; a failure to add one is only logged', async () => {
  await addToIndex(env, ['one', 'two'], 'ada')
  for (const name of ['one', 'two'])
    expect(await env.SUBJECT_INDEX.getByName(name).subjects()).toEqual(['ada'])
  const error = vi.spyOn(console, 'error').mockImplementation(() => {})
  vi.spyOn(env.SUBJECT_INDEX, 'getByName').mockImplementation(() => {
    throw new Error('canary')
  })
  await addToIndex(env, ['three'], 'ada')
  expect(JSON.parse(`${error.mock.lastCall}`)).toMatchObject({
    ...{ event: 'name_not_noted', subject: 'ada' },
  })
})

it('names do not change between versions of the broker, so that the index still matches', async () => {
  expect(await accountName(config, 'ada')).toBe('name/zYh6Q0QUxZ9aU14XoEtVhWpdiexnxwEz_Qm0KpqVAbQ')
  expect(await tokenName(config, { alg: 'prefix', token: '1//ada' })).toBe(
    'name/0fvRfuWtqM8dfReM82Vin3EEQ-MtqqvR1wqv7N6cU8s',
  )
})
