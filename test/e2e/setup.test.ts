/** `npm run setup` with the real wrangler, against a fake Cloudflare API. */

import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { parseEnv } from 'node:util'
import { describe, expect, it, type TestContext } from 'vitest'
import { getPlatformProxy } from 'wrangler'
import { clientSecretIn, kidsOf, withNewKey, withoutKey } from '../../src/tools/setup-keys.ts'

const SCRIPT = new URL('../../src/tools/setup.ts', import.meta.url).pathname

/** A Cloudflare account with one Worker, and a folder to run the command in. */
interface Account {
  home: string
  /** Secrets of the Worker by name; `undefined` while there is no Worker. */
  secrets: Map<string, string> | undefined
  /** Names of the secrets that each request put. */
  readonly puts: string[][]
  /** Runs the command to its end. */
  setup(...args: string[]): Promise<{ code: number | null; output: string }>
  /** The secrets in the local file. */
  stored(): Promise<Record<string, string | undefined>>
}

/** Opens an account for one test. */
async function openAccount(
  { onTestFinished }: TestContext,
  secrets?: Record<string, string>,
): Promise<Account> {
  const home = await mkdtemp(join(tmpdir(), 'photos-token-broker-'))
  const cloudflare = createServer((request, response) => void serve(account, request, response))
  await new Promise<void>((resolve) => cloudflare.listen(0, '127.0.0.1', resolve))
  onTestFinished(async () => {
    cloudflare.close()
    await rm(home, { recursive: true, force: true })
  })
  const account: Account = {
    home,
    secrets: secrets && new Map(Object.entries(secrets)),
    puts: [],
    async setup(...args) {
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
    },
    stored: async () => parseEnv(await readFile(join(home, '.secrets'), 'utf8')),
  }
  return account
}

/** The calls of Cloudflare's API that wrangler makes: list secrets, put secrets, and create a draft Worker. */
async function serve(
  account: Account,
  request: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  const body = await text(request)
  const { pathname } = new URL(request.url ?? '', 'http://localhost')
  const answer = (status: number, result: unknown, code?: number): void => {
    const errors = code === undefined ? [] : [{ code, message: 'not found' }]
    response.writeHead(status, { 'Content-Type': 'application/json' })
    response.end(JSON.stringify({ success: status === 200, errors, messages: [], result }))
  }
  if (pathname.endsWith('/secrets') && account.secrets) {
    const names = [...account.secrets.keys()]
    return answer(
      200,
      names.map((name) => ({ name, type: 'secret_text' })),
    )
  }
  if (request.method === 'PUT' && /\/scripts\/[\w-]+$/.test(pathname)) {
    account.secrets = new Map()
    return answer(200, {})
  }
  if (!account.secrets) return answer(404, null, 10007)
  if (!pathname.endsWith('/secrets-bulk')) return answer(404, null, 7003)
  const { secrets } = JSON.parse(body) as { secrets: Record<string, { text: string }> }
  account.puts.push(Object.keys(secrets))
  for (const [name, secret] of Object.entries(secrets)) account.secrets.set(name, secret.text)
  answer(200, {})
}

