/** Tests of edge and strict consistency at several locations (TMB-47, TMB-48). */

import { describe, expect, it } from 'vitest'
import { ask, browse, copyOf, logIn, the } from '../support/broker.ts'
import { scriptGoogle } from '../support/scripted-google.ts'
import { countCosts, later, stage, travel } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

it('edge: issuing a token is one KV read', async () => {
  scriptGoogle()
  const browser = await logIn(browse())
  travel('home')
  await ask(browser)
  const counts = countCosts()
  for (let call = 0; call < 10; call++) expect((await ask(browser)).status).toBe(200)
  expect([counts.kv(), counts.objects(), counts.outbound()]).toEqual([10, 0, 0])
})

it('strict: issuing a token is one request to the Durable Object, and no KV read', async () => {
  scriptGoogle()
  configure({ CONSISTENCY: 'strict' })
  const browser = await logIn(browse())
  const counts = countCosts()
  for (let call = 0; call < 10; call++) expect((await ask(browser)).status).toBe(200)
  expect([counts.kv(), counts.objects(), counts.outbound()]).toEqual([0, 10, 0])
})

it.each([
  { how: 'a disconnect', path: '/grants' },
  { how: 'a logout', path: '/session' },
])(
  'strict: $how holds at every location when its answer arrives (TMB-47, TMB-60, TMB-64)',
  async ({ path }) => {
    scriptGoogle()
    configure({ CONSISTENCY: 'strict' })
    const browser = await logIn(browse())
    const copy = copyOf(browser)
    for (const location of ['fra', 'sin']) {
      travel(location)
      expect((await ask(copy)).status).toBe(200)
    }
    expect((await browser.call('DELETE', the.url + path)).status).toBe(204)
    for (const location of ['fra', 'sin', 'home']) {
      travel(location)
      expect((await ask(copy)).status).toBe(401)
    }
  },
)

describe('right after a consent', () => {
  it('every location serves it, also one that has cached its absence (TMB-48)', async () => {
    scriptGoogle()
    const browser = await logIn(browse())
    for (const location of ['fra', 'sin', 'gru']) {
      travel(location)
      expect((await ask(browser, { bundle: 'upload' })).status).toBe(403)
    }
    await logIn(browser, { bundle: 'upload' })
    for (const location of ['fra', 'sin', 'gru', 'nrt']) {
      travel(location)
      expect((await ask(browser, { bundle: 'upload' })).status).toBe(200)
    }
  })

  it('a second browser of the same user is served, although KV does not know its session yet', async () => {
    scriptGoogle()
    const [one, two] = [browse(), browse()]
    await logIn(one)
    await logIn(two, { bundle: 'upload' })
    expect((await ask(two)).status).toBe(200)
    expect((await ask(one, { bundle: 'upload' })).status).toBe(200)
  })
})

it('a Durable Object that cannot be reached is reported, and KV still serves its tokens', async () => {
  scriptGoogle()
  const browser = await logIn(browse())
  travel('home')
  expect((await ask(browser)).status).toBe(200)
  configure({
    SUBJECTS: {
      getByName: () => ({ accessToken: async () => Promise.reject(new Error('canary')) }),
    },
  })
  expect((await ask(browser)).status).toBe(200)
  const { status, headers, body } = await ask(browser, { bundle: 'upload' })
  expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
  expect(headers.has('Retry-After')).toBe(true)
})

it('Server-Timing names KV, the Durable Object and Google if they took part', async () => {
  scriptGoogle()
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  expect((await ask(browser)).headers.get('Server-Timing')).toMatch(
    /^kv;dur=\d+, do;dur=\d+, google;dur=\d+, total;dur=\d+$/,
  )
})
