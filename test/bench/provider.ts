/** This file is the provider of a run, in a thread of its own: a token endpoint that takes its time, and a host of media bytes. Knows how often it was asked. */

import { once } from 'node:events'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { isMainThread, parentPort, Worker, workerData } from 'node:worker_threads'

/** The provider, running. */
export interface Provider {
  issuer: string
  /** What it was asked since the last look. */
  asked(): Promise<Asked>
  stop(): Promise<void>
}

/** What a provider was asked. */
export interface Asked {
  /** Requests of any kind. */
  requests: number
  /** Refreshes among them, counted when they came. */
  refreshes: number
  /** How long each refresh took it that is answered, in milliseconds. */
  took_ms: number[]
}

/** What the thread is told. */
interface Settings {
  access_token: string
  refresh_ms: number
}

/** Every byte of a media item. */
export const MEDIA_BYTE = 7
const CHUNK = Buffer.alloc(256 * 1024, MEDIA_BYTE)

/** Starts the provider; a refresh takes it `refresh_ms`. */
export async function startProvider(settings: Settings): Promise<Provider> {
  const thread = new Worker(new URL(import.meta.url), { workerData: settings })
  const [issuer] = (await once(thread, 'message')) as [string]
  return {
    issuer,
    asked: async () => (await fetch(`${issuer}/__asked`)).json() as Promise<Asked>,
    stop: async () => void (await thread.terminate()),
  }
}

const nothing = (): Asked => ({ requests: 0, refreshes: 0, took_ms: [] })

async function serve({ access_token, refresh_ms }: Settings): Promise<void> {
  const server = createServer()
  await once(server.listen(0, '127.0.0.1'), 'listening')
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  let asked: Asked = nothing()
  const answers: Record<string, (request: IncomingMessage, response: ServerResponse) => void> = {
    '/.well-known/openid-configuration': (_, response) => json(response, discoveryOf(issuer)),
    '/__asked': (_, response) => {
      json(response, { ...asked, requests: asked.requests - 1 })
      asked = nothing()
    },
    '/token': (request, response) => {
      const began_at = performance.now()
      asked.refreshes++
      request.resume()
      setTimeout(() => {
        json(response, { access_token, expires_in: 3599, token_type: 'Bearer' })
        asked.took_ms.push(performance.now() - began_at)
      }, refresh_ms)
    },
  }
  server.on('request', (request: IncomingMessage, response: ServerResponse) => {
    asked.requests++
    const [path = ''] = (request.url ?? '').split('?')
    const answer = answers[path] ?? (path.startsWith('/media/') ? sendMedia : undefined)
    if (answer) answer(request, response)
    else response.writeHead(404).end()
  })
  parentPort?.postMessage(issuer)
}

/** Answers `/media/BYTES` with so many bytes of video, if a token comes along. */
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
