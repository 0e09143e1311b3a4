/** The production build of the broker in wrangler's test harness. */

import { spawnSync } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { createTestHarness, type TestHarness } from 'wrangler'
import { type Browser, type Internet, openBrowser } from '../../support/browser.ts'

/** The broker, running. */
export interface RunningBroker {
  url: string
  harness: TestHarness
  /** Sends a request to the broker, or over loopback to any other host. */
  fetch: Internet
  /** Opens a browser that reaches the broker, and all other hosts over loopback. */
  browser(): Browser
  [Symbol.asyncDispose](): Promise<void>
}

/** Makes a test harness. When this process ends early, `workerd` would stay: so its children end with it. */
export function createHarness(options: Parameters<typeof createTestHarness>[0]): TestHarness {
  process.once('exit', () => spawnSync('pkill', ['-KILL', '-P', String(process.pid)]))
  return createTestHarness(options)
}

/** Starts the broker; `vars` override those of `wrangler.toml`. */
export async function startBroker(vars: Record<string, unknown>): Promise<RunningBroker> {
  const url = 'http://localhost:8787'
  const harness = createHarness({
    root: new URL('../../..', import.meta.url).pathname,
    workers: [
      {
        configPath: 'wrangler.toml',
        vars: { BASE_URL: url, GOOGLE_CLIENT_ID: 'e2e-client', ...vars } as never,
        secrets: {
          GOOGLE_CLIENT_SECRET: 'e2e-secret-of-the-broker',
          ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64url')}`,
          PSEUDONYM_KEY: randomBytes(32).toString('base64url'),
        },
      },
    ],
  })
  await harness.listen()
  const internet: Internet = async (request) =>
    request.url.startsWith(url)
      ? ((await harness.fetch(request.url, {
          method: request.method,
          headers: [...request.headers],
          redirect: 'manual',
          ...(request.body ? { body: await request.text() } : {}),
        })) as unknown as Response)
      : fetch(request)
  return {
    url,
    harness,
    fetch: internet,
    browser: () => openBrowser(internet),
    [Symbol.asyncDispose]: () => harness.close(),
  }
}
