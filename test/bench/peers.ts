/** The peers: other libraries with the work of theirs that is most similar, as sides of the same run. */

import { bundle, pathOf } from './bundles.ts'
import { ACCESS_TOKEN, isAnswer, LIFE_SECONDS, SCOPE } from './frontend.ts'
import { IN_MEMORY, inMemory } from './in-memory.ts'
import type { Target } from './load.ts'
import { LINE } from './log-line.ts'
import type { Runtime, Side } from './runtime.ts'

const SECRET = 'a-secret-of-32-characters-or-more'
const REDIRECT_URI = 'https://app.example/back'
const VERIFIER = 'bench-verifier-'.repeat(4)

/** `@cloudflare/workers-oauth-provider`: by itself, and with the line of log that the broker writes. */
export const OAUTH_PROVIDER = 'workers-oauth-provider'
export const OAUTH_PROVIDER_LOGGING = 'workers-oauth-provider and log'
export const BETTER_AUTH = 'better-auth'

/** Makes the sides of the peers. */
export async function peerSides(): Promise<Side[]> {
  const entry = 'peers/oauth-provider.ts'
  const [code, wrapped] = [await bundle(entry), await bundle(IN_MEMORY, { wrapped: pathOf(entry) })]
  const vars = { ACCESS_TOKEN, BASE_URL: 'URL', EXPIRES_IN: String(LIFE_SECONDS), SCOPE }
  const logging = { ...vars, LINE }
  const providers: Side[] = [
    { name: OAUTH_PROVIDER, code, vars },
    { name: OAUTH_PROVIDER_LOGGING, code, vars: logging },
    { name: inMemory(OAUTH_PROVIDER_LOGGING), code: wrapped, vars: logging },
  ]
  return [
    ...providers.map((side) => ({ ...side, kv: { OAUTH_KV: side.name } })),
    {
      name: BETTER_AUTH,
      code: await bundle('peers/better-auth.ts'),
      vars: { ACCESS_TOKEN, SECRET, BASE_URL: 'URL' },
    },
  ]
}

/** Makes the target of `@cloudflare/workers-oauth-provider`, with a token of its own for one user. */
export async function oauthProviderTarget(
  { url, pid }: Runtime,
  name: string,
  side: string = name,
): Promise<Target> {
  const at = url(side)
  const resource = `${at}/token-of-google`
  const call = async <T>(path: string, init: RequestInit = {}): Promise<T> => {
    const response = await fetch(at + path, init)
    if (!response.ok) throw new Error(`${path}: ${response.status} ${await response.text()}`)
    return response.json() as Promise<T>
  }
  const client = await call<{ client_id: string; client_secret: string }>('/client')
  const digest = await crypto.subtle.digest('SHA-256', new TextEncoder().encode(VERIFIER))
  const query = new URLSearchParams({
    ...{ response_type: 'code', client_id: client.client_id, redirect_uri: REDIRECT_URI },
    ...{ scope: 'pick', state: 'state', code_challenge_method: 'S256' },
    code_challenge: Buffer.from(digest).toString('base64url'),
    resource,
  })
  const { code } = await call<{ code: string }>(`/authorize?${query}`)
  const body = new URLSearchParams({
    ...{ grant_type: 'authorization_code', code, redirect_uri: REDIRECT_URI },
    ...{ code_verifier: VERIFIER, resource, ...client },
  })
  const { access_token } = await call<{ access_token: string }>('/token', { method: 'POST', body })
  const headers = { Authorization: `Bearer ${access_token}` }
  const request = { method: 'GET', path: '/token-of-google', headers } as const
  return { name, url: at, pid, requests: async () => [request], isExpected: isAnswer }
}

/** Makes the target of `better-auth`, with a session of one user. */
export async function betterAuthTarget({ url, pid }: Runtime): Promise<Target> {
  const at = url(BETTER_AUTH)
  const stored = (await (await fetch(`${at}/__plant`)).json()) as { cookie: string; body: string }
  const headers = { 'Content-Type': 'application/json', Cookie: stored.cookie, Origin: at }
  const path = '/api/auth/get-access-token'
  const request = { method: 'POST', path, headers, body: stored.body } as const
  const isExpected = (text: string): boolean =>
    text.startsWith(`{"accessToken":"${ACCESS_TOKEN}","accessTokenExpiresAt":"`)
  return { name: BETTER_AUTH, url: at, pid, requests: async () => [request], isExpected }
}
