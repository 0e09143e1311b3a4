/** The audit log over a real queue, with the producer that `wrangler.toml` shows (TMB-76). */

import { randomBytes } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { createTestHarness, experimental_readRawConfig, type TestHarness } from 'wrangler'

const ROOT = new URL('../../', import.meta.url)
const config = fileURLToPath(new URL('wrangler.toml', ROOT))
const url = 'http://localhost:8787'

let harness: TestHarness

beforeAll(async () => {
  const { rawConfig } = experimental_readRawConfig({ config })
  const { secrets: _required, ...broker } = rawConfig
  const vars = {
    ...{ ...rawConfig.vars, BASE_URL: url, GOOGLE_CLIENT_ID: 'e2e-client' },
    GOOGLE_CLIENT_SECRET: 'e2e-secret-of-the-broker',
    ENCRYPTION_KEYS: `k1:${randomBytes(32).toString('base64url')}`,
    PSEUDONYM_KEY: randomBytes(32).toString('base64url'),
  }
  harness = createTestHarness({
    root: fileURLToPath(ROOT),
    workers: [
      { config: { ...broker, vars, queues: { producers: [shownProducer()] } } as never },
      {
        config: {
          name: 'auditor',
          main: 'test/e2e/support/auditor.ts',
          compatibility_date: rawConfig.compatibility_date ?? '',
          queues: { consumers: [{ queue: shownProducer().queue, max_batch_timeout: 1 }] },
          services: [{ binding: 'BROKER', service: broker.name ?? '', entrypoint: 'Operator' }],
        },
      },
    ],
  })
  await harness.listen()
})

afterAll(() => harness?.close())

/** The producer in the comment of `wrangler.toml`. */
function shownProducer(): { binding: string; queue: string } {
  const [, binding = '', queue = ''] =
    /^# \[\[queues\.producers\]\]\n# binding = "(\w+)"\n# queue = "(\w+)"$/m.exec(
      readFileSync(config, 'utf8'),
    ) ?? []
  return { binding, queue }
}

it('delivers the audit records to the consumer of the queue, and none of a stranger (TMB-76)', async () => {
  const foreign = { method: 'POST', headers: { Origin: 'https://evil.example' } }
  expect((await harness.fetch(`${url}/session/token`, foreign)).status).toBe(403)
  const auditor = harness.getWorker('auditor')
  await auditor.fetch('http://auditor/list')
  await vi.waitFor(
    async () => {
      const records = await (await auditor.fetch('http://auditor/')).json()
      expect(records).toEqual([
        expect.objectContaining({ event: 'operator_list', operator: 'ada', subjects: 0 }),
      ])
    },
    { timeout: 60_000, interval: 200 },
  )
})
