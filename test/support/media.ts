/** The media hosts: the simulator's photos under Google's host names, and hosts that a test scripts. */

import { expect } from 'vitest'
import type { MediaResponse } from '../../src/protocol/http.ts'
import { picturesOf } from '../../src/simulator/photos/pictures.ts'
import { type Answer, answerOf, ask, broker, the } from './broker.ts'
import type { Browser } from './browser.ts'
import { intercept, register } from './internet.ts'
import { ADA, GOOGLE, type SimulatedGoogle, simulateGoogle } from './simulated-google.ts'

/** Origin of Google's media host. */
export const LH3 = 'https://lh3.googleusercontent.com'

/** Headers of a picture. */
export const PNG = { 'Content-Type': 'image/png' }

type Answering = (request: Request) => Response | Promise<Response>

/** The media hosts beside a simulated Google, and a browser there. */
export interface Media {
  google: SimulatedGoogle
  browser: Browser
  /** Requests to media hosts and to unknown hosts. */
  readonly seen: { url: string; method: string; headers: Headers }[]
  /** Answers every request to a media host in place of the simulator. */
  script(answer: Answering, origin?: string): void
  /** Makes a `baseUrl` with a size, like the Picker API. */
  baseUrl(size?: string, sub?: string, index?: number): string
  /** Requests a URL from the media host directly, with a token. */
  open(url: string, access_token: string): Promise<Response>
  /** Connects the bundle `pick`; @returns the access token */
  connect(account?: string): Promise<string>
  /** Asks for one ticket, of a browser that is connected; @returns its URL */
  ticketFor(url?: string, from?: Browser): Promise<string>
}

/** Opens the media hosts of a simulated Google. */
export function openMedia(issuer: string = GOOGLE): Media {
  const google = simulateGoogle(issuer)
  const { simulator } = google
  const answers = new Map<string, Answering>()
  const media: Media = {
    google,
    browser: google.browse(),
    seen: [],
    script: (answer, origin = LH3) => void answers.set(origin, answer),
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
    async connect(account = ADA) {
      await google.connect(media.browser, 'pick', { account })
      return (await ask(media.browser)).body.access_token
    },
    async ticketFor(url = media.baseUrl(), from = media.browser) {
      const { status, body } = await askMedia(from, [url])
      expect(status).toBe(200)
      return body.media[0]?.url ?? ''
    },
  }
  register(LH3, async (request) => simulator.fetch(request))
  intercept(async (request, next) => {
    const { method, headers, url } = request
    const { origin, pathname } = new URL(url)
    if (origin === issuer && !pathname.startsWith('/media/')) return next(request)
    media.seen.push({ url, method, headers })
    return answers.get(origin)?.(request) ?? next(request)
  })
  return media
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

/** @returns the status of an answer, and its error code */
export async function errorOf(response: Response): Promise<[number, string | undefined]> {
  const { status, body } = await answerOf(response)
  return [status, body.error]
}
