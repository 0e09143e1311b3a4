/** Waiting that an `AbortSignal` can end. */

/** Waits for work until the signal is aborted; the work itself goes on. @throws the reason of the signal */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  work.catch(() => {}) // nobody else may wait for it
  signal?.throwIfAborted()
  let abort = (): void => {}
  const abortion = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason)
  })
  signal?.addEventListener('abort', abort)
  try {
    return await Promise.race([work, abortion])
  } finally {
    signal?.removeEventListener('abort', abort) // a signal of the whole page would collect listeners
  }
}

/** Waits for a time in milliseconds. @throws the reason of the signal */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return untilAborted(new Promise((resolve) => setTimeout(resolve, ms)), signal)
}
