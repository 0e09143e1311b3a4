/** The broker in `wrangler dev`: reached over plain sockets, because the test harness would read ahead. */

import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { isHealthy, startDevServer } from '../../../src/tools/dev-server.ts'
import type { Place } from './start.ts'

/** The broker, running. */
export interface DevBroker {
  url: string
  /** Stops it and keeps its storage, for another one in the same folder. */
  stop(): Promise<void>
  [Symbol.asyncDispose](): Promise<void>
}

/** The keys of the broker. */
export interface Keys {
  ENCRYPTION_KEYS: string
  PSEUDONYM_KEY: string
}

/** Starts the production Worker on a port; `vars` override those of `wrangler.toml`. */
export async function startDevBroker(
  { home, port }: Place,
  vars: Readonly<Record<string, string>>,
  { client_id, client_secret }: { client_id: string; client_secret: string },
  keys: Keys = { ENCRYPTION_KEYS: `k1:${random()}`, PSEUDONYM_KEY: random() },
): Promise<DevBroker> {
  const url = `http://localhost:${port}`
  const plan = {
    name: 'broker',
    port,
    health: '/healthz',
    args: ['--config', 'wrangler.toml', '--persist-to', home],
    vars: { BASE_URL: url, GOOGLE_CLIENT_ID: client_id, ...vars },
    secrets: { GOOGLE_CLIENT_SECRET: client_secret, ...keys },
  }
  const server = startDevServer(plan)
  const dispose = async (): Promise<void> => {
    await server.stop()
    await rm(home, { recursive: true, force: true })
  }
  if (await isHealthy(plan, AbortSignal.timeout(60_000)))
    return { url, stop: server.stop, [Symbol.asyncDispose]: dispose }
  await dispose()
  throw new Error('the broker does not work')
}

/** Makes a key of 256 bits, base64url. */
export function random(): string {
  return randomBytes(32).toString('base64url')
}
