/** This file is how the bench says what it is doing: a line on stderr, with the time since it began. */

const began_at = performance.now()

/** Says something. */
export function say(text: string): void {
  const seconds = Math.round((performance.now() - began_at) / 1000)
  const time = `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
  process.stderr.write(`${time.padStart(6)}  ${text}\n`)
}
