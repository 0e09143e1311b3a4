/** A queue that runs one task at a time. */

/** Makes a queue: each task starts when the one before it has settled, whether that failed or not. */
export function createSerialQueue(): <T>(task: () => Promise<T>) => Promise<T> {
  let last = Promise.resolve()
  const settle = (): void => {} // drops the result, so that no token stays in memory
  return (task) => {
    const result = last.then(task)
    last = result.then(settle, settle)
    return result
  }
}
