/** The operator's commands against the production build with connected users. */

import { execFile } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Browser } from '../support/browser.ts'
import {
  CLIENT,
  type DevBroker,
  type Keys,
  newBrowser,
  random,
  sha256,
  startDevBroker,
} from './support/dev-broker.ts'
import { type RunningProvider, startProvider } from './support/provider.ts'
import { findPlace, type Place } from './support/start.ts'

const PEOPLE = Array.from({ length: 8 }, (_, index) => `person-${index}`)
const SCRIPT = new URL('../../src/tools/operator.ts', import.meta.url).pathname

const [k1, k2, PSEUDONYM_KEY] = [`k1:${random()}`, `k2:${random()}`, random()]
const browsers = new Map<string, Browser>()
const output: string[] = []
const tokens = new Set<string>()
let place: Place
let provider: RunningProvider
let broker: DevBroker
let registry: string
/** What `list` answers before there is a user. */
let empty: Result

beforeAll(async () => {
  registry = await mkdtemp(join(tmpdir(), 'photos-token-broker-'))
  process.env['WRANGLER_REGISTRY_PATH'] = join(registry, '.wrangler/registry')
  place = await findPlace()
  provider = await startProvider(place)
  await deploy({ ENCRYPTION_KEYS: k1, PSEUDONYM_KEY })
  empty = await run('list')
  await Promise.all(PEOPLE.map((person) => connect(person, 'pick')))
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await provider?.[Symbol.asyncDispose]()
  await rm(registry, { recursive: true, force: true })
})

async function deploy(keys: Keys): Promise<void> {
  await broker?.stop()
  broker = await startDevBroker(place, { ISSUER: provider.issuer }, keys)
}

async function connect(person: string, bundle: string): Promise<void> {
  const browser = browsers.get(person) ?? newBrowser()
  browsers.set(person, browser)
  const page = await browser.visit(`${broker.url}/connect?bundle=${bundle}&return_to=/app`)
  const { url } = await provider.consent(browser, page, person)
  expect(url.searchParams.get('connect')).toBe('ok')
}

/** Asks for a token; with `rejected`, for another one, so that the provider rotates the refresh token. */
async function ask(person: string, rejected?: string): Promise<{ status: number; token: string }> {
  const more = rejected === undefined ? {} : { rejected: await sha256(rejected) }
  const body = { bundle: 'pick', ...more }
  const response = await browsers.get(person)?.call('POST', `${broker.url}/session/token`, body)
  const answer = (await response?.json()) as { access_token?: string } | undefined
  const token = answer?.access_token ?? ''
  if (token !== '') tokens.add(token)
  return { status: response?.status ?? 0, token }
}

interface Result {
  code: number
  stdout: string
  stderr: string
}

/** Runs a command to its end. */
async function run(...args: string[]): Promise<Result> {
  return execute(process.execPath, [SCRIPT, ...args, '--local', '--as', 'ada'])
}

async function execute(file: string, args: readonly string[], env = process.env): Promise<Result> {
  return new Promise((resolve) => {
    const child = execFile(file, args, { env }, (_, stdout, stderr) => {
      output.push(stdout, stderr)
      resolve({ code: child.exitCode ?? -1, stdout, stderr })
    })
    child.stdin?.end()
  })
}

it('rotates while users refresh and disconnect, and loses nothing', async () => {
  await deploy({ ENCRYPTION_KEYS: `${k2},${k1}`, PSEUDONYM_KEY })
  let isOver = false
  const refreshing = PEOPLE.slice(0, 4).map(async (person) => {
    let rounds = 0
    for (let { token } = await ask(person); !isOver && rounds < 6; rounds++) {
      const next = await ask(person, token)
      expect(next.status).toBe(200)
      expect(next.token).not.toBe(token)
      token = next.token
    }
    return rounds
  })
  const leaving = browsers.get('person-7')?.call('DELETE', `${broker.url}/grants`)
  const rotation = await run('rotate')
  isOver = true
  expect(Math.min(...(await Promise.all(refreshing)))).toBeGreaterThan(0)
  expect((await leaving)?.status).toBe(204)
  expect(rotation).toMatchObject({ code: 0 })
  expect(rotation.stderr).toMatch(/^rotate: \d+ subjects resealed$/m)
  expect(rotation.stdout).toMatch(/^k2: seals now; 14 records, 0 sessions\.$/m)
  expect(rotation.stdout).toMatch(/^k1: no records; 7 sessions began under it\. .* over by 20/m)
})

