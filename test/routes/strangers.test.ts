/** Tests of requests without a valid credential: they cost no storage, no Durable Object and no outbound request (TMB-59, TMB-73, TMB-74). */

import { env } from 'cloudflare:workers'
import { beforeEach, expect, it, vi } from 'vitest'
import { EXCHANGE } from '../support/app-issuer.ts'
import { broker, the } from '../support/broker.ts'
import { configureClients, gallery, OAUTH_CLIENTS, openFrontend } from '../support/frontend.ts'
import { configureAuthMethods } from '../support/grant-user.ts'
import { type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { countCosts, readLog, stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle

beforeEach(() => {
  configureAuthMethods()
  google = simulateGoogle()
})

const PATHS = ['/token', '/par', '/revoke', '/session', '/grants', '/grants/pick', '/media']
const JUNK = ['', 'x', 'x'.repeat(65_536), 'a.b.c', 'eyJhbGciOiJub25lIn0.e30.', 'a.b.c.d.e']

async function post(path: string, origin: string, headers: object, form: object): Promise<number> {
  const body = new URLSearchParams({ ...form })
  const init = { method: 'POST', body, headers: { Origin: origin, ...headers } }
  return (await broker(new Request(the.url + path, init))).status
}

it('requests with invalid credentials cost no KV, no Durable Object and no outbound request (TMB-59)', async () => {
  const puts = vi.spyOn(env.TOKENS, 'put')
  const costs = countCosts()
  const statuses = new Set<number>()
  for (const origin of [gallery.origin, 'https://talk.example', 'https://evil.example']) {
    for (const junk of JUNK) {
      for (const form of [
        {},
        { grant_type: 'refresh_token', client_id: 'gallery', refresh_token: junk, scope: 'pick' },
        {
          ...{ grant_type: 'authorization_code', client_id: 'gallery', code: junk },
          ...{ code_verifier: 'x'.repeat(43), redirect_uri: gallery.redirect_uri },
        },
        { ...EXCHANGE, subject_token: junk, scope: 'pick' },
        { token: junk, client_id: 'gallery' },
      ])
        for (const path of ['/token', '/par', '/revoke'])
          statuses.add(
            await post(path, origin, { DPoP: junk, Authorization: `Bearer ${junk}` }, form),
          )
      for (const path of PATHS.slice(3))
        for (const [method, scheme] of [
          ['GET', 'Bearer'],
          ['DELETE', 'DPoP'],
          ['POST', 'DPoP'],
        ]) {
          const headers = { Origin: origin, Authorization: `${scheme} ${junk}`, DPoP: junk }
          const init = { method: method ?? 'GET', headers }
          statuses.add((await broker(new Request(the.url + path, init))).status)
        }
      await broker(new Request(`${the.url}/media?ticket=${junk || 'x'}`))
      const query = new URLSearchParams({ client_id: 'talk', request_uri: junk })
      await broker(new Request(`${the.url}/authorize?${query}`, { redirect: 'manual' }))
    }
  }
  const frontend = await openFrontend()
  await google.browse().fetch(await frontend.authorizeUrl('pick'))
  expect([costs.kv(), costs.objects(), puts.mock.calls.length]).toEqual([0, 0, 0])
  expect(google.calls('token') + google.calls('jwks')).toBe(0)
  // Only the discovery of Google, for the user who was redirected there.
  expect(costs.outbound()).toBeLessThanOrEqual(1)
  expect([...statuses].filter((status) => status < 400 || status >= 500)).toEqual([200])
})

it.each(['X-Forwarded-For', 'True-Client-IP', 'Forwarded'])(
  'the address of a client is taken from Cloudflare’s header, not from %s (TMB-74)',
  async (name) => {
    const keys: string[] = []
    const limit = async ({ key }: { key: string }) => {
      keys.push(key)
      return { success: true }
    }
    configureClients({ web: OAUTH_CLIENTS.web }, { CALLBACK_LIMIT: { limit } })
    const logged = readLog('info', 'warn', 'error')
    const browser = google.browse()
    const callback = await google.consent(await google.start(browser, 'pick'))
    const headers = { 'CF-Connecting-IP': '192.0.2.7', [name]: '198.51.100.9' }
    callback.searchParams.set('iss', 'https://evil.example')
    expect((await browser.fetch(callback, { headers })).status).toBe(400)
    expect(keys).toEqual(['192.0.2.7'])
    expect(logged.length).toBeGreaterThan(0)
    expect(JSON.stringify(logged)).not.toContain('198.51.100.9')
  },
)
