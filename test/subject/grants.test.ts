/** This file is the tests of which grant serves a scope set, what is told where none does, and what goes with a grant. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it, vi } from 'vitest'
import { now } from '../../src/clock.ts'
import { sha256 } from '../../src/crypto/digest.ts'
import { parseScope } from '../../src/scope/scopes.ts'
import type { Grant } from '../../src/subject/grant.ts'
import {
  consentRequired,
  createGrants,
  type Grants,
  grantedOf,
  scopeSetKey,
} from '../../src/subject/grants.ts'
import { type Ledger, openLedger } from '../../src/subject/ledger.ts'
import { createVault, type Vault } from '../../src/subject/vault.ts'
import { the, theConfig } from '../support/broker.ts'
import { later, stage } from '../support/story.ts'

stage()

const pick = parseScope(the.pick)
const upload = parseScope(the.upload)
const album = parseScope(the.album)
const all = parseScope(`${the.pick} ${the.album}`)

interface Given {
  grants: Grants
  ledger: Ledger
  vault: Vault
  /** What KV has to be told of. */
  noted: string[]
}

async function inGrants(work: (given: Given) => Promise<void>): Promise<void> {
  const stub = env.SUBJECTS.getByName(crypto.randomUUID())
  await runInDurableObject(stub, async (_, { storage }) => {
    const ledger = openLedger(storage)
    const vault = createVault(theConfig().keyring, 'ada', { record: () => {} })
    const noted: string[] = []
    const publisher = {
      token: (scopes: string) => void noted.push(`token ${scopes}`),
      grant: (scopes: string) => void noted.push(`grant ${scopes}`),
      ...{ allTokens: () => {}, flush: async () => {} },
    }
    await work({ grants: createGrants(ledger, vault, publisher), ledger, vault, noted })
  })
}

/** Keeps a grant of these scopes; @returns its key. */
async function keep(
  { ledger, vault }: Given,
  scopes = pick,
  { refreshed_at = now(), ...more }: Partial<Grant> & { refreshed_at?: number } = {},
): Promise<string> {
  const grant: Grant = {
    ...{ v: 1, sub: 'ada', refresh_token: 'r', generation: 'g', issued_before: 0 },
    ...{ granted_at: now(), scope: scopes.join(' '), ...more },
  }
  const key = await scopeSetKey(scopes)
  const { generation, granted_at } = grant
  const sealed = await vault.sealGrant(key, grant)
  ledger.put('grants', { scopes: key, generation, granted_at, refreshed_at, sealed })
  return key
}

it('a scope set is served by its own grant, else by the narrowest that covers it', async () => {
  await inGrants(async (given) => {
    const { grants } = given
    expect(await grants.find(upload)).toBeUndefined()
    const [whole, own] = [await keep(given, all), await keep(given, album)]
    await keep(given)
    expect((await grants.find(upload))?.row.scopes).toBe(own)
    expect((await grants.find(album))?.row.scopes).toBe(own)
    expect((await grants.find(all))?.row.scopes).toBe(whole)
    expect(await grants.own(upload)).toBeUndefined()
    expect((await grants.all()).length).toBe(3)
  })
})

it.each<{ what: string; note: (grants: Grants, key: string) => void }>([
  { what: 'was forgotten', note: (grants, key) => grants.note(key, 'forgotten') },
  { what: 'Google did not narrow to', note: (grants, key) => grants.noteUnnarrowable(key) },
])(
  'a scope set that $what is served by none but its own, until it is granted anew',
  async (row) => {
    await inGrants(async (given) => {
      const { grants } = given
      await keep(given, album)
      const key = await scopeSetKey(upload)
      row.note(grants, key)
      expect(await grants.find(upload)).toBeUndefined()
      await keep(given, upload)
      expect((await grants.find(upload))?.row.scopes).toBe(key)
      given.ledger.remove('grants', key)
      grants.forgetNotes(key)
      expect((await grants.find(upload))?.row.scopes).toBe(await scopeSetKey(album))
    })
  },
)

