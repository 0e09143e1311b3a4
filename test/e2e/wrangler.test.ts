/** What `wrangler.toml` guarantees: one host name, no query strings in logs, no secret in a variable. */

import { fileURLToPath } from 'node:url'
import { expect, it } from 'vitest'
import { unstable_readConfig as readConfig } from 'wrangler'

const config = readConfig({
  config: fileURLToPath(new URL('../../wrangler.toml', import.meta.url)),
})

it('serves the host name of BASE_URL and no other (TMB-83)', () => {
  expect(config.workers_dev).toBe(false)
  expect(config.preview_urls).toBe(false)
})

it('keeps query strings, which hold codes and states, out of the logs (TMB-75)', () => {
  expect(config.observability).toMatchObject({ enabled: true, redact_query_string: true })
})

it('holds no secret in a variable (TMB-82)', () => {
  expect(config.secrets?.required).toEqual([
    'GOOGLE_CLIENT_SECRET',
    'ENCRYPTION_KEYS',
    'PSEUDONYM_KEY',
  ])
  for (const name of config.secrets?.required ?? []) expect(config.vars).not.toHaveProperty(name)
})

it('needs no KV namespace id, because deploying creates the namespace', () => {
  expect(config.kv_namespaces).toEqual([{ binding: 'TOKENS' }])
})
