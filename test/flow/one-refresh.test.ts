/** Tests of refreshes: concurrent requests share one, and it loses nothing (TMB-20, TMB-21). */

import { evictDurableObject } from 'cloudflare:test'
import { expect, it, vi } from 'vitest'
import { ask, browse, logIn, subjectOf, the } from '../support/broker.ts'
import { sha256 } from '../support/frontend.ts'
import { oauthError, refreshed, scriptGoogle } from '../support/scripted-google.ts'
import { later, stage } from '../support/story.ts'

stage()

it('a thousand requests share one refresh', async () => {
  const google = scriptGoogle()
  const browser = await logIn(browse(), { expires_in: 200 })
  const gate = google.hold()
  const asking = Array.from({ length: 1000 }, async () => ask(browser))
  await gate.arrived()
  gate.release()
  const answers = await Promise.all(asking)
  expect(google.refreshes).toHaveLength(1)
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set([200]))
  expect(new Set(answers.map(({ body }) => body.access_token)).size).toBe(1)
  expect(google.refreshes[0]?.url.search).toBe('')
  expect(Object.fromEntries(google.refreshes[0]?.body ?? [])).toMatchObject({
    grant_type: 'refresh_token',
    refresh_token: 'canary-refresh-token',
    scope: the.pick,
  })
})

it.each([
  { kind: 'an outage', answer: () => new Response('down', { status: 503 }) },
  { kind: 'a dead grant', answer: () => oauthError(400, 'invalid_grant') },
  { kind: 'a lost connection', answer: () => Promise.reject(new TypeError('canary network')) },
])('two hundred requests share $kind, too', async ({ answer }) => {
  const google = scriptGoogle()
  google.token = answer
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  const answers = await Promise.all(Array.from({ length: 200 }, async () => ask(browser)))
  expect(google.refreshes).toHaveLength(1)
  expect(new Set(answers.map(({ body }) => body.error)).size).toBe(1)
})

it('two bundles have two grants, which are refreshed in parallel', async () => {
  const google = scriptGoogle()
  const browser = await logIn(browse(), { expires_in: 200 })
  await logIn(browser, { bundle: 'upload', expires_in: 200, refresh_token: 'canary-other' })
  const answers = await Promise.all([
    ask(browser),
    ask(browser, { bundle: 'upload' }),
    ask(browser),
  ])
  expect(answers.map(({ body }) => body.scope)).toEqual([the.pick, the.upload, the.pick])
  expect(google.refreshes.map(({ body }) => body.get('refresh_token')).sort()).toEqual([
    'canary-other',
    'canary-refresh-token',
  ])
})

it('a refresh does not overwrite a consent that was faster (TMB-21, TMB-61)', async () => {
  const google = scriptGoogle()
  google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated' })
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  const gate = google.hold()
  const asking = ask(browser)
  await gate.arrived()
  await logIn(browse(), { access_token: 'canary-new', refresh_token: 'canary-new-refresh' })
  gate.release()
  expect((await asking).body.access_token).toBe('canary-new')
  later(3600)
  expect((await ask(browser)).status).toBe(200)
  expect(google.refreshes.at(-1)?.body.get('refresh_token')).toBe('canary-new-refresh')
})

it('an eviction after a refresh loses nothing', async () => {
  const google = scriptGoogle()
  google.token = (call) => refreshed(call, { refresh_token: 'canary-rotated' })
  const browser = await logIn(browse(), { expires_in: 1 })
  later(2)
  const first = await ask(browser)
  await evictDurableObject((await subjectOf()).stub)
  expect((await ask(browser)).body.access_token).toBe(first.body.access_token)
  later(3600)
  await ask(browser)
  expect(google.refreshes.at(-1)?.body.get('refresh_token')).toBe('canary-rotated')
})

it('a token that expires within ten minutes is issued at once, and refreshed in the background', async () => {
  const google = scriptGoogle()
  const browser = await logIn(browse(), { expires_in: 500 })
  const gate = google.hold()
  const { status, body } = await ask(browser)
  expect(status).toBe(200)
  expect(body.access_token).toBe('canary-access-token')
  await gate.arrived()
  gate.release()
  await vi.waitFor(async () =>
    expect((await ask(browser)).body.access_token).toMatch(/^canary-refreshed-/),
  )
  expect(google.refreshes).toHaveLength(1)
})

it.each([
  { min_ttl: 0, left: 250, refreshes: 0 },
  { min_ttl: undefined, left: 299, refreshes: 1 },
  { min_ttl: 1800, left: 1799, refreshes: 1 },
  { min_ttl: 1800, left: 1801, refreshes: 0 },
  { min_ttl: 300, left: 300, refreshes: 0 },
])(
  'min_ttl $min_ttl with $left seconds left makes $refreshes refreshes before the answer',
  async ({ min_ttl, left, refreshes }) => {
    const google = scriptGoogle()
    google.token = (call) => refreshed(call)
    const browser = await logIn(browse(), { expires_in: left })
    const { body } = await ask(browser, {
      bundle: 'pick',
      ...(min_ttl === undefined ? {} : { min_ttl }),
    })
    expect(body.access_token.startsWith('canary-refreshed-')).toBe(refreshes === 1)
    if (min_ttl !== undefined && refreshes === 1)
      expect(body.expires_in).toBeGreaterThanOrEqual(min_ttl)
  },
)

it('tokens that are always shorter than min_ttl are not refreshed at every request', async () => {
  const google = scriptGoogle()
  google.token = (call) => refreshed(call, { expires_in: 120 })
  const browser = await logIn(browse(), { expires_in: 120 })
  for (let call = 0; call < 5; call++)
    expect((await ask(browser)).body.expires_in).toBeGreaterThan(60)
  expect(google.refreshes).toHaveLength(1)
})

it('rejected forces a refresh only with the hash of the current token', async () => {
  const google = scriptGoogle()
  const browser = await logIn(browse())
  const other = await ask(browser, { bundle: 'pick', rejected: await sha256('another') })
  expect(other.body.access_token).toBe('canary-access-token')
  expect(google.refreshes).toHaveLength(0)
  const rejected = await sha256('canary-access-token')
  const { body } = await ask(browser, { bundle: 'pick', rejected })
  expect(body.access_token).not.toBe('canary-access-token')
  expect((await ask(browser, { bundle: 'pick', rejected })).body.access_token).toBe(
    body.access_token,
  )
  expect(google.refreshes).toHaveLength(1)
})
