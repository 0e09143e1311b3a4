/** Tests of the media relay: tickets, forwarded answers, and where an access token is never sent. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import type { MediaResponse } from '../../src/protocol/http.ts'
import { type Answer, answerOf, ask, logIn, subjectOf, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import {
  configureClients,
  type Frontend,
  gallery,
  journal,
  openFrontend,
} from '../support/frontend.ts'
import { askMedia, LH3, type MediaHosts, openMediaHosts, openTicket } from '../support/media.ts'
import {
  ADA,
  BEN,
  GOOGLE,
  type SimulatedGoogle,
  simulateGoogle,
} from '../support/simulated-google.ts'
import { aMinute, countCosts, later, stage, travel } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

let google: SimulatedGoogle
let hosts: MediaHosts
let browser: Browser

beforeEach(async () => {
  google = simulateGoogle()
  hosts = openMediaHosts(google, GOOGLE)
  browser = google.browse()
})

const PNG = { 'Content-Type': 'image/png' }

async function connect(account = ADA, bundle = 'pick'): Promise<string> {
  await google.connect(browser, bundle, { account })
  return (await ask(browser, { bundle })).body.access_token
}

/** One ticket, of a browser that is connected. */
async function ticketFor(url = hosts.baseUrl(), from = browser): Promise<string> {
  const { status, body } = await askMedia(from, [url])
  expect(status).toBe(200)
  return body.media[0]?.url ?? ''
}

async function errorOf(response: Response): Promise<[number, string | undefined]> {
  const { status, body } = await answerOf(response)
  return [status, body.error]
}

/** Sets the answer of the media host to every request. */
function script(answer: (request: Request) => Response | Promise<Response>, origin = LH3): void {
  hosts.answers.set(origin, answer)
}