it('why a scope set has no grant is told as the last that was noted; what was forgotten stays so', async () => {
  await inGrants(async ({ grants, ledger }) => {
    const key = await scopeSetKey(album)
    const missing_scope = the.album
    expect(await grants.whyNot(album)).toEqual({ reason: 'never_granted', missing_scope })
    grants.note(key, 'partial', upload)
    const part = { reason: 'partially_granted', missing_scope: the.upload }
    expect(await grants.whyNot(album)).toEqual(part)
    grants.note(key, 'partial', album)
    expect(await grants.whyNot(album)).toEqual({ ...part, missing_scope })
    grants.note(key, 'unavailable')
    expect(await grants.whyNot(album)).toBe('unavailable')
    grants.note(key, 'ended')
    const ended = { reason: 'ended', missing_scope }
    expect(await grants.whyNot(album)).toEqual({ ...ended, likely_cause: 'unknown' })
    later(1)
    grants.note(key, 'forgotten')
    expect(ledger.find('endings', key)).toMatchObject({ kind: 'forgotten', at: now() })
    const forgotten = { ...ended, likely_cause: 'revoked_by_user' }
    expect(await grants.whyNot(album)).toEqual(forgotten)
    later(1)
    grants.note(key, 'partial', upload)
    expect(await grants.whyNot(album)).toEqual(part)
    expect(ledger.find('endings', key)).toMatchObject({ kind: 'forgotten', at: now() - 1 })
    grants.note(key, 'ended')
    expect(await grants.whyNot(album)).toEqual(forgotten)
    later(1)
    grants.note(key, 'forgotten')
    expect(ledger.find('endings', key)).toMatchObject({ kind: 'forgotten', at: now() })
    grants.forgetNotes(key)
    expect(await grants.whyNot(album)).toEqual({ reason: 'never_granted', missing_scope })
  })
})

it('a refusal says so, and a bundle that even its own grant cannot serve is the operator’s to mend', async () => {
  await inGrants(async ({ grants }) => {
    expect(await consentRequired(grants, pick, 'because')).toMatchObject({
      failure: {
        ...{ code: 'consent_required', reason: 'because' },
        members: { reason: 'never_granted', missing_scope: the.pick },
      },
    })
    grants.note(await scopeSetKey(pick), 'unavailable')
    expect(await consentRequired(grants, pick, 'because')).toMatchObject({
      failure: { code: 'server_error', reason: 'bundle_unavailable' },
    })
  })
})

it('a grant that does not open is none, and is told as one that ended', async () => {
  await inGrants(async (given) => {
    const { grants, ledger } = given
    const key = await keep(given, album)
    const row = ledger.find('grants', key)
    if (row) ledger.put('grants', { ...row, sealed: 'x' })
    expect([await grants.own(album), await grants.find(album), await grants.account()]).toEqual([
      ...[undefined, undefined, undefined],
    ])
    expect(await grants.all()).toEqual([])
    expect(await grants.whyNot(album)).toEqual({
      ...{ reason: 'ended', missing_scope: the.album, likely_cause: 'unknown' },
    })
  })
})

it('a grant is doubtful while its last refresh brought another scope', async () => {
  await inGrants(async (given) => {
    const { grants } = given
    const key = await scopeSetKey(pick)
    grants.note(key, 'partial', pick)
    expect(await grants.isDoubtful(pick)).toBe(false)
    await keep(given)
    expect(await grants.isDoubtful(pick)).toBe(true)
    grants.note(key, 'unavailable')
    expect(await grants.isDoubtful(pick)).toBe(true)
    grants.note(key, 'ended')
    expect(await grants.isDoubtful(pick)).toBe(false)
    grants.forgetNotes(key)
    expect(await grants.isDoubtful(pick)).toBe(false)
  })
})

it('a grant is current until it is replaced or removed, and its account is the subject’s', async () => {
  await inGrants(async (given) => {
    const { grants } = given
    expect(await grants.account()).toBeUndefined()
    const key = await keep(given)
    const held = await grants.own(pick)
    if (!held) throw new Error('no grant')
    expect(await grants.account()).toBe('ada')
    expect(grants.isCurrent(held)).toBe(true)
    await keep(given, pick, { generation: 'another' })
    expect(grants.isCurrent(held)).toBe(false)
    await keep(given)
    grants.remove(key)
    expect(grants.isCurrent(held)).toBe(false)
  })
})

