/** `npm run deploy`: what it refuses, and with the real wrangler against a Cloudflare account of the test what it deploys. */

import { execFile } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { unstable_readConfig as readConfig } from 'wrangler'
import { WRANGLER_TOML } from '../../src/tools/command-line.ts'
import { checkDeployment } from '../../src/tools/deploy-check.ts'
import { askHealth } from '../../src/tools/deploy-health.ts'
import { formatSecrets } from '../../src/tools/secrets-file.ts'
import { openCloudflare } from './support/cloudflare.ts'
import { random } from './support/dev-broker.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const HOST = 'photos-token-broker.ada.workers.dev'

let home: string
let config: string
/** A wrangler.toml that can be deployed. */
let right: string

beforeAll(async () => {
  home = await mkdtemp(join(tmpdir(), 'photos-token-broker-'))
  config = join(home, 'wrangler.toml')
  right = (await readFile(WRANGLER_TOML, 'utf8'))
    .replace('http://localhost:8787', `https://${HOST}`)
    .replace('your-client-id', '123-abc')
    .replace(/^workers_dev = false/m, 'workers_dev = true')
    .replace('"src/index.ts"', `"${ROOT}src/index.ts"`)
    .replace('"dist/client"', `"${ROOT}dist/client"`)
})

afterAll(async () => rm(home, { recursive: true }))

/** Changes the right file. */
function changed(...changes: [from: string | RegExp, to: string][]): string {
  return changes.reduce((text, [from, to]) => {
    expect(text).toMatch(from)
    return text.replace(from, to)
  }, right)
}

async function problemsOf(toml: string, secrets = {}): Promise<readonly string[]> {
  await writeFile(config, toml)
  return checkDeployment(readConfig({ config }, { hideWarnings: true }), secrets).problems
}

async function deploy(env: object, ...args: string[]): Promise<{ code: number; output: string }> {
  const script = fileURLToPath(new URL('../../src/tools/deploy.ts', import.meta.url))
  const options = { cwd: ROOT, env: { ...process.env, WRANGLER_SEND_METRICS: 'false', ...env } }
  return new Promise((resolve) => {
    const all = [script, '--config', config, '--file', join(home, '.secrets'), ...args]
    const child = execFile(process.execPath, all, options, (_, stdout, stderr) =>
      resolve({ code: child.exitCode ?? -1, output: stdout + stderr }),
    )
    child.stdin?.end()
  })
}

