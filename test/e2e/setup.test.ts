/** `npm run setup` as an operator runs it: the real command and the real wrangler, with a stand-in for Cloudflare's API. */

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseEnv } from 'node:util'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { getPlatformProxy } from 'wrangler'
import { clientSecretIn, kidsOf, withNewKey, withoutKey } from '../../src/tools/setup-keys.ts'

const SCRIPT = new URL('../../src/tools/setup.ts', import.meta.url).pathname

let home: string
let cloudflare: Server
/** The secrets of the Worker, by name; `undefined` while there is no Worker. */
let stored: Map<string, string> | undefined
let puts: string[][]

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'photos-token-broker-'))
  stored = undefined
  puts = []
  cloudflare = createServer((request, response) => void serve(request, response))
  await new Promise<void>((resolve) => cloudflare.listen(0, '127.0.0.1', resolve))
})

afterEach(async () => {
  cloudflare.close()
  await rm(home, { recursive: true, force: true })
})

/** The part of Cloudflare's API that wrangler uses: lists secrets, puts some, and creates a Worker as a draft. */
async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
  const body = await text(request)
  const { pathname } = new URL(request.url ?? '', 'http://localhost')
  const answer = (status: number, result: unknown, code?: number): void => {
    const errors = code === undefined ? [] : [{ code, message: 'not found' }]
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ success: status === 200, errors, messages: [], result }))
  }
  if (pathname.endsWith('/secrets') && stored)
    return answer(
      200,
      [...stored.keys()].map((name) => ({ name, type: 'secret_text' })),
    )
  if (request.method === 'PUT' && /\/scripts\/[\w-]+$/.test(pathname)) {
    stored = new Map()
    return answer(200, {})
  }
  if (!stored) return answer(404, null, 10007)
  if (!pathname.endsWith('/secrets-bulk')) return answer(404, null, 7003)
  const { secrets } = JSON.parse(body) as { secrets: Record<string, { text: string }> }
  puts.push(Object.keys(secrets))
  for (const [name, secret] of Object.entries(secrets)) stored.set(name, secret.text)
  answer(200, {})
}