describe('POST /media', () => {
  it('answers with an opaque ticket for each URL, in order', async () => {
    const access_token = await connect()
    const urls = [hosts.baseUrl('w64-h48'), hosts.baseUrl('w32-h24'), hosts.baseUrl('dv', ADA, 11)]
    const { status, headers, body } = await askMedia(browser, urls)
    expect(status).toBe(200)
    expect(headers.get('Cache-Control')).toBe('no-store')
    expect(headers.get('Server-Timing')).toContain('total')
    expect(body.media.map(({ expires_in }) => expires_in)).toEqual([900, 900, 900])
    for (const [index, { url }] of body.media.entries()) {
      expect(url).toMatch(/^https:\/\/broker\.example\/media\/[\w.-]+$/)
      const given = await (await openTicket(url)).bytes()
      const held = await (await hosts.open(urls[index] ?? '', access_token)).bytes()
      expect(given).toEqual(held)
    }
    expect(JSON.stringify(body)).not.toMatch(/googleusercontent|pick|ya29/)
    expect(hosts.seen.map(({ url }) => url)).toEqual(urls)
  })

  it.each([
    'http://lh3.googleusercontent.com/x',
    'https://lh3.googleusercontent.com.evil.example/x',
    'https://user@lh3.googleusercontent.com/x',
    'https://4.3.2.1.bc.googleusercontent.com/x',
    'https://photospicker.googleapis.com/v1/sessions',
    'http://localhost:8788/media/x',
    `${LH3}/${'ä'.repeat(1000)}`,
  ])('issues no ticket at all if one URL is %s', async (url) => {
    await connect()
    const { status, body } = await askMedia(browser, [hosts.baseUrl(), url])
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(body).not.toHaveProperty('media')
  })

  it.each([
    { what: 'none', urls: [] },
    { what: '101', urls: Array.from({ length: 101 }, () => `${LH3}/x`) },
    { what: 'numbers', urls: [1] },
    { what: 'half a megabyte', urls: ['x'.repeat(512 * 1024)] },
  ])('refuses $what as urls', async ({ urls }) => {
    await connect()
    const { status, body } = await askMedia(browser, urls)
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })

  it('accepts what a parser reads as a media URL, and fetches the parsed URL', async () => {
    await connect()
    script(() => new Response('x', { headers: PNG }))
    const ticket = await ticketFor(' hTTps:\\\\LH3.GoogleUserContent.com:443/a/../b=w1 ')
    expect((await openTicket(ticket)).status).toBe(200)
    expect(hosts.seen.at(-1)?.url).toBe(`${LH3}/b=w1`)
  })

  it('accepts a hundred URLs of 2,048 characters, whose tickets fit into a URL', async () => {
    await connect()
    script(() => new Response('x', { headers: PNG }))
    const ofLength = (prefix: string, filler: string): string =>
      prefix + filler.repeat(2048 - prefix.length)
    const escaped = ofLength(`${LH3}/?`, '\\') // two characters each in JSON
    const urls = [escaped, ...Array.from({ length: 99 }, () => ofLength(`${LH3}/`, 'x'))]
    const { status, body } = await askMedia(browser, urls)
    expect([status, body.media.length]).toEqual([200, 100])
    expect(body.media[0]?.url.length).toBeLessThan(8 * 1024)
    for (const index of [0, 99]) {
      expect((await openTicket(body.media[index]?.url ?? '')).status).toBe(200)
      expect(hosts.seen.at(-1)?.url).toBe(urls[index])
    }
  })

  it('is refused like a request for a token: no session, no consent, unknown bundle, no custom header', async () => {
    const none = await askMedia(browser, [`${LH3}/x`])
    expect([none.status, none.body.error]).toEqual([401, 'login_required'])
    await connect()
    const missing = await askMedia(browser, [`${LH3}/x`], 'upload')
    expect([missing.status, missing.body.error]).toEqual([403, 'consent_required'])
    expect(missing.body).toMatchObject({ bundle: 'upload', reason: 'never_granted' })
    expect((await askMedia(browser, [`${LH3}/x`], 'nope')).body.error).toBe('invalid_scope')
    const form = { 'Content-Type': 'text/plain', 'X-Requested-With': '' }
    const forged = await browser.call('POST', `${the.url}/media`, {}, form)
    expect(forged.status).toBe(400)
    const foreign = await browser.call('POST', `${the.url}/media`, {}, { Origin: GOOGLE })
    expect(foreign.status).toBe(403)
    expect(hosts.seen).toEqual([])
  })

  it('refreshes a token that would expire before the tickets', async () => {
    const access_token = await connect()
    later(3599 - 890)
    const before = google.calls('token')
    await ticketFor()
    expect(google.calls('token')).toBe(before + 1)
    const now = await ask(browser, { bundle: 'pick', min_ttl: 900 })
    expect(now.body.access_token).not.toBe(access_token)
    expect(google.calls('token')).toBe(before + 1)
  })

  it('accepts URLs of the simulator if it is the issuer on loopback', async () => {
    const simulator = 'http://localhost:8788'
    configure({ ISSUER: simulator })
    google = simulateGoogle(simulator)
    hosts = openMediaHosts(google, simulator)
    browser = google.browse()
    await google.connect(browser, 'pick')
    const url = hosts.baseUrl().replace(LH3, simulator)
    expect((await openTicket(await ticketFor(url))).status).toBe(200)
    for (const other of ['http://localhost:8789', 'https://localhost:8788'])
      expect((await askMedia(browser, [url.replace(simulator, other)])).status).toBe(400)
  })
})