describe.concurrent('npm run setup', () => {
  it('makes the missing secrets, stores them for this user only, and puts them once', async (context) => {
    const account = await openAccount(context)
    const file = join(account.home, 'client_secret.json')
    await writeFile(file, JSON.stringify({ web: { client_secret: 'GOCSPX-canary' } }))
    const first = await account.setup('--client-secret-file', file)
    expect(first).toMatchObject({ code: 0 })
    const stored = await account.stored()
    expect(Object.fromEntries(account.secrets ?? [])).toEqual(stored)
    expect(stored['GOOGLE_CLIENT_SECRET']).toBe('GOCSPX-canary')
    expect(stored['ENCRYPTION_KEYS']).toMatch(/^k1:[\w-]{43}$/)
    expect(stored['PSEUDONYM_KEY']).toMatch(/^[\w-]{43}$/)
    expect((await stat(join(account.home, '.secrets'))).mode & 0o777).toBe(0o600)
    for (const secret of account.secrets?.values() ?? []) expect(first.output).not.toContain(secret)

    const second = await account.setup()
    expect(second).toMatchObject({ code: 0 })
    expect(second.output).toContain('Nothing was changed')
    expect(account.puts).toHaveLength(1)
    expect(await account.stored()).toEqual(stored)
  })

  it('stores secrets with quotes, # and $ so that wrangler reads the same ones', async (context) => {
    const account = await openAccount(context)
    const [file, configPath] = ['plain', 'wrangler.json'].map((name) => join(account.home, name))
    await writeFile(configPath ?? '', '{"name":"reader","compatibility_date":"2026-10-20"}')
    for (const secret of ['a#b\'c"$HOME', '`\\a$b`']) {
      await writeFile(file ?? '', secret)
      expect((await account.setup('--client-secret-file', file ?? '')).code).toBe(0)
      const envFiles = [join(account.home, '.secrets')]
      const proxy = await getPlatformProxy({
        configPath: configPath ?? '',
        envFiles,
        persist: false,
      })
      await proxy.dispose()
      expect(account.secrets?.get('GOOGLE_CLIENT_SECRET')).toBe(secret)
      expect(proxy.env).toMatchObject(Object.fromEntries(account.secrets ?? []))
    }
  })

  it('puts another client secret, and nothing else', async (context) => {
    const old = { GOOGLE_CLIENT_SECRET: 'old', ENCRYPTION_KEYS: 'e', PSEUDONYM_KEY: 'p' }
    const { home, puts, secrets, setup } = await openAccount(context, old)
    await writeFile(join(home, '.secrets'), 'ENCRYPTION_KEYS=k1:x\nPSEUDONYM_KEY=y\n')
    await writeFile(join(home, 'plain'), 'GOCSPX-new\n')
    expect((await setup('--client-secret-file', join(home, 'plain'))).code).toBe(0)
    expect(puts).toEqual([['GOOGLE_CLIENT_SECRET']])
    expect(secrets?.get('ENCRYPTION_KEYS')).toBe('e')
  })

  it('makes no new keys for a broker that has keys already', async (context) => {
    const keys = { ENCRYPTION_KEYS: 'e', PSEUDONYM_KEY: 'p' }
    const { home, puts, setup } = await openAccount(context, keys)
    const { code, output } = await setup()
    expect(code).toBe(1)
    expect(output).toContain('The deployed broker has ENCRYPTION_KEYS and PSEUDONYM_KEY')
    expect(puts).toEqual([])
    await expect(stat(join(home, '.secrets'))).rejects.toThrow('ENOENT')
  })

  it('reports a missing client secret, and puts nothing', async (context) => {
    const account = await openAccount(context)
    const { code, output } = await account.setup()
    expect(code).toBe(1)
    expect(output).toContain('--client-secret-file')
    expect(account.secrets).toBe(undefined)
    expect((await account.setup('--new-key', '--retire', 'k1')).code).toBe(2)
  })
})

describe('the list of keys', () => {
  it('grows at the front, under a kid that no key had', () => {
    const list = withNewKey(withNewKey('k1:a'))
    expect(kidsOf(list)).toEqual(['k3', 'k2', 'k1'])
    expect(kidsOf(withNewKey('home:a'))).toEqual(['k1', 'home'])
    expect(list.endsWith(',k1:a')).toBe(true)
  })

  it('loses an old key, but never the one that seals', () => {
    expect(withoutKey('k3:c, k2:b,k1:a', 'k2')).toEqual({ list: 'k3:c,k1:a' })
    expect(withoutKey('k3:c,k2:b', 'k3')).toMatch(/seals/)
    expect(withoutKey('k3:c', 'k9')).toMatch(/no key k9/)
  })

  it('accepts a client secret, and nothing else', () => {
    expect(clientSecretIn(' GOCSPX-x\n')).toBe('GOCSPX-x')
    for (const text of ['', 'two words', '{', '{"installed":{"client_secret":"x"}}'])
      expect(clientSecretIn(text)).toBe(undefined)
  })
})
