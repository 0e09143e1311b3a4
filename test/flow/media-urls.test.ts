/** Tests of the URLs for which a page asks for tickets: which are taken, and what stands in the place of one that is not. */

import { beforeEach, describe, expect, it } from 'vitest'
import { failed, type Reason, describe as sentenceOf } from '../../src/errors.ts'
import { askMedia, LH3, type Media, openMedia, openTicket, PNG } from '../support/media.ts'
import { readLog, stage } from '../support/story.ts'

stage()

let media: Media

beforeEach(() => {
  media = openMedia()
})

/** What stands in the place of a URL that is refused. */
const refusal = (reason: Reason): object => ({
  error: 'invalid_request',
  error_description: sentenceOf(failed(reason).failure),
})

describe('POST /media', () => {
  it.each([
    'http://lh3.googleusercontent.com/x',
    'https://lh3.googleusercontent.com.evil.example/x',
    'https://user@lh3.googleusercontent.com/x',
    'https://4.3.2.1.bc.googleusercontent.com/x',
    'https://googleusercontent.com/x',
    'https://lh3.googleusercontent.com:8443/x',
    'https://a.b.usercontent.google.com/x',
    'https://xusercontent.google.com/x',
    'https://photospicker.googleapis.com/v1/sessions',
    'http://localhost:8788/media/x',
    `${LH3}/${'ä'.repeat(1000)}`,
  ])('refuses %s in its place, and takes the others', async (url) => {
    await media.connect()
    const { status, body } = await askMedia(media.browser, [media.baseUrl(), url, media.baseUrl()])
    expect([status, Object.keys(body)]).toEqual([200, ['media']])
    const [first, refused, last] = body.media
    expect(refused).toEqual(
      refusal(url.length > 1000 ? 'media_url_length' : 'media_url_not_allowed'),
    )
    for (const item of [first, last]) expect((await openTicket(item?.url ?? '')).status).toBe(200)
    expect(JSON.stringify(body)).not.toContain('evil')
  })

  it('answers 200 also if it takes none, and records one refusal', async () => {
    await media.connect()
    const log = readLog('info')
    const urls = ['', 'x'.repeat(2049), 'https://evil.example/', `${LH3}/${'x'.repeat(2048)}`]
    const { status, body } = await askMedia(media.browser, urls)
    expect(status).toBe(200)
    expect(body.media).toEqual(
      [
        'media_url_not_allowed',
        'media_url_length',
        'media_url_not_allowed',
        'media_url_length',
      ].map((reason) => refusal(reason as Reason)),
    )
    expect(log.map(({ event, reason }) => [event, reason])).toEqual([
      ['request_refused', 'media_url_not_allowed'],
    ])
  })

  it.each([
    { what: 'none', urls: [] },
    { what: '101', urls: Array.from({ length: 101 }, () => `${LH3}/x`) },
    { what: 'numbers', urls: [`${LH3}/x`, 1] },
    { what: 'a text', urls: `${LH3}/x` },
    { what: 'half a megabyte', urls: ['x'.repeat(512 * 1024)] },
  ])('refuses $what as urls', async ({ urls }) => {
    await media.connect()
    const { status, body } = await askMedia(media.browser, urls)
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(body).not.toHaveProperty('media')
  })

  it('accepts the other domain of media hosts', async () => {
    await media.connect()
    const host = 'https://photos.usercontent.google.com'
    media.script(() => new Response('x', { headers: PNG }), host)
    expect((await openTicket(await media.ticketFor(`${host}/x=w1`))).status).toBe(200)
  })

  it('accepts what a parser reads as a media URL, and fetches the parsed URL', async () => {
    await media.connect()
    media.script(() => new Response('x', { headers: PNG }))
    const ticket = await media.ticketFor(' hTTps:\\\\LH3.GoogleUserContent.com:443/a/../b=w1 ')
    expect((await openTicket(ticket)).status).toBe(200)
    expect(media.seen.at(-1)?.url).toBe(`${LH3}/b=w1`)
  })
})
