/** A hold: keeps calls at an endpoint waiting until a test releases them. For tests in the same process. */

import { matches } from './vocabulary.ts'

/** A hold at one endpoint. */
export interface Hold {
  readonly at: string
  /** How many calls wait at present. */
  readonly waiting: number
  /** Resolves when the first call waits. */
  readonly arrived: Promise<void>
  /** Lets the waiting calls and all later ones continue. */
  release(): void
  /** Waits until `release`; called by the simulator. */
  wait(): Promise<void>
}

/** Starts a hold. */
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

/** Waits for all holds at an endpoint. */
export async function waitForHolds(holds: Set<Hold>, at: string): Promise<void> {
  await Promise.all([...holds].filter((hold) => matches(hold.at, at)).map((hold) => hold.wait()))
}
