/** This file is a hold: a test keeps calls back until it has seen what happens meanwhile. In-process only. */

import { matches } from './vocabulary.ts'

/** Calls held back at one endpoint. */
export interface Hold {
  readonly at: string
  /** How many calls wait. */
  readonly waiting: number
  /** Settles when the first call waits here. */
  readonly arrived: Promise<void>
  /** Lets every call go on, and later ones pass. */
  release(): void
  /** Waits until `release`; for the simulator. */
  wait(): Promise<void>
}

/** Begins to hold calls back. */
export function createHold(holds: Set<Hold>, at: string): Hold {
  const arrived = Promise.withResolvers<void>()
  const released = Promise.withResolvers<void>()
  let waiting = 0
  const hold: Hold = {
    at,
    get waiting() {
      return waiting
    },
    arrived: arrived.promise,
    release() {
      holds.delete(hold)
      released.resolve()
    },
    async wait() {
      waiting += 1
      arrived.resolve()
      await released.promise
      waiting -= 1
    },
  }
  holds.add(hold)
  return hold
}

/** Waits while a call is held back. */
export async function waitForHolds(holds: Set<Hold>, at: string): Promise<void> {
  await Promise.all([...holds].filter((hold) => matches(hold.at, at)).map((hold) => hold.wait()))
}
