/** Asks a deployed broker whether it works. */

import { setTimeout as pause } from 'node:timers/promises'
import { fail, say } from './command-line.ts'

/** How often to ask, in milliseconds. */
const PAUSE_MS = 2_000

/**
 * Asks `/healthz` until a broker answers, and prints the result.
 *
 * @param seconds how long to ask: a new address is known everywhere after a minute or so
 * @returns the exit code: 0 if the broker works
 */
export async function askHealth(base_url: string, seconds: number): Promise<number> {
  const url = `${base_url.replace(/\/+$/, '')}/healthz`
  const until = Date.now() + seconds * 1_000
  for (;;) {
    const status = await statusOf(url)
    if (status === 'ok') return say(`${url} answers: ok.`)
    if (status === 'error')
      return fail(
        1,
        `${url} answers: error. To read why: npx wrangler tail, and open that address again.`,
      )
    if (Date.now() + PAUSE_MS > until) break
    await pause(PAUSE_MS)
  }
  return fail(
    1,
    `It is deployed, but no broker answers at ${url}. A new domain takes some minutes: then the answer is {"status":"ok"}.`,
  )
}

/** @returns the `status` of the answer; `undefined` if it is not one of a broker */
async function statusOf(url: string): Promise<unknown> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(10_000) })
    return ((await response.json()) as { status?: unknown } | null)?.status
  } catch {
    return undefined
  }
}
