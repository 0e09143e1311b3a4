/** Tests of what media hosts answer to the relay: failures, refused tokens, redirects. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { failed, type Reason, describe as sentenceOf } from '../../src/errors.ts'
import { answerOf, ask } from '../support/broker.ts'
import { errorOf, LH3, type Media, openMedia, openTicket, PNG } from '../support/media.ts'
import { later, STORY_BEGINS, stage } from '../support/story.ts'

stage()

/** An HTTP date; RFC 9110 §5.6.7. */
const IN_A_MINUTE = new Date(STORY_BEGINS + 60_000).toUTCString()

let media: Media

beforeEach(() => {
  media = openMedia()
})

describe('a media host', () => {
  it.each([
    { status: 403, answer: [404, 'invalid_request'] },
    { status: 204, answer: [404, 'invalid_request'] },
    { status: 410, answer: [404, 'invalid_request'] },
    { status: 429, answer: [429, 'slow_down'] },
    { status: 500, answer: [503, 'temporarily_unavailable'] },
  ])('that answers $status is answered with $answer', async ({ status, answer }) => {
    await media.connect()
    const bodiless = status === 204
    media.script(() => new Response(bodiless ? null : 'canary', { status, headers: PNG }))
    const response = await openTicket(await media.ticketFor(`${LH3}/x`))
    expect(response.headers.get('Retry-After')).toBe(answer[0] === 404 ? null : '10')
    expect(await errorOf(response)).toEqual(answer)
  })

  it.each<{ status: number; retry_after: string; waits: string; reason: Reason }>([
    { status: 429, retry_after: '7', waits: '7', reason: 'media_host_limit' },
    { status: 429, retry_after: '4000', waits: '4000', reason: 'media_host_limit' },
    { status: 503, retry_after: '120', waits: '120', reason: 'media_host_refuses' },
    { status: 500, retry_after: '3', waits: '3', reason: 'media_host_refuses' },
    { status: 503, retry_after: IN_A_MINUTE, waits: '60', reason: 'media_host_refuses' },
    ...['0', '-1', 'soon', '1e9', `${'9'.repeat(30)}`].map((retry_after) => {
      return { status: 503, retry_after, waits: '10', reason: 'media_host_refuses' as const }
    }),
  ])(
    'that answers $status and Retry-After $retry_after is passed on, with a body of ours: $reason',
    async ({ status, retry_after, waits, reason }) => {
      await media.connect()
      const headers = { 'Retry-After': retry_after, 'X-Debug': 'canary' }
      media.script(() => new Response('canary', { status, headers }))
      const answer = await answerOf(await openTicket(await media.ticketFor(`${LH3}/x`)))
      expect(answer.status).toBe(status === 500 ? 503 : status)
      expect(answer.headers.get('Retry-After')).toBe(waits)
      expect(answer.headers.get('Cache-Control')).toBe('no-store')
      expect(answer.body.error_description).toBe(sentenceOf(failed(reason).failure))
      expect(JSON.stringify([answer.body, ...answer.headers])).not.toContain('canary')
    },
  )

  it('must answer within ten seconds, but may take longer for the bytes', async () => {
    await media.connect()
    const ticket = await media.ticketFor(`${LH3}/x`)
    const toFake = ['Date', 'setTimeout', 'clearTimeout'] as const
    vi.useFakeTimers({ toFake: [...toFake], now: Date.now() })
    const signals: AbortSignal[] = []
    media.script(async ({ signal }) => {
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
    await media.connect()
    const url = media.baseUrl()
    later(3595)
    const ticket = await media.ticketFor(url)
    expect((await openTicket(ticket)).status).toBe(200)
    later(10)
    expect(await errorOf(await openTicket(ticket))).toEqual([404, 'invalid_request'])
  })

  it('that refuses the token gets one more request, with another token', async () => {
    const access_token = await media.connect()
    const ticket = await media.ticketFor()
    const held = media.google.simulator.world.access_tokens
    delete held[Object.keys(held).find((name) => name.includes(access_token)) ?? access_token]
    const answer = await openTicket(ticket)
    expect(answer.status).toBe(200)
    const [first, second] = media.seen.map(({ headers }) => headers.get('Authorization'))
    expect(first).toBe(`Bearer ${access_token}`)
    expect(second).not.toBe(first)
    expect((await ask(media.browser)).body.access_token).toBe(second?.slice('Bearer '.length))
  })

  it('that refuses the second token gets no third request', async () => {
    await media.connect()
    media.script(() => new Response('canary', { status: 401 }))
    const before = media.google.calls('token')
    const answer = await openTicket(await media.ticketFor(`${LH3}/x`))
    expect(await errorOf(answer)).toEqual([503, 'temporarily_unavailable'])
    expect(media.seen).toHaveLength(2)
    expect(media.google.calls('token')).toBe(before + 1)
  })
})

describe('a redirect', () => {
  const to = (location: string, status = 302): Response =>
    new Response('canary', { status, headers: { Location: location } })

  it.each([
    { status: 302, host: 'https://video-downloads.googleusercontent.com' },
    { status: 308, host: 'https://photos.usercontent.google.com' },
  ])('$status to the media host $host is followed', async ({ status, host }) => {
    await media.connect()
    media.script(() => to(`${host}/v=dv`, status))
    media.script(() => new Response('x', { headers: PNG }), host)
    const answer = await openTicket(
      await media.ticketFor(`${LH3}/x`),
      { Range: 'bytes=0-' },
      'HEAD',
    )
    expect(answer.status).toBe(200)
    expect(media.seen.map(({ url, method }) => [method, url])).toEqual([
      ['HEAD', `${LH3}/x`],
      ['HEAD', `${host}/v=dv`],
    ])
    expect(media.seen[1]?.headers.get('Range')).toBe('bytes=0-')
  })

  it('can be relative, and there can be three', async () => {
    await media.connect()
    const locations = ['/b', 'c', '//lh4.googleusercontent.com/d']
    media.script(() => to(locations.shift() ?? '/e'))
    media.script(() => new Response('x', { headers: PNG }), 'https://lh4.googleusercontent.com')
    expect((await openTicket(await media.ticketFor(`${LH3}/a`))).status).toBe(200)
    expect(media.seen.map(({ url }) => new URL(url).pathname)).toEqual(['/a', '/b', '/c', '/d'])
  })

  it('in a loop ends after three', async () => {
    await media.connect()
    media.script(() => to('/x'))
    expect(await errorOf(await openTicket(await media.ticketFor(`${LH3}/x`)))).toEqual([
      404,
      'invalid_request',
    ])
    expect(media.seen).toHaveLength(4)
  })

  it.each([
    'https://evil.example/x',
    'http://lh3.googleusercontent.com/x',
    'https://accounts.google.com/signin',
    'https://usercontent.google.com/x',
    'https://a.b.usercontent.google.com/x',
    'https://lh3.googleusercontent.com:8443/x',
    'https://ada@lh3.googleusercontent.com/x',
  ])('to %s is not followed, and gets no token', async (location) => {
    await media.connect()
    const cancelled = vi.fn()
    const body = new ReadableStream({ cancel: cancelled })
    media.script(() => new Response(body, { status: 302, headers: { Location: location } }))
    const answer = await openTicket(await media.ticketFor(`${LH3}/x`))
    expect(answer.headers.has('Location')).toBe(false)
    expect(await errorOf(answer)).toEqual([404, 'invalid_request'])
    expect(media.seen.map(({ url }) => url)).toEqual([`${LH3}/x`])
    expect(cancelled).toHaveBeenCalledOnce()
  })
})
