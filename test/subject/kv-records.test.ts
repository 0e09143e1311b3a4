/** This file is the tests of the records in KV: how long they stay, and how they are read where they cannot be. */

import { env } from 'cloudflare:workers'
import { beforeEach, expect, it, vi } from 'vitest'
import {
  grantKey,
  isStoreReachable,
  listSubjects,
  readToken,
  type StoredToken,
  tokenKey,
  writeSealed,
  writeToken,
} from '../../src/subject/kv-records.ts'
import { ringOf } from '../crypto/keys.ts'
import { createHostileKv } from '../support/hostile-kv.ts'
import { dumpKv, later, stage } from '../support/story.ts'

stage()

const keyring = ringOf({ k1: 1 })
const KEY = tokenKey('ada', 'a')
const AT = 2_000_000_000
const hostile = createHostileKv()
const tell = vi.fn()
beforeEach(() => {
  hostile.reset()
  tell.mockReset()
})

const some = (expires_at: number): StoredToken => ({
  ...{ v: 1, access_token: 'canary', scope: 's', expires_at, generation: 'g' },
  sessions: [['id', 1]],
})

it('a token is read as it was written, and is nobody’s elsewhere', async () => {
  await writeToken(env.TOKENS, keyring, KEY, some(AT + 3600), AT)
  expect(await readToken(env.TOKENS, keyring, KEY, tell)).toEqual(some(AT + 3600))
  expect(await readToken(env.TOKENS, keyring, tokenKey('ada', 'b'), tell)).toBeUndefined()
  expect(tell).not.toHaveBeenCalled()
})

it('a token that does not open is told of, and is none', async () => {
  await env.TOKENS.put(KEY, 'x')
  expect(await readToken(env.TOKENS, keyring, KEY, tell)).toBeUndefined()
  expect(tell).toHaveBeenCalledOnce()
})

it('a KV that fails holds nothing, and is told apart from one that answers', async () => {
  expect(await isStoreReachable(env.TOKENS)).toBe(true)
  hostile.down.reads = true
  expect(await isStoreReachable(hostile.namespace)).toBe(false)
  expect(await readToken(hostile.namespace, keyring, KEY, tell)).toBeUndefined()
  expect(tell).not.toHaveBeenCalled()
})

it('a token stays as long as it lives', async () => {
  const put = vi.spyOn(hostile.namespace, 'put')
  await writeToken(hostile.namespace, keyring, KEY, some(AT + 3600.9), AT)
  expect(put).toHaveBeenCalledExactlyOnceWith(KEY, expect.any(String), { expirationTtl: 3600 })
})

it.each([
  { lives: 60, isKept: true },
  { lives: 59.9, isKept: false },
  { lives: -1, isKept: false },
])(
  'with $lives s left a token is written: $isKept; KV takes none that is shorter',
  async (given) => {
    hostile.plant(KEY, 'before')
    await writeToken(hostile.namespace, keyring, KEY, some(AT + given.lives), AT)
    expect(hostile.dump().has(KEY)).toBe(given.isKept)
    expect(hostile.dump().get(KEY)).not.toBe('before')
  },
)

it('a sealed record is written as it is, for good, or taken away', async () => {
  await writeSealed(env.TOKENS, KEY, 'sealed')
  expect(await dumpKv()).toEqual(new Map([[KEY, 'sealed']]))
  await writeSealed(env.TOKENS, KEY, undefined)
  expect(await dumpKv()).toEqual(new Map())
})

it('whoever has a grant is listed, a page at a time', async () => {
  for (const key of [
    ...['a', 'b'].map((scopes) => grantKey('ada', scopes)),
    ...['a', 'b', 'c'].map((scopes) => grantKey('ben', scopes)),
    tokenKey('eve', 'a'),
  ])
    await writeSealed(hostile.namespace, key, 'sealed')
  later(60)
  const first = await listSubjects(hostile.namespace, undefined)
  expect(first).toEqual({ subjects: ['ada', 'ben'], cursor: expect.any(String) })
  expect(await listSubjects(hostile.namespace, first.cursor)).toEqual({ subjects: ['ben'] })
})
