/** The media relay over real sockets: it relays more than fits in a Worker's memory, as fast as the reader reads. */

import { once } from 'node:events'
import { type IncomingMessage, type RequestListener, request, type ServerResponse } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MediaResponse, TokenResponse } from '../../src/protocol/http.ts'
import type { Browser } from '../support/browser.ts'
import { type DevBroker, newBrowser, startDevBroker } from './support/dev-broker.ts'
import { type RunningProvider, startProvider } from './support/provider.ts'
import { findPlace } from './support/start.ts'

const MIB = 1024 * 1024

/** Three times the memory of a Worker, which is 128 MiB. */
const LARGE = 400 * MIB

/**
 * What the kernel may buffer: three pairs of sockets, each up to 36 MiB where `tcp_rmem` and `tcp_wmem` allow that.
 * `test/flow/media-bytes.test.ts` limits how far ahead of its reader the relay itself reads.
 */
const MAX_AHEAD = 128 * MIB

const CHUNK = Buffer.alloc(256 * 1024, 7)

/** The media host: what it was asked, and its last answer. */
const seen: { method: string; authorization: string }[] = []
let answer: ServerResponse | undefined
let written = 0

let provider: RunningProvider
let broker: DevBroker
let browser: Browser

beforeAll(async () => {
  const place = await findPlace()
  provider = await startProvider(place, serveMedia)
  broker = await startDevBroker(place, { ISSUER: provider.issuer })
  browser = newBrowser()
  const page = await browser.visit(`${broker.url}/connect?bundle=pick&return_to=/app`)
  await provider.consent(browser, page, 'ada')
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await provider?.[Symbol.asyncDispose]()
})

/** Answers `/media/BYTES` with this many bytes of video, made while they are read. */
const serveMedia: RequestListener = ({ method = '', headers, url }, response) => {
  const bytes = Number(url?.split('/').at(-1))
  seen.push({ method, authorization: headers.authorization ?? '' })
  response.writeHead(200, { 'Content-Type': 'video/mp4', 'Content-Length': bytes })
  if (method === 'HEAD') return void response.end()
  answer = response
  written = 0
  const fill = (): void => {
    while (written < bytes && !response.destroyed) {
      const chunk = CHUNK.subarray(0, bytes - written)
      written += chunk.length
      if (!response.write(chunk)) return void response.once('drain', fill)
    }
    response.end()
  }
  fill()
}

/** Bytes of the last answer that left the process of the host. */
const sent = (): number => written - (answer?.writableLength ?? 0)

async function ticketFor(bytes: number): Promise<string> {
  const urls = [`${provider.issuer}/media/${bytes}`]
  const response = await browser.call('POST', `${broker.url}/media`, { bundle: 'pick', urls })
  expect(response.status).toBe(200)
  const { media } = (await response.json()) as MediaResponse
  return media[0]?.url ?? ''
}

/** Opens a ticket over a plain socket, which has backpressure; the `fetch` of Node reads ahead. */
async function open(bytes: number, method = 'GET'): Promise<IncomingMessage> {
  const call = request(await ticketFor(bytes), { method }).end()
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  return response
}

async function readAll(response: IncomingMessage): Promise<number> {
  let read = 0
  for await (const chunk of response) read += (chunk as Buffer).length
  return read
}

/** Waits until the host can send nothing more. It polls, because a full socket emits no event. */
async function stalled(): Promise<number> {
  let before = -1
  const isStalled = (): boolean => {
    const isSame = sent() === before
    before = sent()
    return isSame
  }
  await expect.poll(isStalled, { interval: 150, timeout: 30_000 }).toBe(true)
  return before
}

describe('a video of 400 MiB', () => {
  it('arrives whole, with its length, and the relay never runs ahead of its reader', async () => {
    const response = await open(LARGE)
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-length']).toBe(String(LARGE))
    const ahead: number[] = []
    let read = 0
    let pauseAt = 0
    for await (const chunk of response) {
      read += (chunk as Buffer).length
      if (read < pauseAt) continue
      ahead.push((await stalled()) - read)
      pauseAt += 100 * MIB
    }
    expect(read).toBe(LARGE)
    expect(ahead.length).toBeGreaterThanOrEqual(4)
    expect(Math.max(...ahead)).toBeLessThan(MAX_AHEAD)
  })

  it('stops when the reader closes the connection', async () => {
    const response = await open(LARGE)
    await once(response, 'readable')
    response.destroy()
    if (answer && !answer.destroyed) await once(answer, 'close')
    expect(sent()).toBeLessThan(MAX_AHEAD)
  })

  it('answers HEAD with the length, and fetches no body', async () => {
    const before = seen.length
    const response = await open(LARGE, 'HEAD')
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-length']).toBe(String(LARGE))
    expect(await readAll(response)).toBe(0)
    expect(seen.slice(before).map(({ method }) => method)).toEqual(['HEAD'])
  })
})

it('sends the host the access token of the bundle', async () => {
  expect(await readAll(await open(10))).toBe(10)
  const response = await browser.call('POST', `${broker.url}/session/token`, { bundle: 'pick' })
  const { access_token } = (await response.json()) as TokenResponse
  expect(seen.at(-1)).toEqual({ method: 'GET', authorization: `Bearer ${access_token}` })
})