describe('the bytes', () => {
  it('are forwarded with the headers that a page needs', async () => {
    const access_token = await connect()
    const url = hosts.baseUrl()
    const held = await hosts.open(url, access_token)
    const ticket = await ticketFor(url)
    later(100)
    const { status, headers, ...answer } = await settled(await openTicket(ticket))
    expect(status).toBe(200)
    expect(answer.bytes).toEqual(await held.bytes())
    expect(Object.fromEntries(headers)).toEqual({
      'accept-ranges': 'bytes',
      'cache-control': 'private, max-age=800',
      'content-length': String(answer.bytes.length),
      'content-security-policy': expect.stringContaining("default-src 'none'"),
      'content-type': 'image/png',
      'cross-origin-opener-policy': 'same-origin',
      'cross-origin-resource-policy': 'cross-origin',
      etag: held.headers.get('ETag'),
      'referrer-policy': 'no-referrer',
      'strict-transport-security': expect.any(String),
      vary: 'Origin',
      'x-content-type-options': 'nosniff',
    })
    expect(hosts.seen.at(-1)?.headers.get('Authorization')).toBe(`Bearer ${access_token}`)
  })

  it('of a video can be requested by range: 206, and 416 beyond its end', async () => {
    const access_token = await connect()
    const url = hosts.baseUrl('dv', ADA, 11)
    const held = await (await hosts.open(url, access_token)).bytes()
    const ticket = await ticketFor(url)
    const part = await settled(await openTicket(ticket, { Range: 'bytes=5-14' }))
    expect([part.status, part.headers.get('Content-Type')]).toEqual([206, 'video/mp4'])
    expect(part.headers.get('Content-Range')).toBe(`bytes 5-14/${held.length}`)
    expect(part.headers.get('Content-Length')).toBe('10')
    expect(part.bytes).toEqual(held.slice(5, 15))
    const beyond = await settled(await openTicket(ticket, { Range: `bytes=${held.length}-` }))
    expect([beyond.status, beyond.bytes.length]).toEqual([416, 0])
    expect(beyond.headers.get('Content-Range')).toBe(`bytes */${held.length}`)
  })

  it('are omitted if the browser has them: 304, If-Range and If-Modified-Since', async () => {
    await connect()
    const ticket = await ticketFor()
    const etag = (await openTicket(ticket)).headers.get('ETag') ?? ''
    const same = await settled(await openTicket(ticket, { 'If-None-Match': etag }))
    expect([same.status, same.bytes.length]).toEqual([304, 0])
    expect(same.headers.get('ETag')).toBe(etag)
    expect(same.headers.get('Cross-Origin-Resource-Policy')).toBe('cross-origin')
    const range = { Range: 'bytes=0-1' }
    expect((await openTicket(ticket, { ...range, 'If-Range': etag })).status).toBe(206)
    expect((await openTicket(ticket, { ...range, 'If-Range': '"other"' })).status).toBe(200)
    const since = 'Wed, 21 Oct 2015 07:28:00 GMT'
    await openTicket(ticket, { 'If-Modified-Since': since })
    expect(hosts.seen.at(-1)?.headers.get('If-Modified-Since')).toBe(since)
  })

  it('are complete for several ranges, and no other header reaches the host (RFC 9110 §14.1.2)', async () => {
    await connect()
    const ticket = await ticketFor()
    const answer = await openTicket(ticket, {
      Range: 'bytes=0-1,4-5',
      Cookie: 'canary=1',
      Referer: 'https://canary.example/',
      'User-Agent': 'canary',
      'X-Forwarded-For': '203.0.113.1',
      Authorization: 'Bearer canary',
    })
    expect(answer.status).toBe(200)
    const names = [...(hosts.seen.at(-1)?.headers.keys() ?? [])]
    expect(names.toSorted()).toEqual(['accept-encoding', 'authorization'])
    expect(hosts.seen.at(-1)?.headers.get('Authorization')).not.toContain('canary')
  })

  it('are not fetched for HEAD', async () => {
    await connect()
    const ticket = await ticketFor()
    const { headers } = await openTicket(ticket)
    const head = await settled(await openTicket(ticket, {}, 'HEAD'))
    expect([head.status, head.bytes.length]).toEqual([200, 0])
    expect(head.headers.get('Content-Type')).toBe('image/png')
    expect(head.headers.get('ETag')).toBe(headers.get('ETag'))
    expect(hosts.seen.map(({ method }) => method)).toEqual(['GET', 'HEAD'])
  })

  it.each(['text/html', 'multipart/byteranges', 'image/png;a="\\"", text/html, "', ''])(
    'of the type %j are refused with 415',
    async (type) => {
      await connect()
      const cancelled = vi.fn()
      const body = new ReadableStream({ cancel: cancelled })
      script(() => new Response(body, { headers: { 'Content-Type': type } }))
      const refused = await openTicket(await ticketFor(`${LH3}/x`))
      expect(await errorOf(refused)).toEqual([415, 'invalid_request'])
      expect(refused.headers.get('Cache-Control')).toBe('no-store')
      expect(cancelled).toHaveBeenCalledOnce()
    },
  )

  it.each(['image/jpeg', 'image/svg+xml', 'IMAGE/WebP', 'video/mp4; codecs="avc1, mp4a"'])(
    'of the type %s are forwarded, without other headers of the host',
    async (type) => {
      await connect()
      const more = {
        'Set-Cookie': 'canary=1',
        'Content-Disposition': 'attachment;filename="canary.png"',
        'Access-Control-Allow-Origin': '*',
        'Last-Modified': 'Wed, 21 Oct 2015 07:28:00 GMT',
        'Content-Security-Policy': 'canary',
        'Timing-Allow-Origin': '*',
      }
      script(() => new Response('x', { headers: { ...more, 'Content-Type': type } }))
      const { status, headers } = await settled(await openTicket(await ticketFor(`${LH3}/x`)))
      expect([status, headers.get('Content-Type')]).toEqual([200, type])
      expect(headers.get('Last-Modified')).toBe(more['Last-Modified'])
      expect(JSON.stringify([...headers])).not.toContain('canary')
      expect(headers.has('Access-Control-Allow-Origin')).toBe(false)
      expect(headers.has('Timing-Allow-Origin')).toBe(false)
    },
  )

  it('are streamed', async () => {
    await connect()
    let sent = 0
    const endless = (): ReadableStream =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(++sent)),
      })
    script(() => new Response(endless(), { headers: PNG }))
    const reader = (await openTicket(await ticketFor(`${LH3}/x`))).body?.getReader()
    for (let read = 1; read <= 3; read++) expect((await reader?.read())?.done).toBe(false)
    expect(sent).toBeLessThan(20)
    await reader?.cancel()
  })
})

