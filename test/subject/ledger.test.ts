/** This file is the tests of the ledger: what it says is what was written last, also where it remembers what it read. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { type Ledger, openLedger, type SessionRow } from '../../src/subject/ledger.ts'
import { stage } from '../support/story.ts'

stage()

const SESSION: SessionRow = { id: 's', line: 'l', created_at: 1, seen_at: 1, kid: 'k1' }

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
