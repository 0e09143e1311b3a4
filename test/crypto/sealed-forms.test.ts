/** This file is the tests of everything we seal: each form opens as itself, in its own place, as it was written, and in no other way. */

import { env } from 'cloudflare:workers'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest'
import { openAuditLog } from '../../src/audit/audit.ts'
import { type Config, readConfig } from '../../src/config/config.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import {
  type Cookies,
  PENDING_COOKIE_PREFIX,
  readCookies,
  SESSION_COOKIE_PREFIX,
} from '../../src/session/cookies.ts'
import { openTicket, sealTicket } from '../../src/session/media-ticket.ts'
import { openPending, sealPending } from '../../src/session/pending-authorization.ts'
import { openSession, sealSession } from '../../src/session/session-cookie.ts'
import { openBrowserToken, sealBrowserToken } from '../../src/session/tokens.ts'
import { readToken, tokenKey, writeToken } from '../../src/subject/kv-records.ts'
import { createVault } from '../../src/subject/vault.ts'
import { encoded, secretOf } from './keys.ts'

const trail = openAuditLog({}, () => {})

const AT = 2_000_000_000
beforeEach(() => {
  vi.useFakeTimers({ toFake: ['Date'], now: AT * 1000 })
})
afterEach(() => {
  vi.useRealTimers()
})

/** A broker of its own: its keys, and its place in the world. */
const brokerOf = (keys: string, more: object = {}): Config =>
  readConfig({ ...env, ENCRYPTION_KEYS: keys, ...more }).config
const K1 = `k1:${encoded(secretOf(1))}`
const K2 = `k2:${encoded(secretOf(2))}`
const ours = brokerOf(K1)

type Json = Record<string, unknown>

/** A form as it travels: how it is written, and what is read of a text that came back in its place. */
interface Form {
  seal(config: Config, record: Json): Promise<string>
  open(config: Config, sealed: string): Promise<unknown>
  /** The text is bound to the broker's URL, not to a name of its own. */
  isOfUrl?: true
  /** What the form itself needs of a record. */
  needs?: Json
  /** Seconds after which it opens no more. */
  ends?: number
  /** Longer texts are not even opened. */
  maxLength?: number
}

const STATE = 'state'
const sealedIn = (line = ''): string => (line.split(';')[0] ?? '').replace(/^[^=]*=/, '')
const jar = (name: string, value: string): Cookies => ({
  get: (asked) => (asked === name ? value : undefined),
  names: [name],
})
const PENDING = PENDING_COOKIE_PREFIX + (await sha256(STATE)).slice(0, 16)

const FORMS: Record<string, Form> = {
  session: {
    ends: 60,
    needs: { client: 'web', exp: AT + 60 },
    seal: async (config, record) => sealedIn(await sealSession(config, record as never)),
    open: async (config, sealed) =>
      openSession(config, 'web', jar(`${SESSION_COOKIE_PREFIX}web`, sealed)),
  },
  'pending authorization': {
    ends: 600,
    needs: { state: STATE, iat: AT },
    seal: async (config, record) =>
      sealedIn((await sealPending(config, record as never, readCookies(''))).at(-1)),
    open: async (config, sealed) =>
      (await openPending(config, STATE, jar(PENDING, sealed)))?.pending,
  },
  ...Object.fromEntries(
    (['refresh', 'access', 'code', 'request'] as const).map((type) => [
      `${type} handle`,
      {
        isOfUrl: true,
        ends: 60,
        maxLength: 8192,
        needs: { exp: AT + 60 },
        seal: async (config, record) => sealBrowserToken(config, type, record as never),
        open: async (config, sealed) => openBrowserToken(config, type, sealed),
      } satisfies Form,
    ]),
  ),
  'media ticket': {
    isOfUrl: true,
    ends: 900,
    maxLength: 8192,
    needs: { exp: AT + 900 },
    seal: async (config, record) => sealTicket(config, record as never),
    open: openTicket,
  },
  'stored grant': {
    seal: async ({ keyring }, record) =>
      createVault(keyring, 's', trail).sealGrant('k', record as never),
    open: async ({ keyring }, sealed) =>
      createVault(keyring, 's', trail).openGrant({ scope_set_key: 'k', sealed }),
  },
  'stored access token': {
    seal: async ({ keyring }, record) =>
      createVault(keyring, 's', trail).sealToken('k', record as never),
    open: async ({ keyring }, sealed) =>
      createVault(keyring, 's', trail).openToken({ scope_set_key: 'k', sealed } as never),
  },
  'held consent': {
    seal: async ({ keyring }, record) =>
      createVault(keyring, 's', trail).sealConsent('id', record as never),
    open: async ({ keyring }, sealed) =>
      createVault(keyring, 's', trail).openConsent({ id: 'id', sealed } as never),
  },
  'access token in KV': {
    needs: { expires_at: AT + 3600 },
    seal: async ({ keyring }, record) => {
      await writeToken(env.TOKENS, keyring, tokenKey('s', 'kv'), record as never, AT)
      return (await env.TOKENS.get(tokenKey('s', 'kv'))) ?? ''
    },
    open: async ({ keyring }, sealed) => {
      await env.TOKENS.put(tokenKey('s', 'kv'), sealed)
      return readToken(env.TOKENS, keyring, tokenKey('s', 'kv'), () => {})
    },
  },
}