describe('a media host', () => {
  it.each([
    { status: 403, answer: [404, 'invalid_request'] },
    { status: 204, answer: [404, 'invalid_request'] },
    { status: 429, answer: [503, 'temporarily_unavailable'] },
    { status: 500, answer: [503, 'temporarily_unavailable'] },
  ])('that answers $status is answered with $answer', async ({ status, answer }) => {
    await connect()
    const bodiless = status === 204
    script(() => new Response(bodiless ? null : 'canary', { status, headers: PNG }))
    const response = await openTicket(await ticketFor(`${LH3}/x`))
    expect(response.headers.has('Retry-After')).toBe(answer[0] === 503)
    expect(await errorOf(response)).toEqual(answer)
  })

  it('must answer within ten seconds, but may take longer for the bytes', async () => {
    await connect()
    const ticket = await ticketFor(`${LH3}/x`)
    const toFake = ['Date', 'setTimeout', 'clearTimeout'] as const
    vi.useFakeTimers({ toFake: [...toFake], now: Date.now() })
    const signals: AbortSignal[] = []
    script(async ({ signal }) => {
      signals.push(signal)
      const aborted = new Promise<never>((_, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
      })
      vi.advanceTimersByTime(signals.length === 1 ? 10_000 : 9_999)
      return signals.length === 1 ? aborted : new Response('x', { headers: PNG })
    })
    expect((await errorOf(await openTicket(ticket)))[0]).toBe(503)
    const answer = await openTicket(ticket)
    vi.advanceTimersByTime(600_000)
    expect((await answer.bytes()).length).toBe(1)
    expect(signals.map(({ aborted }) => aborted)).toEqual([true, false])
  })

  it('that no longer knows the baseUrl is answered with 404', async () => {
    await connect()
    const url = hosts.baseUrl()
    later(3595)
    const ticket = await ticketFor(url)
    expect((await openTicket(ticket)).status).toBe(200)
    later(10)
    expect(await errorOf(await openTicket(ticket))).toEqual([404, 'invalid_request'])
  })

  it('that refuses the token gets one more request, with another token', async () => {
    const access_token = await connect()
    const ticket = await ticketFor()
    const held = google.simulator.world.access_tokens
    delete held[Object.keys(held).find((name) => name.includes(access_token)) ?? access_token]
    const answer = await openTicket(ticket)
    expect(answer.status).toBe(200)
    const [first, second] = hosts.seen.map(({ headers }) => headers.get('Authorization'))
    expect(first).toBe(`Bearer ${access_token}`)
    expect(second).not.toBe(first)
    expect((await ask(browser)).body.access_token).toBe(second?.slice('Bearer '.length))
  })

  it('that refuses the second token gets no third request', async () => {
    await connect()
    script(() => new Response('canary', { status: 401 }))
    const before = google.calls('token')
    const answer = await openTicket(await ticketFor(`${LH3}/x`))
    expect(await errorOf(answer)).toEqual([503, 'temporarily_unavailable'])
    expect(hosts.seen).toHaveLength(2)
    expect(google.calls('token')).toBe(before + 1)
  })
})

