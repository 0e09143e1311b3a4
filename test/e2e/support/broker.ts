/** This file is the production build of the broker in workerd, on a host name of its own, for end-to-end tests. */

import { randomBytes } from 'node:crypto'
import { createTestHarness, type TestHarness } from 'wrangler'
import { type Browser, type Internet, openBrowser } from '../../support/browser.ts'

/** The broker, running. */
export interface RunningBroker {
  url: string
  harness: TestHarness
  /** Sends a request to the broker by its own name, and any other over loopback. */
  fetch: Internet
  /** A browser that reaches the broker by its own name and everything else over loopback. */
  browser(): Browser
  [Symbol.asyncDispose](): Promise<void>
}

/** Starts the broker; `vars` come over those of `wrangler.toml`. */
export async function startBroker(vars: Record<string, unknown>): Promise<RunningBroker> {
  const url = 'http://localhost:8787'
  const harness = createTestHarness({
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
