/** This file is the tests of the ledger: what it says is what was written last, also where it remembers what it read. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it, vi } from 'vitest'
import { type Ledger, openLedger, type SessionRow } from '../../src/subject/ledger.ts'
import { stage } from '../support/story.ts'

stage()

const SESSION: SessionRow = { id: 's', line: 'l', created_at: 1, seen_at: 1, kid: 'k1' }
const NOTHING = { likely_cause: null, missing_scope: null }

/** Works with the ledger of an object of its own. */
async function inLedger(work: (ledger: Ledger) => void): Promise<void> {
  const stub = env.SUBJECTS.getByName(crypto.randomUUID())
  await runInDurableObject(stub, (_, { storage }) => work(openLedger(storage)))
}

const seenAt = (ledger: Ledger): number | undefined => ledger.find('sessions', 's')?.seen_at

it.each<{ change: string; make: (ledger: Ledger) => void; left: number | undefined }>([
  { change: 'put', make: (it) => it.put('sessions', { ...SESSION, seen_at: 2 }), left: 2 },
  { change: 'removed', make: (it) => it.remove('sessions', 's'), left: undefined },
  { change: 'cleared', make: (it) => it.clear('sessions'), left: undefined },
])('a row that was read and then $change is found as it is now', async ({ make, left }) => {
  await inLedger((ledger) => {
    ledger.put('sessions', SESSION)
    expect(seenAt(ledger)).toBe(1)
    make(ledger)
    expect(seenAt(ledger)).toBe(left)
  })
})

it('a row that was missed is found once it is there', async () => {
  await inLedger((ledger) => {
    expect(seenAt(ledger)).toBeUndefined()
    ledger.put('sessions', SESSION)
    expect(seenAt(ledger)).toBe(1)
  })
})

it('a change that was taken back was never there, not even for whoever looked meanwhile', async () => {
  await inLedger((ledger) => {
    ledger.put('sessions', SESSION)
    const change = (): void => {
      ledger.put('sessions', { ...SESSION, seen_at: 2 })
      expect(seenAt(ledger)).toBe(2)
      throw new Error('taken back')
    }
    expect(() => ledger.transaction(change)).toThrow('taken back')
    expect(seenAt(ledger)).toBe(1)
  })
})

it('a record that was sealed anew is found so, and only where nothing came between', async () => {
  await inLedger((ledger) => {
    const row = { scopes: 'a', grant_scopes: 'a', expires_at: 1, sealed: 'old' }
    ledger.put('tokens', row)
    expect(ledger.find('tokens', 'a')?.sealed).toBe('old')
    expect(ledger.exchange('tokens', 'old', 'new')).toBe(true)
    expect(ledger.find('tokens', 'a')?.sealed).toBe('new')
    expect(ledger.exchange('tokens', 'old', 'newer')).toBe(false)
  })
})

it('rows of every table are found by their key, and gone once removed', async () => {
  const times = { created_at: 1, seen_at: 1 }
  const due = { failures: 0, not_before: 1 }
  await inLedger((ledger) => {
    ledger.put('sessions', { ...SESSION, ...times })
    ledger.put('grants', {
      scopes: 'a',
      generation: 'g',
      granted_at: 1,
      refreshed_at: 1,
      sealed: '',
    })
    ledger.put('tokens', { scopes: 'a', grant_scopes: 'a', expires_at: 1, sealed: '' })
    ledger.put('endings', { ...{ scopes: 'a', kind: 'ended', at: 1 }, ...NOTHING })
    ledger.put('unnarrowable', { scopes: 'a' })
    ledger.put('back_offs', { scopes: 'a', ...due })
    ledger.put('unpublished', { key: 'k', scopes: 'a', version: 1, ...due })
    ledger.put('pending_grants', { id: 'p', sealed: '', expires_at: 1, redeemed: null })
    ledger.addRevocation({ scopes: 'a', sealed: 'x', ...due })
    const [revocation] = ledger.all('revocations')
    expect(revocation).toEqual({ id: 1, scopes: 'a', sealed: 'x', ...due })
    const keys = {
      ...{ sessions: 's', grants: 'a', tokens: 'a', endings: 'a', unnarrowable: 'a' },
      ...{ back_offs: 'a', unpublished: 'k', pending_grants: 'p', revocations: 1 },
    }
    for (const [name, key] of Object.entries(keys)) {
      const table = name as keyof typeof keys
      const [row] = ledger.all(table)
      expect(ledger.find(table, key)).toEqual(row)
      expect(ledger.find(table, 'another')).toBeUndefined()
      ledger.remove(table, 'another')
      expect(ledger.all(table)).toEqual([row])
      ledger.remove(table, key)
      expect(ledger.all(table)).toEqual([])
    }
  })
})

it('a revocation that failed is counted, and due when it is said to be', async () => {
  await inLedger((ledger) => {
    for (const sealed of ['x', 'y'])
      ledger.addRevocation({ scopes: 'a', sealed, failures: 1, not_before: 2 })
    ledger.retryRevocation(2, 9)
    expect(ledger.all('revocations')).toMatchObject([
      { id: 1, sealed: 'x', failures: 1, not_before: 2 },
      { id: 2, sealed: 'y', failures: 2, not_before: 9 },
    ])
  })
})

it('what is known of the subject is known until it is taken back', async () => {
  await inLedger((ledger) => {
    expect(ledger.fact('issued')).toBeUndefined()
    ledger.note('issued', 2)
    expect(ledger.fact('issued')).toBe(2)
    ledger.note('issued', undefined)
    expect(ledger.fact('issued')).toBeUndefined()
  })
})

it('a ledger of an older version is read on, and opened as often as one likes', async () => {
  const stub = env.SUBJECTS.getByName(crypto.randomUUID())
  await runInDurableObject(stub, (_, { storage }) => {
    storage.sql.exec(
      'CREATE TABLE sessions (id TEXT PRIMARY KEY, line TEXT NOT NULL, created_at REAL NOT NULL, seen_at REAL NOT NULL) STRICT',
    )
    storage.sql.exec("INSERT INTO sessions VALUES ('s', 'l', 1, 1)")
    for (const id of ['t', 'u']) openLedger(storage).put('sessions', { ...SESSION, id })
    expect(openLedger(storage).all('sessions')).toEqual([
      { ...SESSION, kid: null },
      { ...SESSION, id: 't' },
      { ...SESSION, id: 'u' },
    ])
  })
})

it('what was read is remembered: a thousand callers cost one look', async () => {
  const stub = env.SUBJECTS.getByName(crypto.randomUUID())
  await runInDurableObject(stub, (_, { storage }) => {
    const ledger = openLedger(storage)
    ledger.put('sessions', SESSION)
    const looks = vi.spyOn(storage.sql, 'exec')
    for (const key of ['s', 's', 'none', 'none']) ledger.find('sessions', key)
    expect(looks).toHaveBeenCalledTimes(2)
  })
})
