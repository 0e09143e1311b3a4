/** Tests of the address of a ticket: it shares its path with `POST /media`, and each has its own CORS and methods. */

import { beforeEach, describe, expect, it } from 'vitest'
import { failed, type Reason, describe as sentenceOf } from '../../src/errors.ts'
import { answerOf, broker, browse, the } from '../support/broker.ts'
import { configureClients, gallery, journal, OAUTH_CLIENTS } from '../support/frontend.ts'
import { type Media, openMedia, openTicket } from '../support/media.ts'
import { stage } from '../support/story.ts'

stage()

const PATH = `${the.url}/media`

/** Headers of a preflight. */
const preflight = (origin: string, method: string): Record<string, string> => ({
  Origin: origin,
  'Access-Control-Request-Method': method,
})

const sentence = (reason: Reason, parameter = ''): string =>
  sentenceOf({ ...failed(reason).failure, parameter })

let media: Media

beforeEach(() => {
  media = openMedia()
})

describe('GET /media', () => {
  it.each<{ what: string; query: string; reason: Reason }>([
    { what: 'no ticket', query: '', reason: 'parameter_missing' },
    { what: 'an empty ticket', query: '?ticket=', reason: 'parameter_missing' },
    { what: 'another parameter', query: '?tickets=x', reason: 'parameter_missing' },
    { what: 'two tickets', query: '?ticket=x&ticket=x', reason: 'parameter_repeated' },
    { what: 'an unknown ticket', query: '?ticket=canary', reason: 'ticket_invalid' },
  ])('with $what is refused, and says so: $reason', async ({ query, reason }) => {
    const { status, body } = await answerOf(await openTicket(PATH + query))
    expect([status, body.error]).toEqual([400, 'invalid_request'])
    expect(body.error_description).toBe(sentence(reason, 'ticket'))
    expect(JSON.stringify(body)).not.toContain('canary')
    expect((await openTicket(PATH + query, {}, 'HEAD')).status).toBe(400)
  })

  it('with a right ticket twice is refused (TMB-14)', async () => {
    await media.connect()
    const address = await media.ticketFor()
    const twice = await openTicket(`${address}&${address.split('?')[1]}`)
    expect(twice.status).toBe(400)
    expect(media.seen).toEqual([])
  })

  it('ignores a parameter that a page added', async () => {
    await media.connect()
    expect((await openTicket(`${await media.ticketFor()}&t=7`)).status).toBe(200)
  })

  it('needs no session, and does not use that of the browser that sends it', async () => {
    await media.connect()
    const address = await media.ticketFor()
    for (const browser of [browse(), media.browser])
      expect((await browser.fetch(address)).status).toBe(200)
    expect((await media.browser.fetch(PATH)).status).toBe(400)
  })

  it('says how long Google took, to scripts of the client too', async () => {
    await media.connect()
    const { headers } = await openTicket(await media.ticketFor(), { Origin: the.url })
    expect(headers.get('Server-Timing')).toMatch(/^kv;dur=\d+, google;dur=\d+, total;dur=\d+$/)
    expect(headers.get('Access-Control-Expose-Headers')).toContain('Server-Timing')
  })
})

describe('a preflight', () => {
  beforeEach(() => configureClients())

  /** Gets a ticket of the client `web`, which uses cookie mode. */
  async function ticketOfWeb(): Promise<string> {
    await media.google.connect(media.browser, 'pick', { query: '&client=web' })
    return media.ticketFor()
  }

  it('of a POST allows what the client sends, whatever the query says', async () => {
    const address = await ticketOfWeb()
    for (const url of [PATH, `${PATH}?ticket=x`, address]) {
      const { status, headers } = await openTicket(
        url,
        preflight(gallery.origin, 'POST'),
        'OPTIONS',
      )
      expect([status, headers.get('Access-Control-Allow-Methods')]).toEqual([204, 'POST'])
      expect(headers.get('Access-Control-Allow-Headers')).toBe(
        'Authorization, Content-Type, DPoP, User-Agent',
      )
      expect(headers.get('Access-Control-Allow-Origin')).toBe(gallery.origin)
    }
  })

  it.each(['GET', 'HEAD'])('of a %s is that of the ticket, without credentials', async (method) => {
    const address = await ticketOfWeb()
    const own = await openTicket(address, preflight(the.url, method), 'OPTIONS')
    expect([own.status, own.headers.get('Access-Control-Allow-Methods')]).toEqual([
      204,
      'GET, HEAD',
    ])
    expect(own.headers.has('Access-Control-Allow-Credentials')).toBe(false)
    for (const origin of [gallery.origin, journal.origin, 'https://evil.example']) {
      const { status, headers } = await openTicket(address, preflight(origin, method), 'OPTIONS')
      expect([status, headers.get('Access-Control-Allow-Origin')]).toEqual([403, null])
    }
  })

  it.each(['', '?ticket=x', '?ticket=x&ticket=x'])(
    'of a GET of /media%s is refused',
    async (query) => {
      const from = preflight(gallery.origin, 'GET')
      const { status, headers } = await openTicket(PATH + query, from, 'OPTIONS')
      expect([status, headers.get('Access-Control-Allow-Origin')]).toEqual([400, null])
    },
  )

  it('of a GET below a path of BASE_URL is that of the ticket, too', async () => {
    configureClients(OAUTH_CLIENTS, { BASE_URL: `${the.url}/photos-auth` })
    const url = `${the.url}/photos-auth/media?ticket=x`
    const { status, headers } = await openTicket(url, preflight(gallery.origin, 'GET'), 'OPTIONS')
    expect([status, headers.get('Access-Control-Allow-Origin')]).toEqual([400, null])
  })

  it('and bytes of a ticket are not readable by another client of the broker', async () => {
    const address = await ticketOfWeb()
    const { status, headers } = await openTicket(address, { Origin: gallery.origin })
    expect(status).toBe(200)
    expect(headers.get('Access-Control-Allow-Origin')).toBeNull()
    expect(headers.has('Access-Control-Allow-Credentials')).toBe(false)
  })

  it('of the other methods is answered as of a POST, and 405 says what there is', async () => {
    configureClients({ ...OAUTH_CLIENTS })
    for (const method of ['PUT', 'DELETE']) {
      const answer = await openTicket(PATH, { Origin: gallery.origin }, method)
      expect([answer.status, answer.headers.get('Allow')]).toEqual([
        405,
        'GET, OPTIONS, POST, HEAD',
      ])
    }
  })
})

it('the path of a ticket, as it was before, is gone', async () => {
  await media.connect()
  const ticket = (await media.ticketFor()).split('=')[1] ?? ''
  expect((await broker(new Request(`${PATH}/${ticket}`))).status).toBe(404)
})
