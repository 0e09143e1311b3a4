/** Tests of the bytes that the media relay forwards: headers, ranges, conditions, types. */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { videoBytes } from '../../src/simulator/photos/video.ts'
import { errorOf, LH3, type Media, openMedia, openTicket, PNG } from '../support/media.ts'
import { ADA } from '../support/simulated-google.ts'
import { later, stage } from '../support/story.ts'

stage()

let media: Media

beforeEach(() => {
  media = openMedia()
})

describe('the bytes', () => {
  it('are forwarded with the headers that a page needs', async () => {
    const access_token = await media.connect()
    const url = media.baseUrl()
    const held = await media.open(url, access_token)
    const ticket = await media.ticketFor(url)
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
      'server-timing': expect.stringMatching(/google;dur=/),
      'strict-transport-security': expect.any(String),
      vary: 'Origin',
      'x-content-type-options': 'nosniff',
    })
    expect(media.seen.at(-1)?.headers.get('Authorization')).toBe(`Bearer ${access_token}`)
  })

  it('of a film arrive after a redirect, and whole: its host ignores Range', async () => {
    await media.connect()
    const ticket = await media.ticketFor(media.baseUrl('dv', ADA, 10))
    const film = await settled(await openTicket(ticket, { Range: 'bytes=5-14' }))
    expect([film.status, film.headers.get('Content-Type')]).toEqual([200, 'video/mp4'])
    expect(film.headers.get('Accept-Ranges')).toBeNull()
    expect(film.bytes).toEqual(videoBytes())
    expect(media.seen.map(({ headers }) => headers.get('Range'))).toEqual([
      'bytes=5-14',
      'bytes=5-14',
    ])
  })

  it('can be requested by range where the host allows it: 206, and 416 beyond the end', async () => {
    const access_token = await media.connect()
    const url = media.baseUrl('d')
    const held = await (await media.open(url, access_token)).bytes()
    const ticket = await media.ticketFor(url)
    const part = await settled(await openTicket(ticket, { Range: 'bytes=5-14' }))
    expect([part.status, part.headers.get('Content-Type')]).toEqual([206, 'image/png'])
    expect(part.headers.get('Content-Range')).toBe(`bytes 5-14/${held.length}`)
    expect(part.headers.get('Content-Length')).toBe('10')
    expect(part.bytes).toEqual(held.slice(5, 15))
    const beyond = await settled(await openTicket(ticket, { Range: `bytes=${held.length}-` }))
    expect([beyond.status, beyond.bytes.length]).toEqual([416, 0])
    expect(beyond.headers.get('Content-Range')).toBe(`bytes */${held.length}`)
  })

  it('are omitted if the browser has them: 304, If-Range and If-Modified-Since', async () => {
    await media.connect()
    const ticket = await media.ticketFor()
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
    expect(media.seen.at(-1)?.headers.get('If-Modified-Since')).toBe(since)
  })

  it('are complete for several ranges, and no other header reaches the host (RFC 9110 §14.1.2)', async () => {
    await media.connect()
    const ticket = await media.ticketFor()
    const answer = await openTicket(ticket, {
      Range: 'bytes=0-1,4-5',
      Cookie: 'canary=1',
      Referer: 'https://canary.example/',
      'User-Agent': 'canary',
      'X-Forwarded-For': '203.0.113.1',
      Authorization: 'Bearer canary',
    })
    expect(answer.status).toBe(200)
    const names = [...(media.seen.at(-1)?.headers.keys() ?? [])]
    expect(names.toSorted()).toEqual(['accept-encoding', 'authorization'])
    expect(media.seen.at(-1)?.headers.get('Authorization')).not.toContain('canary')
  })

  it('are not fetched for HEAD', async () => {
    await media.connect()
    const ticket = await media.ticketFor()
    const { headers } = await openTicket(ticket)
    const head = await settled(await openTicket(ticket, {}, 'HEAD'))
    expect([head.status, head.bytes.length]).toEqual([200, 0])
    expect(head.headers.get('Content-Type')).toBe('image/png')
    expect(head.headers.get('ETag')).toBe(headers.get('ETag'))
    expect(media.seen.map(({ method }) => method)).toEqual(['GET', 'HEAD'])
  })

  it.each([
    ...['text/html', 'multipart/byteranges', 'image/png;a="\\"", text/html, "', ''],
    ...[
      'image/svg+xml',
      'IMAGE/SVG+XML;charset=utf-8',
      ' image/svg+xml ; a="b"',
      'image/png, image/svg+xml',
    ],
    ...[
      'image/svg',
      'image/svg-xml',
      'image/vnd.example+xml',
      'image/xml',
      'video/vnd.example+xml',
    ],
    ...['video/mpegurl', 'video/x-mpegurl', 'application/xml', 'application/dash+xml'],
  ])(
    'of the type %j, which is no picture or film or can hold links, are refused with 415',
    async (type) => {
      await media.connect()
      const cancelled = vi.fn()
      const body = new ReadableStream({ cancel: cancelled })
      media.script(() => new Response(body, { headers: { 'Content-Type': type } }))
      const refused = await openTicket(await media.ticketFor(`${LH3}/x`))
      expect(await errorOf(refused)).toEqual([415, 'invalid_request'])
      expect(refused.headers.get('Cache-Control')).toBe('no-store')
      expect(cancelled).toHaveBeenCalledOnce()
    },
  )

  it.each(['image/jpeg', 'image/x-adobe-dng', 'IMAGE/WebP', 'video/mp4; codecs="avc1, mp4a"'])(
    'of the type %s are forwarded, without other headers of the host',
    async (type) => {
      await media.connect()
      const more = {
        'Set-Cookie': 'canary=1',
        'Content-Disposition': 'attachment;filename="canary.png"',
        'Access-Control-Allow-Origin': '*',
        'Last-Modified': 'Wed, 21 Oct 2015 07:28:00 GMT',
        'Content-Security-Policy': 'canary',
        'Timing-Allow-Origin': '*',
      }
      media.script(() => new Response('x', { headers: { ...more, 'Content-Type': type } }))
      const { status, headers } = await settled(await openTicket(await media.ticketFor(`${LH3}/x`)))
      expect([status, headers.get('Content-Type')]).toEqual([200, type])
      expect(headers.get('Last-Modified')).toBe(more['Last-Modified'])
      expect(JSON.stringify([...headers])).not.toContain('canary')
      expect(headers.has('Access-Control-Allow-Origin')).toBe(false)
      expect(headers.has('Timing-Allow-Origin')).toBe(false)
    },
  )

  it('are streamed', async () => {
    await media.connect()
    let sent = 0
    const endless = (): ReadableStream =>
      new ReadableStream({
        pull: (controller) => controller.enqueue(new Uint8Array(64 * 1024).fill(++sent)),
      })
    media.script(() => new Response(endless(), { headers: PNG }))
    const reader = (await openTicket(await media.ticketFor(`${LH3}/x`))).body?.getReader()
    for (let read = 1; read <= 3; read++) expect((await reader?.read())?.done).toBe(false)
    expect(sent).toBeLessThan(20)
    await reader?.cancel()
  })
})

/** Reads an answer to its end. */
async function settled(
  response: Response,
): Promise<{ status: number; headers: Headers; bytes: Uint8Array }> {
  const { status, headers } = response
  return { status, headers, bytes: await response.bytes() }
}