describe('a redirect', () => {
  const to = (location: string, status = 302): Response =>
    new Response('canary', { status, headers: { Location: location } })

  it.each([302, 308])('%d to another media host is followed', async (status) => {
    await connect()
    script(() => to('https://video-downloads.googleusercontent.com/v=dv', status))
    script(
      () => new Response('x', { headers: PNG }),
      'https://video-downloads.googleusercontent.com',
    )
    const answer = await openTicket(await ticketFor(`${LH3}/x`), { Range: 'bytes=0-' }, 'HEAD')
    expect(answer.status).toBe(200)
    expect(hosts.seen.map(({ url, method }) => [method, url])).toEqual([
      ['HEAD', `${LH3}/x`],
      ['HEAD', 'https://video-downloads.googleusercontent.com/v=dv'],
    ])
    expect(hosts.seen[1]?.headers.get('Range')).toBe('bytes=0-')
  })

  it('can be relative, and there can be three', async () => {
    await connect()
    const locations = ['/b', 'c', '//lh4.googleusercontent.com/d']
    script(() => to(locations.shift() ?? '/e'))
    script(() => new Response('x', { headers: PNG }), 'https://lh4.googleusercontent.com')
    expect((await openTicket(await ticketFor(`${LH3}/a`))).status).toBe(200)
    expect(hosts.seen.map(({ url }) => new URL(url).pathname)).toEqual(['/a', '/b', '/c', '/d'])
  })

  it('in a loop ends after three', async () => {
    await connect()
    script(() => to('/x'))
    expect(await errorOf(await openTicket(await ticketFor(`${LH3}/x`)))).toEqual([
      404,
      'invalid_request',
    ])
    expect(hosts.seen).toHaveLength(4)
  })

  it.each([
    'https://evil.example/x',
    'http://lh3.googleusercontent.com/x',
    'https://accounts.google.com/signin',
  ])('to %s is not followed, and gets no token', async (location) => {
    await connect()
    const cancelled = vi.fn()
    const body = new ReadableStream({ cancel: cancelled })
    script(() => new Response(body, { status: 302, headers: { Location: location } }))
    const answer = await openTicket(await ticketFor(`${LH3}/x`))
    expect(answer.headers.has('Location')).toBe(false)
    expect(await errorOf(answer)).toEqual([404, 'invalid_request'])
    expect(hosts.seen.map(({ url }) => url)).toEqual([`${LH3}/x`])
    expect(cancelled).toHaveBeenCalledOnce()
  })
})