/** Runs the command to its end. */
async function setup(...args: string[]): Promise<{ code: number | null; output: string }> {
  const { port } = cloudflare.address() as AddressInfo
  const child = spawn(process.execPath, [SCRIPT, '--file', join(home, '.secrets'), ...args], {
    env: {
      ...process.env,
      CLOUDFLARE_API_BASE_URL: `http://127.0.0.1:${port}`,
      CLOUDFLARE_API_TOKEN: 'of-this-test',
      CLOUDFLARE_ACCOUNT_ID: '0123456789abcdef0123456789abcdef',
    },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const ended = new Promise<number | null>((resolve) => child.once('close', resolve))
  const [code, out, err] = await Promise.all([ended, text(child.stdout), text(child.stderr)])
  return { code, output: out + err }
}

async function kept(): Promise<Record<string, string | undefined>> {
  return parseEnv(await readFile(join(home, '.secrets'), 'utf8'))
}

describe('npm run setup', () => {
  it('makes the missing secrets, keeps them readable for their owner only, and puts them once', async () => {
    const file = join(home, 'client_secret.json')
    await writeFile(file, JSON.stringify({ web: { client_secret: 'GOCSPX-canary' } }))
    const first = await setup('--client-secret-file', file)
    expect(first).toMatchObject({ code: 0 })
    const secrets = await kept()
    expect(Object.fromEntries(stored ?? [])).toEqual(secrets)
    expect(secrets['GOOGLE_CLIENT_SECRET']).toBe('GOCSPX-canary')
    expect(secrets['ENCRYPTION_KEYS']).toMatch(/^k1:[\w-]{43}$/)
    expect(secrets['PSEUDONYM_KEY']).toMatch(/^[\w-]{43}$/)
    expect((await stat(join(home, '.secrets'))).mode & 0o777).toBe(0o600)
    for (const secret of stored?.values() ?? []) expect(first.output).not.toContain(secret)

    const second = await setup()
    expect(second).toMatchObject({ code: 0 })
    expect(second.output).toContain('Nothing was changed')
    expect(puts).toHaveLength(1)
    expect(await kept()).toEqual(secrets)
  })

  it('keeps secrets with quotes, # and $ so that wrangler reads the same ones', async () => {
    const [file, config] = [join(home, 'plain'), join(home, 'wrangler.json')]
    await writeFile(config, '{"name":"reader","compatibility_date":"2026-10-20"}')
    for (const secret of ['a#b\'c"$HOME', '`\\a$b`', '"#a\'']) {
      await writeFile(file, secret)
      expect((await setup('--client-secret-file', file)).code).toBe(0)
      const envFiles = [join(home, '.secrets')]
      const proxy = await getPlatformProxy({ configPath: config, envFiles, persist: false })
      await proxy.dispose()
      expect(stored?.get('GOOGLE_CLIENT_SECRET')).toBe(secret)
      expect(proxy.env).toMatchObject(Object.fromEntries(stored ?? []))
    }
  })

  it('puts another client secret, and nothing else with it', async () => {
    stored = new Map(
      Object.entries({ GOOGLE_CLIENT_SECRET: 'old', ENCRYPTION_KEYS: 'e', PSEUDONYM_KEY: 'p' }),
    )
    await writeFile(join(home, '.secrets'), 'ENCRYPTION_KEYS=k1:x\nPSEUDONYM_KEY=y\n')
    await writeFile(join(home, 'plain'), 'GOCSPX-new\n')
    expect((await setup('--client-secret-file', join(home, 'plain'))).code).toBe(0)
    expect(puts).toEqual([['GOOGLE_CLIENT_SECRET']])
    expect(stored.get('ENCRYPTION_KEYS')).toBe('e')
  })

  it('makes no keys for a broker that has keys already', async () => {
    stored = new Map(Object.entries({ ENCRYPTION_KEYS: 'e', PSEUDONYM_KEY: 'p' }))
    const { code, output } = await setup()
    expect(code).toBe(1)
    expect(output).toContain('The deployed broker has ENCRYPTION_KEYS and PSEUDONYM_KEY')
    expect(puts).toEqual([])
    await expect(stat(join(home, '.secrets'))).rejects.toThrow('ENOENT')
  })

  it('says that the client secret is missing, and puts nothing', async () => {
    const { code, output } = await setup()
    expect(code).toBe(1)
    expect(output).toContain('--client-secret-file')
    expect(stored).toBe(undefined)
    await writeFile(join(home, 'key.json'), '{"type":"service_account","private_key":"canary"}')
    const second = await setup('--client-secret-file', join(home, 'key.json'))
    expect(second.code).toBe(1)
    expect(second.output).not.toContain('canary')
    expect((await setup('--new-key', '--retire', 'k1')).code).toBe(2)
  })
})

describe('the list of keys', () => {
  it('gets a new key in front, with an unused name', () => {
    const list = withNewKey(withNewKey('k1:a'))
    expect(kidsOf(list)).toEqual(['k3', 'k2', 'k1'])
    expect(kidsOf(withNewKey('home:a'))).toEqual(['k1', 'home'])
    expect(list.endsWith(',k1:a')).toBe(true)
  })

  it('loses an old key, but never the one that encrypts', () => {
    expect(withoutKey('k3:c, k2:b,k1:a', 'k2')).toEqual({ list: 'k3:c,k1:a' })
    expect(withoutKey('k3:c,k2:b', 'k3')).toMatch(/seals/)
    expect(withoutKey('k3:c', 'k9')).toMatch(/no key k9/)
  })

  it('takes a client secret only from what is one', () => {
    expect(clientSecretIn(' GOCSPX-x\n')).toBe('GOCSPX-x')
    for (const text of ['', 'two words', '{', '{"installed":{"client_secret":"x"}}'])
      expect(clientSecretIn(text)).toBe(undefined)
  })
})
