/** Tests of media tickets: who gets one, for which URLs, and when it ends. */

import { beforeEach, describe, expect, it } from 'vitest'
import { ask, logIn, subjectOf, the } from '../support/broker.ts'
import { configureClients } from '../support/frontend.ts'
import { askMedia, errorOf, LH3, type Media, openMedia, openTicket, PNG } from '../support/media.ts'
import { ADA, BEN, GOOGLE } from '../support/simulated-google.ts'
import { aMinute, countCosts, later, stage, travel } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

let media: Media

beforeEach(() => {
  media = openMedia()
})

describe('POST /media', () => {
  it('answers with an opaque ticket for each URL, in order', async () => {
    const access_token = await media.connect()
    const urls = [media.baseUrl('w64-h48'), media.baseUrl('d'), media.baseUrl('w80-h60', ADA, 11)]
    const { status, headers, body } = await askMedia(media.browser, urls)
    expect(status).toBe(200)
    expect(headers.get('Cache-Control')).toBe('no-store')
    expect(headers.get('Server-Timing')).toContain('total')
    expect(body.media.map(({ expires_in }) => expires_in)).toEqual([900, 900, 900])
    for (const [index, { url }] of body.media.entries()) {
      expect(url).toMatch(/^https:\/\/broker\.example\/media\?ticket=[\w.-]+$/)
      const given = await (await openTicket(url ?? '')).bytes()
      const held = await (await media.open(urls[index] ?? '', access_token)).bytes()
      expect(given).toEqual(held)
    }
    expect(JSON.stringify(body)).not.toMatch(/googleusercontent|pick|ya29/)
    expect(media.seen.map(({ url }) => url)).toEqual(urls)
  })

  it('accepts a hundred URLs of 2,048 characters, whose tickets fit into a URL', async () => {
    await media.connect()
    media.script(() => new Response('x', { headers: PNG }))
    const ofLength = (prefix: string, filler: string): string =>
      prefix + filler.repeat(2048 - prefix.length)
    const escaped = ofLength(`${LH3}/?`, '\\') // two characters each in JSON
    const urls = [escaped, ...Array.from({ length: 99 }, () => ofLength(`${LH3}/`, 'x'))]
    const { status, body } = await askMedia(media.browser, urls)
    expect([status, body.media.length]).toEqual([200, 100])
    expect(body.media[0]?.url?.length).toBeLessThan(8 * 1024)
    for (const index of [0, 99]) {
      expect((await openTicket(body.media[index]?.url ?? '')).status).toBe(200)
      expect(media.seen.at(-1)?.url).toBe(urls[index])
    }
  })

  it('is refused like a request for a token: no session, no consent, unknown bundle, no custom header', async () => {
    const none = await askMedia(media.browser, [`${LH3}/x`])
    expect([none.status, none.body.error]).toEqual([401, 'login_required'])
    await media.connect()
    const missing = await askMedia(media.browser, [`${LH3}/x`], 'upload')
    expect([missing.status, missing.body.error]).toEqual([403, 'consent_required'])
    expect(missing.body).toMatchObject({ bundle: 'upload', reason: 'never_granted' })
    expect((await askMedia(media.browser, [`${LH3}/x`], 'nope')).body.error).toBe('invalid_scope')
    const form = { 'Content-Type': 'text/plain', 'X-Requested-With': '' }
    const forged = await media.browser.call('POST', `${the.url}/media`, {}, form)
    expect(forged.status).toBe(400)
    const foreign = await media.browser.call('POST', `${the.url}/media`, {}, { Origin: GOOGLE })
    expect(foreign.status).toBe(403)
    expect(media.seen).toEqual([])
  })

  it('refreshes a token that would expire before the tickets', async () => {
    const access_token = await media.connect()
    later(3599 - 890)
    const before = media.google.calls('token')
    await media.ticketFor()
    expect(media.google.calls('token')).toBe(before + 1)
    const now = await ask(media.browser, { bundle: 'pick', min_ttl: 900 })
    expect(now.body.access_token).not.toBe(access_token)
    expect(media.google.calls('token')).toBe(before + 1)
  })
})

describe('a ticket', () => {
  it('is valid for 15 minutes', async () => {
    await media.connect()
    const ticket = await media.ticketFor()
    later(899)
    const { status, headers } = await openTicket(ticket)
    expect([status, headers.get('Cache-Control')]).toEqual([200, 'private, max-age=1'])
    later(1)
    expect(await errorOf(await openTicket(ticket))).toEqual([400, 'invalid_request'])
  })

  it('that was forged or changed is refused, and costs nothing', async () => {
    await media.connect()
    const ticket = await media.ticketFor()
    const at = ticket.indexOf('=') + 1
    const [head = '', , iv = '', text = '', tag = ''] = ticket.slice(at).split('.')
    const other = (await media.ticketFor()).slice(at).split('.')
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
        const { status } = await openTicket(`${the.url}/media?ticket=${forged}`, {}, method)
        expect(status).toBe(400)
      }
    }
    expect([costs.kv(), costs.objects(), costs.outbound()]).toEqual([0, 0, 0])
  })

  it('uses the token of its own subject, not of the browser that sends it', async () => {
    const ada = await media.connect(ADA)
    const ticket = await media.ticketFor(media.baseUrl('w64-h48', ADA))
    const other = media.google.browse()
    await media.google.connect(other, 'pick', { account: BEN })
    const ben = (await ask(other)).body.access_token
    const ofBen = await media.ticketFor(media.baseUrl('w64-h48', BEN), other)
    const stolen = await media.ticketFor(media.baseUrl('w64-h48', ADA), other)
    expect((await other.fetch(ticket)).status).toBe(200)
    expect((await media.browser.fetch(ofBen)).status).toBe(200)
    expect((await media.browser.fetch(stolen)).status).toBe(404)
    expect(media.seen.map(({ headers }) => headers.get('Authorization'))).toEqual([
      `Bearer ${ada}`,
      `Bearer ${ben}`,
      `Bearer ${ben}`,
    ])
  })

  it('ends when its client or bundle is removed from the configuration', async () => {
    const clients = { default: { origins: [the.url] } }
    configureClients(clients)
    await media.connect()
    const ticket = await media.ticketFor()
    expect((await openTicket(ticket)).status).toBe(200)
    configureClients({ default: { origins: [the.url], bundles: ['upload'] } })
    expect((await openTicket(ticket)).status).toBe(400)
    configureClients({ other: { origins: [the.url] } })
    expect((await openTicket(ticket)).status).toBe(400)
  })

  it('costs one KV read with edge consistency, and one request to the Durable Object with strict', async () => {
    await logIn(media.browser)
    media.script(() => new Response('x', { headers: PNG }))
    travel('home')
    const ticket = await media.ticketFor(`${LH3}/x`)
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
      await media.connect()
      const ticket = await media.ticketFor()
      expect((await openTicket(ticket)).status).toBe(200)
      expect((await media.browser.call('DELETE', the.url + path)).status).toBe(204)
      if (CONSISTENCY === 'edge') await aMinute((await subjectOf()).stub)
      const before = media.seen.length
      const closed = await openTicket(ticket)
      expect(await errorOf(closed)).toEqual([401, 'login_required'])
      expect(media.seen.length).toBe(before)
    }
  })
})
