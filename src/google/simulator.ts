/** A simulator of Google on this machine: it is the issuer, the media host and both Photos APIs. */

import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/urls.ts'

/** Finds the origin of the simulator; `undefined` with the real Google. */
export function simulatorOrigin({ issuer }: Config): string | undefined {
  const url = new URL(issuer)
  return isLoopback(url) ? url.origin : undefined
}

/** Finds the base addresses of the simulated Photos APIs. */
export function simulatedApis(config: Config): { picker: string; library: string } | undefined {
  const origin = simulatorOrigin(config)
  return origin === undefined
    ? undefined
    : { picker: `${origin}/photospicker`, library: `${origin}/photoslibrary` }
}
