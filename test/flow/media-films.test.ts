/** Tests of films that Google does not have yet: a page can tell one that is still processed from one that is over. */

import { beforeEach, describe, expect, it } from 'vitest'
import { failed, describe as sentenceOf } from '../../src/errors.ts'
import { answerOf, the } from '../support/broker.ts'
import { LH3, type Media, openMedia, openTicket, PNG } from '../support/media.ts'
import { ADA } from '../support/simulated-google.ts'
import { later, stage } from '../support/story.ts'

stage()

/** The items of the simulator that are videos; the second is still processed. */
const [READY, PROCESSING] = [10, 11]
const STILL = `${LH3}/x=w1-h1`

let media: Media

beforeEach(async () => {
  media = openMedia()
  await media.connect()
})

/** Scripts what the host answers for a film, and for a still picture of the same item. */
function answerWith(film: () => Response, still: () => Response): void {
  media.script(({ url }) => (url === STILL ? still() : film()))
}

const picture = (): Response => new Response('x', { headers: PNG })
const status = (code: number) => (): Response => new Response('canary', { status: code })

describe('a film that Google still processes', () => {
  const EXPECTED = {
    status: 503,
    body: {
      error: 'temporarily_unavailable',
      error_description: sentenceOf(failed('media_processing').failure),
    },
  }

  it.each(['GET', 'HEAD'])('is answered with 503 and Retry-After: %s', async (method) => {
    const ticket = await media.ticketFor(media.baseUrl('dv', ADA, PROCESSING))
    const response = await openTicket(ticket, { Range: 'bytes=0-' }, method)
    expect(response.status).toBe(503)
    expect(response.headers.get('Retry-After')).toBe('30')
    expect(response.headers.get('Cache-Control')).toBe('no-store')
    if (method === 'GET') expect(await answerOf(response)).toMatchObject(EXPECTED)
    expect(media.seen.at(-1)?.method).toBe('GET')
    expect(media.seen.at(-1)?.headers.has('Range')).toBe(false)
  })

  it.each([
    { how: '404', film: status(404) },
    { how: '403', film: status(403) },
    { how: '400', film: status(400) },
    { how: '204', film: () => new Response(null, { status: 204 }) },
    { how: 'a page', film: () => new Response('x', { headers: { 'Content-Type': 'text/html' } }) },
    { how: 'a picture in its place', film: picture },
    { how: 'a redirect elsewhere', film: () => Response.redirect('https://evil.example/', 302) },
  ])('is recognized, whether its host answers $how', async ({ film }) => {
    answerWith(film, picture)
    const answer = await answerOf(await openTicket(await media.ticketFor(`${LH3}/x=dv`)))
    expect(answer).toMatchObject(EXPECTED)
    expect(media.seen.map(({ url }) => url)).toEqual([`${LH3}/x=dv`, STILL])
  })

  it('is answered to scripts of the client without a header of the picture', async () => {
    const headers = { ...PNG, ETag: '"canary"', 'Last-Modified': 'Wed, 21 Oct 2015 07:28:00 GMT' }
    answerWith(status(404), () => new Response('x', { headers }))
    const answer = await openTicket(await media.ticketFor(`${LH3}/x=dv`), { Origin: the.url })
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(the.url)
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    expect(answer.headers.has('ETag') || answer.headers.has('Last-Modified')).toBe(false)
    expect(await answerOf(answer)).toMatchObject(EXPECTED)
  })

  it('plays once it is ready', async () => {
    const ticket = await media.ticketFor(media.baseUrl('dv', ADA, READY))
    const { status, headers } = await openTicket(ticket)
    expect([status, headers.get('Content-Type')]).toEqual([200, 'video/mp4'])
  })
})

describe('a film whose baseUrl has ended', () => {
  it('is answered with 404: trying again does not help', async () => {
    const url = media.baseUrl('dv', ADA, PROCESSING)
    later(3595)
    const ticket = await media.ticketFor(url)
    later(10)
    const { status, headers, body } = await answerOf(await openTicket(ticket))
    expect([status, headers.get('Retry-After')]).toEqual([404, null])
    expect(body.error_description).toBe(sentenceOf(failed('media_gone').failure))
  })

  it.each([403, 404, 410])('is recognized, whether its host answers %d for all', async (code) => {
    answerWith(status(code), status(code))
    expect((await openTicket(await media.ticketFor(`${LH3}/x=dv`))).status).toBe(404)
  })
})

it.each([
  { still: 500, expected: [503, '10'] },
  { still: 429, expected: [429, '10'] },
])(
  'a refused film is worth another try while its host answers $still for the picture',
  async ({ still, expected }) => {
    answerWith(status(404), status(still))
    const { status: code, headers } = await openTicket(await media.ticketFor(`${LH3}/x=dv`))
    expect([code, headers.get('Retry-After')]).toEqual(expected)
  },
)

it.each(['=w64-h48', '=d', '', '=dv-x'])('nothing else is asked twice: %s', async (size) => {
  media.script(status(404))
  expect((await openTicket(await media.ticketFor(`${LH3}/x${size}`))).status).toBe(404)
  expect(media.seen).toHaveLength(1)
})
