/** This file is the peers: other people's libraries doing the nearest work they do, as sides of the same run. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { bundle } from './bundles.ts'
import { ACCESS_TOKEN, isAnswer, LIFE_SECONDS, SCOPE } from './frontend.ts'
import type { Target } from './load.ts'
import { BENCH } from './machine.ts'
import type { Runtime, Side } from './runtime.ts'

const SECRET = 'a-secret-of-the-bench-and-nothing-else'
const REDIRECT_URI = 'https://app.example/back'
const VERIFIER = 'bench-verifier-'.repeat(4)

/** The peers that run in workerd. */
export async function peerSides(production: string): Promise<Side[]> {
  return [
    {
      name: 'workers-oauth-provider',
      code: await bundle('peers/oauth-provider.ts', production),
      vars: { ACCESS_TOKEN, BASE_URL: 'URL', EXPIRES_IN: String(LIFE_SECONDS), SCOPE },
      kv: { OAUTH_KV: 'oauth-provider' },
    },
    {
      name: 'better-auth',
      code: await bundle('peers/better-auth-worker.ts', production),
      vars: { ACCESS_TOKEN, SECRET, BASE_URL: 'URL' },
    },
  ]
}

/** `@cloudflare/workers-oauth-provider`, with a token of its own for one user. */
export async function oauthProviderTarget({ url, pid }: Runtime): Promise<Target> {
  const at = url('workers-oauth-provider')
  const resource = `${at}/token-of-google`
  const ask = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const response = await fetch(at + path, init)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.json() as Promise<T>
  }
  const client = await ask<{ client_id: string; client_secret: string }>('/client')
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(VERIFIER))
  const query = new URLSearchParams({
    ...{ response_type: 'code', client_id: client.client_id, redirect_uri: REDIRECT_URI },
    ...{ scope: 'pick', state: 'state', code_challenge_method: 'S256' },
    code_challenge: Buffer.from(digest).toString('base64url'),
    resource,
  })
  const { code } = await ask<{ code: string }>(`/authorize?${query}`)
  const body = new URLSearchParams({
    ...{ grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI },
    ...{ code_verifier: VERIFIER, resource, ...client },
  })
  const { access_token } = await ask<{ access_token: string }>('/token', { method: 'POST', body })
  const headers = { Authorization: `Bearer ${access_token}` }
  const shot = { method: 'GET', path: '/token-of-google', headers } as const
  const name = 'workers-oauth-provider'
  return { name, url: at, pid, shots: async () => [shot], isRight: isAnswer }
}

/** What has to be known to load `better-auth`. */
interface Planted {
  cookie: string
  body: string
}

/** `better-auth` in workerd. */
export async function betterAuthTarget({ url, pid }: Runtime): Promise<Target> {
  const at = url('better-auth')
  const planted = (await (await fetch(`${at}/__plant`)).json()) as Planted
  return targetOf('better-auth, workerd', at, pid, planted)
}

/** `better-auth` in a Node process. */
export async function startBetterAuthOnNode(): Promise<{
  target: Target
  stop(): Promise<void>
}> {
  const folder = await mkdtemp(join(tmpdir(), 'photos-token-broker-bench-'))
  const child = spawn(process.execPath, [join(BENCH, 'peers/better-auth-node.ts')], {
    env: {
      ...process.env,
      NODE_ENV: 'production',
      BENCH_DATABASE: join(folder, 'better-auth.sqlite'),
      BENCH_SECRET: SECRET,
      BENCH_ACCESS_TOKEN: ACCESS_TOKEN,
    },
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const [line] = (await Promise.race([
    once(createInterface({ input: child.stdout }), 'line'),
    once(child, 'exit').then(([code]) => {
      throw new Error(`better-auth on Node ended with ${code}`)
    }),
  ])) as [string]
  const { url, ...planted } = JSON.parse(line) as Planted & { url: string }
  return {
    target: targetOf('better-auth, Node and SQLite', url, child.pid ?? 0, planted),
    async stop() {
      child.kill()
      await once(child, 'close')
      await rm(folder, { recursive: true })
    },
  }
}

function targetOf(name: string, url: string, pid: number, { cookie, body }: Planted): Target {
  const headers = { 'Content-Type': 'application/json', Cookie: cookie, Origin: url }
  const shot = { method: 'POST', path: '/api/auth/get-access-token', headers, body } as const
  const isRight = (text: string): boolean =>
    text.startsWith(`{"accessToken":"${ACCESS_TOKEN}","accessTokenExpiresAt":"`)
  return { name, url, pid, shots: async () => [shot], isRight }
}
