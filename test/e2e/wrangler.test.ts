/** What `wrangler.toml` guarantees: one host name, no query strings in logs, no secret in a variable. */

import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseEnv } from 'node:util'
import { expect, it } from 'vitest'
import { unstable_readConfig as readConfig, type Unstable_Config } from 'wrangler'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const config: Unstable_Config = readConfig({ config: join(ROOT, 'wrangler.toml') })

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

it('is described to Cloudflare’s deploy button: every binding, setting and secret, and no secret has a value', async () => {
  const { bindings } = JSON.parse(await readFile(join(ROOT, 'package.json'), 'utf8')).cloudflare
  const secrets = config.secrets?.required ?? []
  const names = [
    ...[...secrets, ...Object.keys(config.vars)],
    ...config.kv_namespaces.map(({ binding }) => binding),
    ...config.durable_objects.bindings.map(({ name }) => name),
    ...config.ratelimits.map(({ name }) => name),
  ]
  expect(Object.keys(bindings).sort()).toEqual(names.sort())
  const example = parseEnv(await readFile(join(ROOT, '.dev.vars.example'), 'utf8'))
  expect(example).toEqual(Object.fromEntries(secrets.map((name) => [name, ''])))
})

it('needs no KV namespace id, because deploying creates the namespace', () => {
  expect(config.kv_namespaces).toEqual([{ binding: 'TOKENS' }])
})
