/** The production build of the broker in `wrangler dev`, reached over plain sockets. */

import { randomBytes } from 'node:crypto'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { isHealthy, startDevServer } from '../../../src/tools/dev-server.ts'
import { type Browser, openBrowser } from '../../support/browser.ts'
import type { Place } from './start.ts'

/** The broker, running. */
export interface DevBroker {
  /** `BASE_URL`. */
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

/** The broker's client at the provider. */
export const CLIENT = { client_id: 'e2e-client', client_secret: 'e2e-secret-of-the-broker' }

/** Scopes of the bundles `pick` and `upload`. */
export const PICK = 'https://www.googleapis.com/auth/photospicker.mediaitems.readonly'
export const UPLOAD = 'https://www.googleapis.com/auth/photoslibrary.appendonly'

/** Starts the broker on a port; `vars` override those of `wrangler.toml`. */
export async function startDevBroker(
  { home, port }: Place,
  vars: Readonly<Record<string, string>>,
  keys: Keys = { ENCRYPTION_KEYS: `k1:${random()}`, PSEUDONYM_KEY: random() },
): Promise<DevBroker> {
  const url = vars['BASE_URL'] ?? `http://localhost:${port}`
  const none = join(home, 'no.vars') // a developer's own `.dev.vars` would come before the secrets below
  await writeFile(none, '')
  const plan = {
    name: 'broker',
    port,
    health: `${new URL(url).pathname.replace(/\/$/, '')}/healthz`,
    args: ['--config', 'wrangler.toml', '--env-file', none, '--persist-to', home],
    vars: { BASE_URL: url, GOOGLE_CLIENT_ID: CLIENT.client_id, ...vars },
    secrets: { GOOGLE_CLIENT_SECRET: CLIENT.client_secret, ...keys },
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

/** Opens a browser with an empty cookie jar. */
export function newBrowser(): Browser {
  return openBrowser(async (request) => fetch(request))
}

/** Makes a key of 256 bits, base64url. */
export function random(): string {
  return randomBytes(32).toString('base64url')
}

/** SHA-256 in base64url, for the member `rejected`. */
export async function sha256(text: string): Promise<string> {
  const hash = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text))
  return Buffer.from(hash).toString('base64url')
}