/** Records of whatever is JSON, with whatever the form needs. */
const recordOf = ({ needs = {} }: Form): fc.Arbitrary<Json> =>
  fc
    .dictionary(fc.string({ unit: 'binary', maxLength: 20 }), fc.jsonValue({ maxDepth: 2 }), {
      maxKeys: 5,
    })
    .map((more) => JSON.parse(JSON.stringify({ ...more, ...needs })))

const BASE64URL = [...'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_']
const few = { numRuns: 60 }

describe.each(Object.entries(FORMS))('a %s', (_, form) => {
  it('opens as it was sealed (property)', async () => {
    await fc.assert(
      fc.asyncProperty(recordOf(form), async (record) => {
        const opened = await form.open(ours, await form.seal(ours, record))
        expect(JSON.parse(JSON.stringify(opened))).toEqual(record)
      }),
      few,
    )
  })

  it('does not open with any one character replaced, added or left out (property; TMB-53)', async () => {
    const sealed = await form.seal(ours, { ...form.needs })
    expect(await form.open(ours, sealed)).toBeDefined()
    // The last characters of a part spell bits that stand for nothing: those are the likely slips.
    const ends = [...sealed.matchAll(/.(?=\.|$)/g)].map(({ index }) => index)
    const at = fc.oneof(fc.constantFrom(...ends), fc.nat(sealed.length - 1))
    const letter = fc.constantFrom(...BASE64URL, '.', '=', '+', '/', '%', '~')
    const put = fc.oneof(
      letter,
      fc.constant(''),
      fc.tuple(letter, letter).map((two) => two.join('')),
    )
    await fc.assert(
      fc.asyncProperty(at, put, async (at, put) => {
        const changed = sealed.slice(0, at) + put + sealed.slice(at + 1)
        fc.pre(changed !== sealed)
        expect(await form.open(ours, changed)).toBeUndefined()
      }),
      { numRuns: 300 },
    )
  })

  it('has one spelling only, whatever a reader of base64url forgives (RFC 4648 §3.5)', async () => {
    const sealed = await form.seal(ours, { ...form.needs })
    for (const { index, 0: last } of sealed.matchAll(/.(?=\.|$)/g)) {
      const others = BASE64URL.filter((letter) => letter !== last)
      for (const put of [...others, `${last}=`, `${last}==`, `${last} `, ` ${last}`, `${last}\n`]) {
        const text = sealed.slice(0, index) + put + sealed.slice(index + 1)
        expect(await form.open(ours, text)).toBeUndefined()
      }
    }
  })

  it('opens as nothing else (TMB-53, TMB-55)', async () => {
    const sealed = await form.seal(ours, { ...form.needs })
    for (const other of Object.values(FORMS).filter((other) => other !== form))
      expect(await other.open(ours, sealed)).toBeUndefined()
  })

  it('opens under an older key, and under no other of whatever kid (TMB-55)', async () => {
    const sealed = await form.seal(ours, { ...form.needs })
    expect(await form.open(brokerOf(`${K2},${K1}`), sealed)).toBeDefined()
    expect(await form.open(brokerOf(K2), sealed)).toBeUndefined()
    expect(await form.open(brokerOf(K2.replace('k2', 'k1')), sealed)).toBeUndefined()
  })

  it.runIf(form.ends)('opens until it ends, and not in that moment any more', async () => {
    const sealed = await form.seal(ours, { ...form.needs })
    const end = (AT + (form.ends ?? 0)) * 1000
    vi.setSystemTime(end - 1)
    expect(await form.open(ours, sealed)).toBeDefined()
    vi.setSystemTime(end)
    expect(await form.open(ours, sealed)).toBeUndefined()
  })

  it.runIf(form.maxLength)('is not even opened where it is too long (TMB-73)', async () => {
    const { maxLength = 0 } = form
    const decrypt = vi.spyOn(crypto.subtle, 'decrypt')
    for (let pad = (maxLength * 3) / 4 - 400, isOver = false; !isOver; pad++) {
      const sealed = await form.seal(ours, { ...form.needs, pad: 'x'.repeat(pad) })
      isOver = sealed.length > maxLength
      if (sealed.length < maxLength - 2) continue
      decrypt.mockClear()
      expect((await form.open(ours, sealed)) === undefined).toBe(isOver)
      expect(decrypt).toHaveBeenCalledTimes(isOver ? 0 : 1)
    }
    decrypt.mockRestore()
  })

  it.skipIf(!form.isOfUrl)('is nothing to another broker with the same keys', async () => {
    const other = brokerOf(K1, { BASE_URL: 'https://other.example' })
    expect(await form.open(other, await form.seal(ours, { ...form.needs }))).toBeUndefined()
  })

  it('is read of any text without a throw, and no text that is not sealed opens (property; TMB-54)', async () => {
    const sealed = await form.seal(ours, { ...form.needs })
    const parts = sealed.split('.')
    const odd = fc.oneof(
      fc.string({ unit: 'binary', maxLength: 200 }),
      fc.constantFrom('\0', '\ud800', '__proto__', 'x'.repeat(20_000), '....', sealed.repeat(20)),
      fc.shuffledSubarray(parts, { minLength: 1 }).map((some) => some.join('.')),
      fc.json().map((json) => `${btoa(encodeURIComponent(json))}....`),
    )
    await fc.assert(
      fc.asyncProperty(odd, async (text) => {
        fc.pre(text !== sealed)
        expect(await form.open(ours, text)).toBeUndefined()
      }),
      few,
    )
  })
})