it('with a grant go its back-off and the tokens that are of it or of its scopes, and KV is told', async () => {
  await inGrants(async (given) => {
    const { grants, ledger, noted } = given
    const key = await keep(given)
    const put = (scopes: string, grant_scopes: string): void =>
      ledger.put('tokens', { scopes, grant_scopes, expires_at: 1, sealed: '' })
    put(key, 'wider')
    put('narrower', key)
    put('other', 'other')
    ledger.put('back_offs', { scopes: key, failures: 1, not_before: 1 })
    expect(grants.timesDropped(key)).toBe(0)
    grants.remove(key)
    expect(grants.timesDropped(key)).toBe(1)
    expect(grants.timesDropped('other')).toBe(0)
    expect([ledger.all('grants'), ledger.all('back_offs')]).toEqual([[], []])
    expect(ledger.all('tokens').map(({ scopes }) => scopes)).toEqual(['other'])
    expect(noted.sort()).toEqual([`grant ${key}`, 'token narrower', `token ${key}`].sort())
    grants.dropTokens(key)
    expect(grants.timesDropped(key)).toBe(2)
  })
})

const HOUR = 60 * 60

it.each([
  { what: 'alone', other: undefined, cause: 'revoked_by_user' },
  { what: 'explained by Google', other: undefined, explained: true, cause: 'unknown' },
  { what: 'known', other: undefined, known: 'time_limited_access', cause: 'time_limited_access' },
  {
    what: 'beside an older one that lived an hour longer',
    other: [1, HOUR],
    cause: 'revoked_by_user',
  },
  { what: 'beside an older one that lived on', other: [1, HOUR + 1], cause: 'unknown' },
  { what: 'beside one as old', other: [0, HOUR + 1], cause: 'revoked_by_user' },
  { what: 'after a hundred consents more', issued: 101, cause: 'too_many_grants' },
  { what: 'after as many as are allowed', issued: 100, cause: 'revoked_by_user' },
] as const)('a grant that ends $what is told as $cause', async (row) => {
  await inGrants(async (given) => {
    const { grants, ledger } = given
    const key = await keep(given)
    if ('other' in row && row.other) {
      const [older, longer] = row.other
      await keep(given, upload, { granted_at: now() - older, refreshed_at: now() + longer })
    }
    if ('issued' in row) ledger.note('issued', row.issued)
    const held = await grants.own(pick)
    if (!held) throw new Error('no grant')
    grants.end(held, 'explained' in row, 'known' in row ? row.known : undefined)
    expect(ledger.find('grants', key)).toBeUndefined()
    expect(ledger.find('endings', key)?.kind).toBe('ended')
    expect(await grants.whyNot(pick)).toEqual({
      ...{ reason: 'ended', missing_scope: the.pick, likely_cause: row.cause },
    })
  })
})

it('what the broker asks on its own behalf is no part of a bundle, unless the bundle asks for it', () => {
  const granted = parseScope(`openid offline_access ${the.pick}`)
  expect(grantedOf(granted, pick)).toEqual(pick)
  expect(grantedOf(granted, parseScope(`openid ${the.pick}`))).toEqual(
    parseScope(`openid ${the.pick}`),
  )
})

it('a scope set has one name, the hash of its spelling, which is worked out once', async () => {
  const scopes = parseScope(`${the.upload} openid`)
  const hashing = vi.spyOn(crypto.subtle, 'digest')
  const key = await scopeSetKey(scopes)
  expect(await scopeSetKey(scopes)).toBe(key)
  expect(hashing).toHaveBeenCalledOnce()
  expect(await scopeSetKey(parseScope(`openid ${the.upload}`))).toBe(key)
  expect(key).toBe(await sha256([...scopes].join(' ')))
  expect(await scopeSetKey(pick)).not.toBe(key)
})
