/** This file is the tests of the back-off: how long Google is left alone, failure by failure. */

import { runInDurableObject } from 'cloudflare:test'
import { env } from 'cloudflare:workers'
import { expect, it } from 'vitest'
import { backOff, backOffLeft } from '../../src/subject/back-off.ts'
import { openLedger } from '../../src/subject/ledger.ts'
import { later, stage } from '../support/story.ts'

stage()

it('is 1, 2, 4 … seconds and a minute at most, or as long as Google said, and of one grant alone', async () => {
  const stub = env.SUBJECTS.getByName(crypto.randomUUID())
  await runInDurableObject(stub, (_, { storage }) => {
    const ledger = openLedger(storage)
    expect(backOffLeft(ledger, 'a')).toBe(0)
    for (const pause of [1, 2, 4, 8, 16, 32, 60, 60]) {
      expect(backOff(ledger, 'a')).toBe(pause)
      expect(backOffLeft(ledger, 'a')).toBe(pause)
      later(0.25)
      expect(backOffLeft(ledger, 'a')).toBe(pause - 0.25)
    }
    expect(backOff(ledger, 'a', 100)).toBe(100)
    expect(backOffLeft(ledger, 'b')).toBe(0)
    expect(backOff(ledger, 'b', 1.5)).toBe(1.5)
    later(1.5)
    expect(backOffLeft(ledger, 'b')).toBe(0)
    later(200)
    expect(backOffLeft(ledger, 'a')).toBe(0)
  })
})