const DOMAIN: [RegExp, string][] = [[/https:[^"]*workers\.dev/, 'https://broker.acme.dev']]
const route = (pattern: string): [string, string] => [
  'preview_urls = false',
  `routes = [{ pattern = "${pattern}", custom_domain = true }]`,
]

describe('the check before a deployment', () => {
  it('accepts an address of workers.dev, and a domain with its route', async () => {
    expect(await problemsOf(right)).toEqual([])
    for (const pattern of ['broker.acme.dev', '*.acme.dev/*', 'broker.acme.dev/photos*'])
      expect(await problemsOf(changed(...DOMAIN, route(pattern))), pattern).toEqual([])
  })

  it.each<[problem: RegExp, ...changes: [from: string | RegExp, to: string][]]>([
    [/^BASE_URL: is a placeholder/, [HOST, 'photos-token-broker.NAME.workers.dev']],
    [/^BASE_URL: is a placeholder/, [HOST, 'broker.example.com']],
    [/^BASE_URL: is a placeholder/, [`https://${HOST}`, 'http://localhost:8787']],
    [
      /^BASE_URL: is of another Worker\. .* https:\/\/photos-token-broker\./,
      [HOST, 'other.ada.workers.dev'],
    ],
    [/^GOOGLE_CLIENT_ID: is missing/, ['123-abc', 'your-client-id']],
    [/^GOOGLE_CLIENT_ID: is a client secret/, ['123-abc', 'GOCSPX-abc']],
    [
      /^workers_dev: is off, .* workers_dev = true/,
      [/^workers_dev = true/m, 'workers_dev = false'],
    ],
    [/^routes: none is for .*pattern = "broker\.acme\.dev"/, ...DOMAIN],
    [/^routes: none/, ...DOMAIN, route('brokerxacme.dev')],
    [/^\[assets\]: is missing/, [/\[assets\]\n(.+\n)+/, '']],
    [/^CALLBACK_LIMIT: the binding is missing/, ['"CALLBACK_LIMIT"', '"CALLBACKS"']],
    [
      /^CLIENT: is no setting, .*CLIENTS/,
      ['[vars.BUNDLES.pick]', '[vars.CLIENT.x]\na = 1\n[vars.BUNDLES.pick]'],
    ],
    [/^NOTHING_LIKE: is no setting/, ['CONSISTENCY = "edge"', 'NOTHING_LIKE = "a"']],
    [/^STOPPED: names .* bundle:pick/, ['CONSISTENCY = "edge"', 'STOPPED = "bundle:pik"']],
    [
      /^BUNDLES\.pick\.scopes\[0\]: /,
      ['photospicker.mediaitems.readonly', 'photoslibrary.sharing'],
    ],
  ])('names what is wrong: %s', async (problem, ...changes) => {
    expect(await problemsOf(changed(...changes))).toEqual([expect.stringMatching(problem)])
  })

  it('checks the secrets that it knows, and prints none', async () => {
    const problems = await problemsOf(right, {
      ENCRYPTION_KEYS: 'k1:canary',
      STOPPED: 'client:canary',
    })
    expect(problems).toEqual([expect.stringMatching(/^ENCRYPTION_KEYS: entry 1/)])
    expect(await problemsOf(right, { STOPPED: 'client:canary' })).toEqual([
      expect.stringMatching(/^STOPPED: /),
    ])
    expect(problems.join()).not.toContain('canary')
  })
})

describe('npm run deploy', () => {
  it('refuses the placeholders of the repository, and deploys nothing', async () => {
    await using account = await openCloudflare()
    await writeFile(config, await readFile(WRANGLER_TOML))
    const { code, output } = await deploy(account.env)
    expect(code).toBe(1)
    expect(output).toMatch(/wrangler\.toml cannot be deployed:\nGOOGLE_CLIENT_ID: .*\nBASE_URL: /)
    expect(account.uploads).toEqual([])
  })

  it('builds without an account, and names what it could not check', async () => {
    await writeFile(
      config,
      changed(['CONSISTENCY = "edge"', 'SESSION_TTL_SECONDS = 60\nSESSION_IDLE_SECONDS = 61']),
    )
    const { code, output } = await deploy({}, '--dry-run')
    expect(code).toBe(0)
    expect(output).toContain('warning: SESSION_IDLE_SECONDS: is longer than SESSION_TTL_SECONDS')
    expect(output).toMatch(
      /Not checked, because .*: GOOGLE_CLIENT_SECRET, ENCRYPTION_KEYS, PSEUDONYM_KEY\./,
    )
    expect(output).toContain('--dry-run: exiting now.')
  })

  it('brings the secrets along the first time only, and asks whether the broker works', async () => {
    await using account = await openCloudflare()
    await writeFile(config, right)
    const without = await deploy(account.env)
    expect(without.output).toContain('neither at Cloudflare nor in')
    expect(without.output).toContain('npm run setup')
    const secrets = {
      GOOGLE_CLIENT_SECRET: 'a#b\'c"$HOME',
      ENCRYPTION_KEYS: `k1:${random()}`,
      PSEUDONYM_KEY: random(),
    }
    await writeFile(join(home, '.secrets'), formatSecrets(secrets))
    for (const isFirst of [true, false]) {
      const { code, output } = await deploy(account.env, '--wait', '0')
      expect(code).toBe(1) // nothing answers there
      expect(output).toContain(`It is deployed, but no broker answers at https://${HOST}/healthz.`)
      for (const secret of Object.values(secrets)) expect(output).not.toContain(secret)
      const put = account.uploads.at(-1)?.filter(({ type }) => type === 'secret_text') ?? []
      const entries = put.map(({ name, text }) => [name, text])
      expect(Object.fromEntries(entries)).toEqual(isFirst ? secrets : {})
    }
    expect(account.uploads).toHaveLength(2)
  })
})

it.each([
  { body: '{"status":"ok"}', code: 0, words: 'answers: ok.' },
  { body: '{"status":"error"}', code: 1, words: 'answers: error. To read why: npx wrangler tail' },
  { body: '<h1>nginx</h1>', code: 1, words: 'no broker answers at' },
])('the answer $body of /healthz is told', async ({ body, code, words }) => {
  const server = createServer(({ url }, response) => response.end(url === '/a/healthz' ? body : ''))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const printed: unknown[] = []
  for (const stream of [process.stdout, process.stderr])
    vi.spyOn(stream, 'write').mockImplementation((text) => printed.push(text) > 0)
  const { port } = server.address() as AddressInfo
  const result = await askHealth(`http://127.0.0.1:${port}/a/`, 0)
  vi.restoreAllMocks()
  server.close()
  expect(result).toBe(code)
  expect(printed.join('')).toContain(words)
})
