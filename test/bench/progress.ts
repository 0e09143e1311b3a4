/** Progress messages of the bench on stderr, with the time since its start. */

const began_at = performance.now()

/** Writes a line. */
export function logProgress(text: string): void {
  const seconds = Math.round((performance.now() - began_at) / 1000)
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  process.stderr.write(`${time.padStart(6)}  ${text}\n`)
}
