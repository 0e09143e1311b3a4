/** Sides with KV in memory: their own cost without that of the local runtime's KV, which is larger than all else. */

/** The Worker that wraps them, each in the same way. */
export const IN_MEMORY = 'workers/kv-in-memory.ts'

/** Makes the name of such a side. */
export function inMemory(side: string): string {
  return `${side} in memory`
}
