/** Tests of the media relay in OAuth mode: whose scripts may read the bytes. */

import { beforeEach, describe, expect, it } from 'vitest'
import type { MediaResponse } from '../../src/protocol/http.ts'
import { type Answer, the } from '../support/broker.ts'
import {
  configureClients,
  type Frontend,
  gallery,
  journal,
  openFrontend,
} from '../support/frontend.ts'
import { LH3, type Media, openMedia, openTicket } from '../support/media.ts'
import { stage } from '../support/story.ts'

stage()

let media: Media
let frontend: Frontend

beforeEach(async () => {
  media = openMedia()
  configureClients()
  frontend = await openFrontend()
})

const askFor = async (urls: unknown, bundle = 'pick'): Promise<Answer<MediaResponse>> =>
  frontend.call('POST', '/media', { json: { bundle, urls } })

describe('in OAuth mode', () => {
  it('a page of the client can read the bytes', async () => {
    const { access_token } = await frontend.connect(media.google, 'pick')
    const url = media.baseUrl()
    const { status, headers, body } = await askFor([url])
    expect(status).toBe(200)
    expect(headers.get('Access-Control-Allow-Origin')).toBe(gallery.origin)
    const ticket = body.media[0]?.url ?? ''
    const answer = await openTicket(ticket, { Origin: gallery.origin })
    expect(await answer.bytes()).toEqual(await (await media.open(url, access_token)).bytes())
    expect(answer.headers.get('Access-Control-Allow-Origin')).toBe(gallery.origin)
  })

  it('POST /media is refused like other requests', async () => {
    await frontend.connect(media.google, 'pick')
    expect((await askFor(['https://evil.example/'])).body.media[0]?.error).toBe('invalid_request')
    expect((await askFor([])).body.error).toBe('invalid_request')
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
  const EXPOSED = 'Content-Length, Content-Range, Accept-Ranges, ETag, Retry-After, Server-Timing'
  let ticket: string

  beforeEach(async () => {
    await frontend.connect(media.google, 'pick')
    ticket = (await askFor([media.baseUrl()])).body.media[0]?.url ?? ''
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
    media.script(() => new Response(null, { status: 404 }))
    const { status, headers } = await openTicket(ticket, { Origin: gallery.origin })
    expect([status, headers.get('Access-Control-Allow-Origin')]).toEqual([404, gallery.origin])
  })
})
