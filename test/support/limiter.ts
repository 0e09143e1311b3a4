/** A rate limiter as Cloudflare's, which counts in memory. */

/** A limiter that lets the first requests of each key pass. */
export interface Limiter extends RateLimit {
  /** How often each key was counted. */
  readonly counted: Map<string, number>
}

/** Makes a limiter. @param most how many requests of a key pass */
export function openLimiter(most: number): Limiter {
  const counted = new Map<string, number>()
  return {
    counted,
    async limit({ key }) {
      const count = (counted.get(key) ?? 0) + 1
      counted.set(key, count)
      return { success: count <= most }
    },
  }
}
