/** Tests of the rate limits (TMB-49). */

import { describe, expect, it } from 'vitest'
import { answerOf, ask, broker, browse, logIn, the } from '../support/broker.ts'
import { configureClients, gallery, openFrontend, sha256 } from '../support/frontend.ts'
import { openLimiter } from '../support/limiter.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { simulateGoogle } from '../support/simulated-google.ts'
import { countCosts, later, stage, travel } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const SLOW_DOWN = { status: 429, body: { error: 'slow_down' } }

describe('token requests', () => {
  it('are limited for a user and a bundle, and not for other users (TMB-49)', async () => {
    scriptGoogle()
    configure({ HAND_OUT_LIMIT: openLimiter(3) })
    const [ada, ben] = [browse(), browse()]
    await logIn(ada)
    await logIn(ben, { sub: 'ben' })
    for (let times = 0; times < 3; times++) expect((await ask(ada)).status).toBe(200)
    const costs = countCosts()
    const refused = await ask(ada)
    expect(refused).toMatchObject(SLOW_DOWN)
    expect(refused.headers.get('Retry-After')).toBe('60')
    expect([costs.kv(), costs.objects(), costs.outbound()]).toEqual([0, 0, 0])
    expect((await ask(ben)).status).toBe(200)
  })

  it('are limited in OAuth mode, too', async () => {
    configureClients(undefined, { HAND_OUT_LIMIT: openLimiter(2) })
    const frontend = await openFrontend()
    await frontend.connect(simulateGoogle(), 'pick')
    for (let times = 0; times < 2; times++) expect((await frontend.ask('pick')).status).toBe(200)
    expect(await frontend.ask('pick')).toMatchObject(SLOW_DOWN)
  })

  it('force at most six refreshes a minute, at all locations together', async () => {
    const google = scriptGoogle()
    const browser = await logIn(browse())
    let token = 'canary-access-token'
    const statuses: number[] = []
    for (let times = 0; times < 10; times++) {
      travel(times % 2 === 0 ? 'fra' : 'syd')
      const { status, body } = await ask(browser, {
        bundle: the.bundle,
        rejected: await sha256(token),
      })
      statuses.push(status)
      token = body.access_token ?? token
      later(1)
    }
    expect(google.refreshes).toHaveLength(6)
    expect(statuses.filter((status) => status === 429)).toHaveLength(4)
  })
})

describe('starts of a consent', () => {
  it.each([
    { path: '/connect', query: '?bundle=pick&return_to=/' },
    { path: '/authorize', query: `?client_id=${gallery.id}` },
    { path: '/par', method: 'POST' },
  ])('at $path are limited for an address, and not for others', async (target) => {
    const { path, query = '', method = 'GET' } = target
    simulateGoogle()
    const limiter = openLimiter(2)
    configureClients(undefined, { START_LIMIT: limiter })
    const from = async (address: string): Promise<number> => {
      const headers = {
        ...{ 'CF-Connecting-IP': address, 'Sec-Fetch-Dest': 'document', Origin: gallery.origin },
      }
      const request = new Request(the.url + path + query, { method, headers, redirect: 'manual' })
      return (await answerOf(await broker(request))).status
    }
    const statuses = [await from('192.0.2.1'), await from('192.0.2.1'), await from('192.0.2.1')]
    expect(statuses.map((status) => status === 429)).toEqual([false, false, true])
    expect(await from('192.0.2.2')).not.toBe(429)
    expect([...limiter.counted.keys()]).toEqual(['192.0.2.1', '192.0.2.2'])
  })

  it('are limited for the /64 of an IPv6 address, which one user has', async () => {
    simulateGoogle()
    const limiter = openLimiter(2)
    configureClients(undefined, { START_LIMIT: limiter, CALLBACK_LIMIT: limiter })
    const from = async (address: string, path: string): Promise<number> => {
      const headers = { 'CF-Connecting-IP': address, 'Sec-Fetch-Dest': 'document' }
      return (await broker(new Request(the.url + path, { headers, redirect: 'manual' }))).status
    }
    const start = '/connect?bundle=pick&return_to=/'
    expect(await from('2001:db8:1:2::1', start)).toBe(303)
    expect(await from('2001:db8:1:2:ffff:ffff:ffff:ffff', start)).toBe(303)
    expect(await from('2001:0DB8:0001:0002:0:0:0:7', start)).toBe(429)
    expect(await from('2001:db8:1:3::1', start)).toBe(303)
    expect(await from('2001:db8::1', start)).toBe(303)
    expect(await from('::1', start)).toBe(303)
    expect(await from('::ffff:192.0.2.1', start)).toBe(303)
    expect([...limiter.counted.keys()]).toEqual([
      '2001:db8:1:2::/64',
      '2001:db8:1:3::/64',
      '2001:db8:0:0::/64',
      '0:0:0:0::/64',
      '::ffff:192.0.2.1',
    ])
  })
})

it('callbacks are limited for an address, and one above the limit can be sent again', async () => {
  const google = simulateGoogle()
  const browser = google.browse()
  const limiter = openLimiter(1)
  configure({ CALLBACK_LIMIT: limiter })
  const callbacks = [
    await google.consent(await google.start(browser, 'pick')),
    await google.consent(await google.start(browser, 'upload')),
  ]
  const [first, second] = callbacks as [URL, URL]
  expect((await browser.visit(first)).url.search).toBe('?connect=ok&bundle=pick')
  const calls = google.calls('token')
  expect(await answerOf(await browser.fetch(second))).toMatchObject(SLOW_DOWN)
  expect(google.calls('token')).toBe(calls)
  limiter.counted.clear()
  expect((await browser.visit(second)).url.search).toBe('?connect=ok&bundle=upload')
})
