/** Tests of the limits of media tickets: each ticket has its own, and none spends what its owner may do (TMB-93). */

import { beforeEach, describe, expect, it } from 'vitest'
import { failed, describe as sentenceOf } from '../../src/errors.ts'
import { answerOf, ask, the } from '../support/broker.ts'
import { sha256 } from '../support/frontend.ts'
import { openLimiter } from '../support/limiter.ts'
import { askMedia, LH3, type Media, openMedia, openTicket, PNG } from '../support/media.ts'
import { countCosts, later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const URL_OF_PICTURE = `${LH3}/x=w1`

let media: Media

beforeEach(async () => {
  media = openMedia()
  await media.connect()
})

/** Opens a ticket several times; @returns the statuses */
async function openOften(ticket: string, times: number, method = 'GET'): Promise<number[]> {
  const statuses: number[] = []
  for (let time = 0; time < times; time++) {
    const response = await openTicket(ticket, {}, method)
    await response.body?.cancel()
    statuses.push(response.status)
  }
  return statuses
}

describe('a ticket', () => {
  beforeEach(() => media.script(() => new Response('x', { headers: PNG })))

  it('has a limit of its own; others of the same user and picture go on (TMB-49)', async () => {
    const [first, second] = [
      await media.ticketFor(URL_OF_PICTURE),
      await media.ticketFor(URL_OF_PICTURE),
    ]
    const limiter = openLimiter(2)
    configure({ MEDIA_LIMIT: limiter })
    expect(await openOften(first, 1)).toEqual([200])
    expect(await openOften(first, 1, 'HEAD')).toEqual([200])
    const costs = countCosts()
    const refused = await answerOf(await openTicket(first, { Origin: the.url }))
    expect(refused).toMatchObject({
      status: 429,
      body: { error: 'slow_down', error_description: sentenceOf(failed('media_limit').failure) },
    })
    expect(refused.headers.get('Retry-After')).toBe('60')
    expect(refused.headers.get('Access-Control-Allow-Origin')).toBe(the.url)
    expect([costs.kv(), costs.objects(), costs.outbound()]).toEqual([0, 0, 0])
    expect(await openOften(second, 1)).toEqual([200])
    expect([...limiter.counted.values()]).toEqual([3, 1])
    expect([...limiter.counted.keys()].join()).not.toContain(first.split('=')[1])
  })

  it('is counted only once it is found to be right, and not for a preflight', async () => {
    const ticket = await media.ticketFor(URL_OF_PICTURE)
    const limiter = openLimiter(0)
    configure({ MEDIA_LIMIT: limiter })
    expect(await openOften(`${ticket}x`, 2)).toEqual([400, 400])
    const preflight = { Origin: the.url, 'Access-Control-Request-Method': 'GET' }
    expect((await openTicket(ticket, preflight, 'OPTIONS')).status).toBe(204)
    expect(limiter.counted.size).toBe(0)
  })

  it('has none where MEDIA_LIMIT is left out', async () => {
    const ticket = await media.ticketFor(URL_OF_PICTURE)
    configure({ MEDIA_LIMIT: undefined })
    expect(await openOften(ticket, 5)).toEqual([200, 200, 200, 200, 200])
  })

  it.each(['edge', 'strict'])(
    'spends none of the hand-outs of its owner with %s',
    async (CONSISTENCY) => {
      const limiter = openLimiter(3)
      configure({ CONSISTENCY, HAND_OUT_LIMIT: limiter })
      const ticket = await media.ticketFor(URL_OF_PICTURE)
      expect(await openOften(ticket, 10)).toEqual(Array.from({ length: 10 }, () => 200))
      expect([...limiter.counted.values()]).toEqual([1])
      expect((await ask(media.browser)).status).toBe(200)
      expect((await askMedia(media.browser, [URL_OF_PICTURE])).status).toBe(200)
      expect((await askMedia(media.browser, [URL_OF_PICTURE])).status).toBe(429)
    },
  )
})

describe('a media host that refuses every token', () => {
  const REFUSED = {
    status: 503,
    body: { error_description: sentenceOf(failed('media_host_refuses').failure) },
  }

  beforeEach(() => media.script(() => new Response('canary', { status: 401 })))

  it.each(['edge', 'strict'])(
    'forces one refresh a minute, and none of the owner: six more can be forced with %s',
    async (CONSISTENCY) => {
      configure({ CONSISTENCY })
      const tickets = [await media.ticketFor(URL_OF_PICTURE), await media.ticketFor(`${LH3}/y=w1`)]
      const before = media.google.calls('token')
      for (let time = 0; time < 10; time++)
        expect(await answerOf(await openTicket(tickets[time % 2] ?? ''))).toMatchObject(REFUSED)
      expect(media.google.calls('token')).toBe(before + 1)
      for (let time = 0; time < 6; time++) {
        const { access_token } = (await ask(media.browser)).body
        const rejected = await sha256(access_token)
        expect((await ask(media.browser, { bundle: 'pick', rejected })).status).toBe(200)
      }
      expect(media.google.calls('token')).toBe(before + 7)
      expect(await answerOf(await openTicket(tickets[0] ?? ''))).toMatchObject(REFUSED)
      expect(media.google.calls('token')).toBe(before + 7)
      later(61)
      expect(await answerOf(await openTicket(tickets[0] ?? ''))).toMatchObject(REFUSED)
      expect(media.google.calls('token')).toBe(before + 8)
    },
  )

  it('is asked twice after a refresh, and else once', async () => {
    const ticket = await media.ticketFor(URL_OF_PICTURE)
    await openOften(ticket, 1)
    expect(media.seen).toHaveLength(2)
    await openOften(ticket, 3)
    expect(media.seen).toHaveLength(5)
  })
})

it('an access token that ended early is refreshed once for a whole grid of pictures', async () => {
  const access_token = (await ask(media.browser)).body.access_token
  const urls = Array.from({ length: 12 }, () => media.baseUrl())
  const { body } = await askMedia(media.browser, urls)
  const held = media.google.simulator.world.access_tokens
  delete held[Object.keys(held).find((name) => name.includes(access_token)) ?? access_token]
  const before = media.google.calls('token')
  const statuses = await Promise.all(body.media.map(({ url }) => openOften(url ?? '', 1)))
  expect(statuses.flat()).toEqual(urls.map(() => 200))
  expect(media.google.calls('token')).toBe(before + 1)
})
