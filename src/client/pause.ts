/** This file is waiting, which can be called off. */

/** Lets one caller leave, while the work goes on. */
export async function untilAborted<T>(
  work: Promise<T>,
  signal: AbortSignal | undefined,
): Promise<T> {
  signal?.throwIfAborted()
  let abort = (): void => {}
  const abortion = new Promise<never>((_, reject) => {
    abort = () => reject(signal?.reason)
  })
  signal?.addEventListener('abort', abort)
  try {
    return await Promise.race([work, abortion])
  } finally {
    signal?.removeEventListener('abort', abort) // it may be the signal of the whole page
  }
}

/** Waits. */
export function pause(ms: number, signal?: AbortSignal): Promise<void> {
  return untilAborted(new Promise((resolve) => setTimeout(resolve, ms)), signal)
}
