/** A hold: calls wait in it until the test releases them. */

/** A hold on calls. */
export interface Hold {
  /** Number of calls so far. */
  calls(): number
  /** Waits for the first call. */
  arrived(): Promise<void>
  /** Releases every call, also later ones. */
  release(): void
  /** Called by the calls: waits for `release`. */
  pass(): Promise<void>
}

/** Makes a hold; an open one only counts. */
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

/** Polls a condition, because in workerd one request may not settle a promise of another. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resolve) => setTimeout(resolve, 1))
}
