/** Tests of the audit records of whole flows (TMB-76). */

import { beforeEach, describe, expect, it, vi } from 'vitest'
import { ask, broker, browse, logIn, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { configureClients, gallery, openFrontend } from '../support/frontend.ts'
import { oauthError, scriptGoogle } from '../support/scripted-google.ts'
import { simulateGoogle } from '../support/simulated-google.ts'
import { dumpKv, later, plantKv, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

type Line = Record<string, unknown> & { event: string }

let lines: string[]

beforeEach(() => {
  lines = []
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(console, level).mockImplementation((text: unknown) => void lines.push(String(text)))
})

/** Takes the records since the last call. */
function recorded(...events: string[]): Line[] {
  const records = lines.splice(0).map((line): Line => {
    expect(line).toMatch(/^\P{Cc}*$/u)
    return JSON.parse(line)
  })
  return events.length > 0 ? records.filter(({ event }) => events.includes(event)) : records
}

const UTC = /^2037-\d\d-\d\dT[\d:.]{12}Z$/

/** The members of every record of a request. */
const ofRequest = (more: object): object => ({
  at: expect.stringMatching(UTC),
  level: 'info',
  request_id: expect.stringMatching(/^[0-9a-f-]{36}$/),
  ...more,
})

const end = (browser: Browser, path: string): Promise<Response> =>
  browser.call('DELETE', the.url + path)

it.each([
  { given: 'https://app.example', recorded_as: 'https://app.example' },
  { given: 'http://[::1]:8080', recorded_as: 'http://[::1]:8080' },
  { given: 'null', recorded_as: 'null' },
  { given: 'https://app.example/?token=canary', recorded_as: 'malformed' },
  { given: 'https://canary@app.example', recorded_as: 'malformed' },
  { given: 'canary', recorded_as: 'malformed' },
])('the Origin $given is recorded as $recorded_as (TMB-75)', async ({ given, recorded_as }) => {
  const headers = { Origin: given }
  await broker(new Request(`${the.url}/session/token`, { method: 'POST', headers }))
  expect(recorded('request_refused')).toMatchObject([{ origin: recorded_as }])
})

describe('in cookie mode', () => {
  it('every event is recorded with all its fields', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    await google.connect(browser, 'pick')
    const whose = { client: the.client, bundle: 'pick' }
    const subject = await subjectNamed()
    expect(recorded('connect_started', 'connect_finished')).toEqual([
      ofRequest({ event: 'connect_started', ...whose }),
      ofRequest({ event: 'connect_finished', ...whose, subject, outcome: 'ok' }),
    ])
    const from = { subject, client: the.client, origin: the.url }
    await ask(browser)
    expect(recorded('token_issued')).toEqual([
      ofRequest({ event: 'token_issued', ...from, bundle: 'pick' }),
    ])
    await end(browser, '/grants/pick')
    expect(recorded('bundle_forgotten')).toEqual([
      ofRequest({ event: 'bundle_forgotten', ...from, bundle: 'pick' }),
    ])
    await end(browser, '/session')
    expect(recorded('session_ended')).toEqual([ofRequest({ event: 'session_ended', ...from })])
    const other = google.browse()
    later(1) // a consent that began before the deletion would be refused
    await google.connect(other, 'pick')
    recorded()
    expect((await end(other, '/grants')).status).toBe(204)
    expect(recorded('disconnected')).toEqual([ofRequest({ event: 'disconnected', ...from })])
  })

  it('a refused consent is recorded', async () => {
    const google = simulateGoogle()
    await google.connect(google.browse(), 'pick', { cancel: true })
    expect(recorded('connect_finished')).toMatchObject([{ outcome: 'access_denied' }])
  })

  it('a failed consent is recorded with its reason', async () => {
    const google = simulateGoogle()
    google.simulator.faults.add({ at: 'token:authorization_code', do: { id_token: 'wrong_nonce' } })
    await google.connect(google.browse(), 'pick')
    const outcome = 'server_error'
    expect(recorded('request_failed', 'connect_finished')).toMatchObject([
      { event: 'request_failed', client: the.client, bundle: 'pick', route: '/callback', outcome },
      { event: 'connect_finished', client: the.client, bundle: 'pick', outcome },
    ])
  })

  it('an ended grant and a failed refresh are recorded', async () => {
    const google = scriptGoogle()
    const browser = await connected()
    google.token = () => new Response(null, { status: 503 })
    later(3600)
    expect((await ask(browser)).status).toBe(503)
    const subject = await subjectNamed()
    expect(recorded('refresh_failed', 'request_failed')).toMatchObject([
      { event: 'refresh_failed', subject, level: 'error' },
      { event: 'request_failed', subject, outcome: 'temporarily_unavailable', status: 503 },
    ])
    google.token = () => oauthError(400, 'invalid_grant')
    later(3600)
    expect((await ask(browser)).status).toBe(403)
    expect(recorded('grant_ended', 'request_refused')).toMatchObject([
      { event: 'grant_ended', subject },
      { event: 'request_refused', subject, bundle: 'pick', outcome: 'consent_required' },
    ])
  })

  it('an unreadable record is recorded (TMB-53)', async () => {
    scriptGoogle()
    const browser = await connected()
    const [key = ''] = [...(await dumpKv()).keys()].filter((name) => name.startsWith('token/'))
    await plantKv(key, 'ey.swapped..with.something')
    later(61)
    expect((await ask(browser)).status).toBe(200)
    const subject = await subjectNamed()
    expect(recorded('record_unreadable')).toMatchObject([{ subject, client: the.client }])
  })
})

describe('in OAuth mode', () => {
  it('events are recorded in the same way', async () => {
    configureClients()
    const google = simulateGoogle()
    const frontend = await openFrontend()
    const back = await frontend.consent(google, google.browse(), 'pick')
    await frontend.redeem(back.searchParams.get('code') ?? '')
    const whose = { client: gallery.id, bundle: 'pick' }
    const records = recorded('connect_started', 'connect_finished', 'token_issued')
    expect(records).toMatchObject([
      { event: 'connect_started', ...whose },
      { event: 'connect_finished', ...whose, outcome: 'ok' },
      { event: 'token_issued', ...whose, origin: gallery.origin },
    ])
    expect(records[1]?.['subject']).toBe(records[2]?.['subject'])
  })

  it('errors that go to the redirect URI are recorded', async () => {
    configureClients()
    const google = simulateGoogle()
    const frontend = await openFrontend()
    const begin = async (change: Record<string, string>): Promise<URL> => {
      const { href } = await frontend.authorizeUrl('pick', change)
      const { url } = await google.browse().visit(href, {}, ({ origin }) => origin !== the.url)
      return url
    }
    const about = { client: gallery.id, route: '/authorize' }
    expect((await begin({ scope: 'canary' })).searchParams.get('error')).toBe('invalid_scope')
    expect(recorded('request_refused')).toEqual([
      ofRequest({
        ...{ event: 'request_refused', ...about },
        ...{ outcome: 'invalid_scope', reason: 'bundle_unknown' },
        description: 'There is no bundle of this name. GET /bundles lists the names.',
      }),
    ])
    google.simulator.faults.add({ at: 'discovery', do: { status: 503 } })
    const outcome = 'temporarily_unavailable'
    expect((await begin({})).searchParams.get('error')).toBe(outcome)
    expect(recorded('request_failed')).toMatchObject([{ level: 'error', ...about, outcome }])
  })
})

describe('an untrusted text', () => {
  it('makes one short record', async () => {
    const body = JSON.stringify({ bundle: 'x'.repeat(50) })
    const headers = {
      Origin: `https://${'a'.repeat(10_000)}.example/%1b[2J`,
      'User-Agent': 'x'.repeat(9000),
      'Content-Type': 'application/json',
      'X-Requested-With': 'photos-token-broker',
    }
    await broker(new Request(`${the.url}/session/token`, { method: 'POST', headers, body }))
    const [record, ...others] = recorded()
    expect(others).toEqual([])
    expect(record).toMatchObject({ event: 'request_refused', outcome: 'access_denied' })
    expect(JSON.stringify(record).length).toBeLessThan(700)
  })
})

describe('a queue', () => {
  it('gets every record of a user, and none that a stranger can cause', async () => {
    const sent: { subject?: string; event?: string }[] = []
    configure({ AUDIT: { send: async (record: object) => void sent.push(record) } })
    const google = simulateGoogle()
    const browser = google.browse()
    await google.connect(browser, 'pick')
    await ask(browser)
    const records = recorded()
    expect(sent).toEqual(records.filter(({ subject }) => subject !== undefined))
    expect(sent.map(({ event }) => event)).toEqual(['connect_finished', 'token_issued'])
    for (let times = 0; times < 20; times++) await broker(new Request(`${the.url}/nothing-here`))
    await broker(new Request(`${the.url}/callback?code=x&state=y`))
    await broker(new Request(`${the.url}/connect?bundle=pick&return_to=/`))
    expect(recorded().length).toBeGreaterThan(20)
    expect(sent).toHaveLength(2)
  })

  it('that fails is logged, and fails no request', async () => {
    configure({ AUDIT: { send: () => Promise.reject(new Error('canary')) } })
    const google = simulateGoogle()
    const { url } = await google.connect(google.browse(), 'pick')
    expect(url.search).toBe('?connect=ok&bundle=pick')
    const failures = recorded('audit_queue_failed')
    expect(failures).toHaveLength(1)
    expect(JSON.stringify(failures)).not.toContain('canary')
  })
})

/** A browser with a session and a grant. */
async function connected(): Promise<Browser> {
  const browser = await logIn(browse())
  recorded()
  return browser
}

/** The subject whose records are in KV. */
async function subjectNamed(): Promise<string> {
  const names = [...(await dumpKv()).keys()].filter((name) => name.startsWith('grant/'))
  return names[0]?.split('/')[1] ?? 'nobody'
}
