/** The provider of a run, in a thread of its own: a token endpoint with a delay, media bytes, and a count of its requests. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

/** The provider, running. */
export interface Provider {
  issuer: string
  /** Returns the counts since the last call, and resets them. */
  takeCounts(): Promise<ProviderCounts>
  [Symbol.asyncDispose](): Promise<void>
}

/** Counts of a provider. */
export interface ProviderCounts {
  /** Requests of any kind. */
  requests: number
  /** Refreshes among them, counted on arrival. */
  refreshes: number
  /** How long each answered refresh took, in milliseconds. */
  took_ms: number[]
}

/** Settings of the thread. */
interface Settings {
  access_token: string
  /** Delay of an answer to a refresh. */
  refresh_ms: number
}

/** Every byte of a media item. */
export const MEDIA_BYTE = 7
const CHUNK = Buffer.alloc(256 * 1024, MEDIA_BYTE)

/** Starts the provider. */
export async function startProvider(settings: Settings): Promise<Provider> {
  const thread = new Worker(new URL(import.meta.url), { workerData: settings })
  const [issuer] = (await once(thread, 'message')) as [string]
  return {
    issuer,
    takeCounts: async () => (await fetch(`${issuer}/__counts`)).json() as Promise<ProviderCounts>,
    [Symbol.asyncDispose]: async () => void (await thread.terminate()),
  }
}

const noCounts = (): ProviderCounts => ({ requests: 0, refreshes: 0, took_ms: [] })

async function serve({ access_token, refresh_ms }: Settings): Promise<void> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let counts: ProviderCounts = noCounts()
  const answers: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    '/.well-known/openid-configuration': (_, response) => json(response, discoveryOf(issuer)),
    '/__counts': (_, response) => {
      json(response, { ...counts, requests: counts.requests - 1 })
      counts = noCounts()
    },
    '/token': (request, response) => {
      const began_at = performance.now()
      counts.refreshes++
      request.resume()
      setTimeout(() => {
        json(response, { access_token, expires_in: 3599, token_type: 'Bearer' })
        counts.took_ms.push(performance.now() - began_at)
      }, refresh_ms)
    },
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    counts.requests++
    const [path = ''] = (request.url ?? '').split('?')
    const answer = answers[path] ?? (path.startsWith('/media/') ? sendMedia : undefined)
    if (answer) answer(request, response)
    else response.writeHead(404).end()
  })
  parentPort?.postMessage(issuer)
}

/** Answers `/media/BYTES` with that many bytes of video, if the request has a token. */
function sendMedia({ url, headers }: IncomingMessage, response: ServerResponse): void {
  if (!headers.authorization?.startsWith('Bearer ')) {
    response.writeHead(401).end()
    return
  }
  let left = Number(url?.split('/').at(-1))
  response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': left })
  const fill = (): void => {
    while (left > 0 && !response.destroyed) {
      const chunk = CHUNK.subarray(0, left)
      left -= chunk.length
      if (!response.write(chunk)) {
        response.once('drain', fill)
        return
      }
    }
    response.end()
  }
  fill()
}

function discoveryOf(issuer: string): object {
  return {
    issuer,
    authorization_endpoint: `${issuer}/authorize`,
    token_endpoint: `${issuer}/token`,
    revocation_endpoint: `${issuer}/revoke`,
    jwks_uri: `${issuer}/jwks`,
    response_types_supported: ['code'],
    subject_types_supported: ['public'],
    id_token_signing_alg_values_supported: ['RS256'],
    token_endpoint_auth_methods_supported: ['client_secret_post'],
  }
}

function json(response: ServerResponse, body: object): void {
  response.writeHead(200, { 'Content-Type': 'application/json' }).end(JSON.stringify(body))
}

if (!isMainThread) await serve(workerData as Settings)