describe('a ticket', () => {
  it('is valid for 15 minutes', async () => {
    await connect()
    const ticket = await ticketFor()
    later(899)
    const { status, headers } = await openTicket(ticket)
    expect([status, headers.get('Cache-Control')]).toEqual([200, 'private, max-age=1'])
    later(1)
    expect(await errorOf(await openTicket(ticket))).toEqual([400, 'invalid_request'])
  })

  it('that was forged or changed is refused, and costs nothing', async () => {
    await connect()
    const ticket = await ticketFor()
    const at = ticket.lastIndexOf('/') + 1
    const [head = '', , iv = '', text = '', tag = ''] = ticket.slice(at).split('.')
    const other = (await ticketFor()).slice(at).split('.')
    const costs = countCosts()
    for (const forged of [
      'x',
      '....',
      [head, '', iv, text, 'A'.repeat(22)].join('.'),
      [head, '', iv, text.slice(0, -4), tag].join('.'),
      [head, '', iv, other[3], tag].join('.'),
      [head, '', other[2], text, tag].join('.'),
      'x'.repeat(8000),
    ]) {
      for (const method of ['GET', 'HEAD']) {
        const { status } = await openTicket(`${the.url}/media/${forged}`, {}, method)
        expect(status).toBe(400)
      }
    }
    expect([costs.kv(), costs.objects(), costs.outbound()]).toEqual([0, 0, 0])
  })

  it('uses the token of its own subject, not of the browser that sends it', async () => {
    const ada = await connect(ADA)
    const ticket = await ticketFor(hosts.baseUrl('w64-h48', ADA))
    const other = google.browse()
    await google.connect(other, 'pick', { account: BEN })
    const ben = (await ask(other)).body.access_token
    const ofBen = await ticketFor(hosts.baseUrl('w64-h48', BEN), other)
    const stolen = await ticketFor(hosts.baseUrl('w64-h48', ADA), other)
    expect((await other.fetch(ticket)).status).toBe(200)
    expect((await browser.fetch(ofBen)).status).toBe(200)
    expect((await browser.fetch(stolen)).status).toBe(404)
    expect(hosts.seen.map(({ headers }) => headers.get('Authorization'))).toEqual([
      `Bearer ${ada}`,
      `Bearer ${ben}`,
      `Bearer ${ben}`,
    ])
  })

  it('ends when its client or bundle is removed from the configuration', async () => {
    const clients = { default: { origins: [the.url] } }
    configureClients(clients)
    await connect()
    const ticket = await ticketFor()
    expect((await openTicket(ticket)).status).toBe(200)
    configureClients({ default: { origins: [the.url], bundles: ['upload'] } })
    expect((await openTicket(ticket)).status).toBe(400)
    configureClients({ other: { origins: [the.url] } })
    expect((await openTicket(ticket)).status).toBe(400)
  })

  it('costs one KV read with edge consistency, and one request to the Durable Object with strict', async () => {
    await logIn(browser)
    script(() => new Response('x', { headers: PNG }))
    travel('home')
    const ticket = await ticketFor(`${LH3}/x`)
    const costs = countCosts()
    for (let time = 0; time < 5; time++) await (await openTicket(ticket)).bytes()
    expect([costs.kv(), costs.objects(), costs.outbound()]).toEqual([5, 0, 5])
    configure({ CONSISTENCY: 'strict' })
    for (let time = 0; time < 5; time++) await (await openTicket(ticket)).bytes()
    expect([costs.kv(), costs.objects(), costs.outbound()]).toEqual([5, 5, 10])
  })
})

describe('a ticket is closed', () => {
  it.each([
    { how: 'a logout', path: '/session' },
    { how: 'a disconnect', path: '/grants' },
    { how: 'deleting the grant', path: '/grants/pick' },
  ])('by $how: within a minute with edge, at once with strict', async ({ path }) => {
    for (const CONSISTENCY of ['edge', 'strict']) {
      configure({ CONSISTENCY })
      await connect()
      const ticket = await ticketFor()
      expect((await openTicket(ticket)).status).toBe(200)
      expect((await browser.call('DELETE', the.url + path)).status).toBe(204)
      if (CONSISTENCY === 'edge') await aMinute((await subjectOf()).stub)
      const before = hosts.seen.length
      const closed = await openTicket(ticket)
      expect(await errorOf(closed)).toEqual([401, 'login_required'])
      expect(hosts.seen.length).toBe(before)
    }
  })
})