it('lists nobody before anybody is connected', () => {
  expect(empty).toEqual({ code: 0, stdout: '', stderr: 'No subjects.\n' })
})

it('ends a list quietly when its reader has read enough', async () => {
  const pipe = '"$0" "$1" list --local --as ada | head -1'
  const { stdout, stderr } = await execute('sh', ['-c', pipe, process.execPath, SCRIPT])
  expect(stdout.trim().split('\n')).toHaveLength(1)
  expect(stderr).toBe('')
})

it('lists no subject of another checkout', async () => {
  const { WRANGLER_REGISTRY_PATH: _, ...env } = process.env
  const mine = await run('list')
  const others = await execute(process.execPath, [SCRIPT, 'list', '--local', '--as', 'ada'], {
    ...env,
    XDG_CONFIG_HOME: registry, // where wrangler keeps the registry of all checkouts
  })
  for (const line of mine.stdout.trim().split('\n'))
    expect(others.stdout).not.toContain(line.split(' ')[0])
})

it('lists every subject, and no token', async () => {
  const { code, stdout } = await run('list', '--json')
  expect(code).toBe(0)
  const listed = stdout
    .trim()
    .split('\n')
    .map((line) => JSON.parse(line))
  expect(listed).toHaveLength(7)
  for (const one of listed) {
    expect(one).toMatchObject({ status: 'ok', sessions: 1, pending: 0 })
    expect(one.bundles).toMatchObject([{ bundle: 'pick' }])
  }
})

it('without the old key, ends the sessions made with it and keeps all grants', async () => {
  await deploy({ ENCRYPTION_KEYS: k2, PSEUDONYM_KEY })
  expect(await ask('person-0')).toMatchObject({ status: 401 })
  const before = provider.granted.length
  await connect('person-0', 'upload')
  const { status, token } = await ask('person-0')
  expect(status).toBe(200)
  expect((await ask('person-0', token)).status).toBe(200)
  expect(provider.granted.slice(before).at(-1)).toBe('refresh_token')
})

it('forgets one user after --yes only, also at the provider', async () => {
  const name = ['--client', 'default', '--sub', 'person-0']
  expect((await run('forget', ...name)).code).toBe(1)
  expect((await ask('person-0')).status).toBe(200)
  const before = provider.revoked()
  expect(await run('forget', ...name, '--yes')).toMatchObject({ code: 0 })
  expect(provider.revoked()).toBeGreaterThan(before)
  expect((await ask('person-0')).status).toBe(401)
})

it('explains a wrong command, and a broker that does not run', async () => {
  const wrong = [
    [],
    ['erase'],
    ['forget'],
    ['forget', 'x'],
    ['forget', '--sub', 'x'],
    ['list', 'x'],
  ]
  const runs = wrong.map(async (args) => (await run(...args)).code)
  expect(await Promise.all(runs)).toEqual(wrong.map(() => 2))
  await broker.stop()
  const { code, stderr } = await run('rotate')
  expect(code).toBe(1)
  expect(stderr).toContain('not found')
})

it('prints no token, no key and no name', () => {
  const all = output.join('\n')
  for (const secret of [...tokens, k1.slice(3), k2.slice(3), PSEUDONYM_KEY, CLIENT.client_secret])
    expect(all).not.toContain(secret)
  expect(all).not.toContain('person-')
  expect(tokens.size).toBeGreaterThan(5)
})
