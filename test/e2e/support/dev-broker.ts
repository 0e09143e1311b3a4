/** This file is the broker as `wrangler dev` runs it: nothing but sockets between it and others, where the test harness would read ahead. */

import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { isHealthy, startDevServer } from '../../../src/tools/dev-server.ts'
import type { Place } from './start.ts'

/** The broker, running. */
export interface DevBroker {
  url: string
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts the production Worker on a port; `vars` come over those of `wrangler.toml`. */
export async function startDevBroker(
  { home, port }: Place,
  vars: Readonly<Record<string, string>>,
  { client_id, client_secret }: { client_id: string; client_secret: string },
): Promise<DevBroker> {
  const url = `http://localhost:${port}`
  const plan = {
    name: 'broker',
    port,
    health: '/healthz',
    args: ['--config', 'wrangler.toml', '--persist-to', home],
    vars: { BASE_URL: url, GOOGLE_CLIENT_ID: client_id, ...vars },
    secrets: {
      GOOGLE_CLIENT_SECRET: client_secret,
      ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64url')}`,
      PSEUDONYM_KEY: randomBytes(32).toString('base64url'),
    },
  }
  const server = startDevServer(plan)
  const dispose = async (): Promise<void> => {
    await server.stop()
    await rm(home, { recursive: true })
  }
  if (await isHealthy(plan, AbortSignal.timeout(60_000)))
    return { url, [Symbol.asyncDispose]: dispose }
  await dispose()
  throw new Error('the broker does not work')
}
