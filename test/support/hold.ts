/** A hold: calls wait in it until a test has seen what happens in the meantime. */

/** Calls that wait. */
export interface Hold {
  /** How many calls came so far. */
  calls(): number
  /** Waits until the first call is here. */
  arrived(): Promise<void>
  /** Lets every call go on, and later ones pass. */
  release(): void
  /** The calls' side: waits until `release`. */
  pass(): Promise<void>
}

/** Makes a hold; one that is open only counts. */
export function createHold({ isOpen = false } = {}): Hold {
  let calls = 0
  let isReleased = isOpen
  return {
    calls: () => calls,
    arrived: async () => until(() => calls > 0),
    release() {
      isReleased = true
    },
    async pass() {
      calls++
      await until(() => isReleased)
    },
  }
}

/** Looks again and again: in workerd, one request may not settle a promise of another. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}
