/** The records in KV: their lifetime, and reading when KV fails. */

import { env } from 'cloudflare:workers'
import { beforeEach, expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import type { AccessToken } from '../../src/subject/grant.ts'
import {
  grantKey,
  isStoreReachable,
  listSubjects,
  readToken,
  tokenKey,
  writeSealed,
  writeToken,
} from '../../src/subject/kv-records.ts'
import { ringOf } from '../crypto/keys.ts'
import { createHostileKv } from '../support/hostile-kv.ts'
import { later, stage } from '../support/story.ts'

stage()

const keyring = ringOf({ k1: 1 })
const KEY = tokenKey('ada', 'a')
const hostile = createHostileKv()
const onUnreadable = vi.fn()
beforeEach(() => {
  hostile.reset()
  onUnreadable.mockReset()
})

const tokenUntil = (expires_at: number): AccessToken => ({
  ...{ v: 1, access_token: 'canary', scope: 's', expires_at, generation: 'g' },
  sessions: [['id', 1]],
})

it('a token is read back, and not found under another key', async () => {
  await writeToken(env.TOKENS, keyring, KEY, tokenUntil(now() + 3600))
  expect(await readToken(env.TOKENS, keyring, KEY, onUnreadable)).toEqual(tokenUntil(now() + 3600))
  expect(await readToken(env.TOKENS, keyring, tokenKey('ada', 'b'), onUnreadable)).toBeUndefined()
  expect(onUnreadable).not.toHaveBeenCalled()
})

it('a token that does not open is reported, and not returned', async () => {
  await env.TOKENS.put(KEY, 'x')
  expect(await readToken(env.TOKENS, keyring, KEY, onUnreadable)).toBeUndefined()
  expect(onUnreadable).toHaveBeenCalledOnce()
})

it('a failing KV is unreachable, and returns nothing', async () => {
  expect(await isStoreReachable(env.TOKENS)).toBe(true)
  hostile.down.reads = true
  expect(await isStoreReachable(hostile.namespace)).toBe(false)
  expect(await readToken(hostile.namespace, keyring, KEY, onUnreadable)).toBeUndefined()
  expect(onUnreadable).not.toHaveBeenCalled()
})

it.each([
  { lives: 60, isKept: true },
  { lives: 59.9, isKept: false },
  { lives: -1, isKept: false },
])(
  'a token with $lives s left is written: $isKept; KV accepts no shorter lifetime',
  async (given) => {
    hostile.plant(KEY, 'before')
    await writeToken(hostile.namespace, keyring, KEY, tokenUntil(now() + given.lives))
    expect(hostile.dump().has(KEY)).toBe(given.isKept)
    expect(hostile.dump().get(KEY)).not.toBe('before')
  },
)

it('subjects with a grant are listed, page by page', async () => {
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
