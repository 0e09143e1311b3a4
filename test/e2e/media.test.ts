/** This file is the media relay in a runtime whose sockets are real: what is larger than a Worker's memory goes through it, as fast as it is read. */

import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { MediaResponse, TokenResponse } from '../../src/protocol/http.ts'
import { type Browser, openBrowser } from '../support/browser.ts'
import { type DevBroker, startDevBroker } from './support/dev-broker.ts'
import { createMediaHost } from './support/media-host.ts'
import { type RunningProvider, startProvider } from './support/provider.ts'
import { findPlace } from './support/start.ts'

const PICK = 'https://www.googleapis.com/auth/photospicker.mediaitems.readonly'
const CLIENT = { client_id: 'e2e-client', client_secret: 'e2e-secret-of-the-broker' }
const MIB = 1024 * 1024

/** Three times what a Worker has, 128 MiB. */
const LARGE = 400 * MIB

/**
 * The kernel's part: three pairs of sockets are on the way, and each may hold some 36 MiB where `tcp_rmem` and
 * `tcp_wmem` allow as much. How far ahead the relay itself runs, `test/flow/media.test.ts` says.
 */
const MAX_AHEAD = 128 * MIB

const host = createMediaHost()
let provider: RunningProvider
let broker: DevBroker
let browser: Browser

beforeAll(async () => {
  const place = await findPlace()
  const redirect_uri = `http://localhost:${place.port}/callback`
  provider = await startProvider({ ...CLIENT, redirect_uri }, [PICK], host.listener)
  broker = await startDevBroker(place, { ISSUER: provider.issuer }, CLIENT)
  browser = openBrowser(async (request) => fetch(request))
  const page = await browser.visit(`${broker.url}/connect?bundle=pick&return_to=/app`)
  await provider.consent(browser, page, 'ada')
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await provider?.[Symbol.asyncDispose]()
})

async function ticketFor(bytes: number): Promise<string> {
  const urls = [`${provider.issuer}/media/${bytes}`]
  const response = await browser.call('POST', `${broker.url}/media`, { bundle: 'pick', urls })
  expect(response.status).toBe(200)
  const { media } = (await response.json()) as MediaResponse
  return media[0]?.url ?? ''
}

/** Opens a ticket over a plain socket, which holds back what nobody reads; the `fetch` of Node reads ahead. */
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

/** Waits until the host can send nothing more; looks again and again, since a full socket tells nobody. */
async function stalled(): Promise<number> {
  let before = -1
  await expect
    .poll(
      () => {
        const isStill = host.sent() === before
        before = host.sent()
        return isStill
      },
      { interval: 250, timeout: 30_000 },
    )
    .toBe(true)
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

  it('is left to its host when the reader goes away', async () => {
    const response = await open(LARGE)
    await once(response, 'readable')
    response.destroy()
    await host.ended()
    expect(host.sent()).toBeLessThan(MAX_AHEAD)
  })

  it('is not fetched for HEAD, which tells its length', async () => {
    const before = host.seen.length
    const response = await open(LARGE, 'HEAD')
    expect(response.statusCode).toBe(200)
    expect(response.headers['content-length']).toBe(String(LARGE))
    expect(await readAll(response)).toBe(0)
    expect(host.seen.slice(before).map(({ method }) => method)).toEqual(['HEAD'])
  })
})

it('the host is shown the very token of the bundle', async () => {
  expect(await readAll(await open(10))).toBe(10)
  const response = await browser.call('POST', `${broker.url}/session/token`, { bundle: 'pick' })
  const { access_token } = (await response.json()) as TokenResponse
  expect(host.seen.at(-1)).toEqual({ method: 'GET', authorization: `Bearer ${access_token}` })
})
