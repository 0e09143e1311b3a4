/** The media hosts: the simulator's photos under Google's host names, and hosts that a test scripts. */

import type { MediaResponse } from '../../src/protocol/http.ts'
import { picturesOf } from '../../src/simulator/photos/pictures.ts'
import { type Answer, answerOf, broker, the } from './broker.ts'
import type { Browser } from './browser.ts'
import { intercept, register } from './internet.ts'
import { ADA, type SimulatedGoogle } from './simulated-google.ts'

/** Origin of Google's media host. */
export const LH3 = 'https://lh3.googleusercontent.com'

/** The media hosts. */
export interface MediaHosts {
  /** Requests to media hosts and to unknown hosts. */
  readonly seen: { url: string; method: string; headers: Headers }[]
  /** Answers in place of the simulator's, by origin. */
  readonly answers: Map<string, (request: Request) => Response | Promise<Response>>
  /** Makes a `baseUrl` with a size, like the Picker API. */
  baseUrl(size?: string, sub?: string, index?: number): string
  /** Requests a URL from the media host directly, with a token. */
  open(url: string, access_token: string): Promise<Response>
}

/** Opens the media hosts beside a simulated Google. */
export function openMediaHosts({ simulator }: SimulatedGoogle, google: string): MediaHosts {
  const hosts: MediaHosts = {
    seen: [],
    answers: new Map(),
    baseUrl(size = 'w64-h48', sub = ADA, index = 0) {
      const name = crypto.randomUUID()
      const item = picturesOf(sub)[index]?.id ?? ''
      const expires_at = Date.now() / 1000 + 3600
      const owner = { client_id: 'test-client', sub }
      simulator.world.media_urls[name] = { ...owner, item, api: 'picker', expires_at }
      return `${LH3}/media/${name}=${size}`
    },
    open: async (url, access_token) =>
      simulator.fetch(new Request(url, { headers: { Authorization: `Bearer ${access_token}` } })),
  }
  register(LH3, async (request) => simulator.fetch(request))
  intercept(async (request, next) => {
    const { method, headers, url } = request
    const { origin, pathname } = new URL(url)
    if (origin === google && !pathname.startsWith('/media/')) return next(request)
    hosts.seen.push({ url, method, headers })
    return hosts.answers.get(origin)?.(request) ?? next(request)
  })
  return hosts
}

/** Asks for tickets in cookie mode. */
export async function askMedia(
  browser: Browser,
  urls: unknown,
  bundle: string = the.bundle,
): Promise<Answer<MediaResponse>> {
  return answerOf(await browser.call('POST', `${the.url}/media`, { bundle, urls }))
}

/** Requests the URL of a ticket. */
export async function openTicket(
  url: string,
  headers: Record<string, string> = {},
  method = 'GET',
): Promise<Response> {
  return broker(new Request(url, { method, headers }))
}