describe('in OAuth mode', () => {
  let frontend: Frontend

  beforeEach(async () => {
    configureClients()
    frontend = await openFrontend()
  })

  const askFor = async (urls: unknown, bundle = 'pick'): Promise<Answer<MediaResponse>> =>
    frontend.call('POST', '/media', { json: { bundle, urls } })

  it('a page of the client can read the bytes', async () => {
    const { access_token } = await frontend.connect(google, 'pick')
    const url = hosts.baseUrl()
    const { status, headers, body } = await askFor([url])
    expect(status).toBe(200)
    expect(headers.get('Access-Control-Allow-Origin')).toBe(gallery.origin)
    const ticket = body.media[0]?.url ?? ''
    const answer = await openTicket(ticket, { Origin: gallery.origin })
    expect(await answer.bytes()).toEqual(await (await hosts.open(url, access_token)).bytes())
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(gallery.origin)
  })

  it('POST /media is refused like other requests', async () => {
    await frontend.connect(google, 'pick')
    expect((await askFor(['https://evil.example/'])).body.error).toBe('invalid_request')
    expect((await askFor([`${LH3}/x`], 'upload')).body).toMatchObject({
      error: 'consent_required',
      reason: 'never_granted',
    })
    const json = { bundle: 'pick', urls: [`${LH3}/x`] }
    const foreign = { headers: { Origin: journal.origin }, json }
    expect((await frontend.call('POST', '/media', foreign)).status).toBe(403)
    const wrong = { access_token: 'x', json }
    expect((await frontend.call('POST', '/media', wrong)).status).toBe(401)
    expect((await frontend.call('POST', '/media', { proof: null, json })).status).toBe(401)
  })
})

describe('the bytes are readable', () => {
  const EXPOSED = 'Content-Length, Content-Range, Accept-Ranges, ETag, Retry-After'
  let ticket: string

  beforeEach(async () => {
    configureClients()
    const frontend = await openFrontend()
    await frontend.connect(google, 'pick')
    const json = { bundle: 'pick', urls: [hosts.baseUrl()] }
    const { body } = await frontend.call<MediaResponse>('POST', '/media', { json })
    ticket = body.media[0]?.url ?? ''
  })

  it.each([
    { origin: gallery.origin, may: true },
    { origin: journal.origin, may: false },
    { origin: the.url, may: false },
    { origin: 'https://evil.example', may: false },
    { origin: 'null', may: false },
    { origin: undefined, may: false },
  ])(
    'that scripts of $origin may read them is $may; any page can show them',
    async ({ origin, may }) => {
      const from: Record<string, string> = origin === undefined ? {} : { Origin: origin }
      const { status, headers } = await openTicket(ticket, from)
      expect(status).toBe(200)
      expect(headers.get('Cross-Origin-Resource-Policy')).toBe('cross-origin')
      expect(headers.get('Access-Control-Allow-Origin')).toBe(may ? origin : null)
      expect(headers.get('Access-Control-Expose-Headers')).toBe(may ? EXPOSED : null)
      expect(headers.has('Access-Control-Allow-Credentials')).toBe(false)
      expect(headers.get('Vary')).toContain('Origin')
      const preflight = await openTicket(
        ticket,
        { ...from, 'Access-Control-Request-Method': 'GET' },
        'OPTIONS',
      )
      expect(preflight.status).toBe(may ? 204 : 403)
      expect(preflight.headers.get('Access-Control-Allow-Origin')).toBe(may ? origin : null)
      if (may) {
        const allowed = preflight.headers.get('Access-Control-Allow-Headers')
        expect(allowed).toBe('Range, If-Range, If-None-Match, If-Modified-Since')
      }
    },
  )

  it('from the client’s origin, errors included', async () => {
    script(() => new Response(null, { status: 404 }))
    const { status, headers } = await openTicket(ticket, { Origin: gallery.origin })
    expect([status, headers.get('Access-Control-Allow-Origin')]).toEqual([404, gallery.origin])
  })
})

/** Reads an answer to its end. */
async function settled(
  response: Response,
): Promise<{ status: number; headers: Headers; bytes: Uint8Array }> {
  const { status, headers } = response
  return { status, headers, bytes: await response.bytes() }
}
