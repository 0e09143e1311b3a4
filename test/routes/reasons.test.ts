/** Tests of the reasons: each refusal names what is wrong and what to do, and repeats nothing of the request. */

import { describe, expect, it, vi } from 'vitest'
import { describe as describeFailure, failed, type Reason } from '../../src/errors.ts'
import { SENTENCES } from '../../src/reasons.ts'
import { answerOf, ask, broker, browse, logIn, the } from '../support/broker.ts'
import { configureClients, gallery } from '../support/frontend.ts'
import { stage } from '../support/story.ts'

stage()

const HTML = { Accept: 'text/html', 'Sec-Fetch-Dest': 'document' }
const CANARY = 'canary-of-the-request'

/** The description that a reason has. */
const sentence = (reason: Reason, parameter = ''): string =>
  describeFailure({ ...failed(reason).failure, parameter })

/** Navigates to a path; @returns the page. */
async function visit(path: string): Promise<{ status: number; text: string }> {
  const response = await broker(new Request(the.url + path, { headers: HTML, redirect: 'manual' }))
  const text = (await response.text()).replaceAll('&#39;', "'")
  return { status: response.status, text }
}

/** Makes the query of a right request to `/authorize`, with changes. */
function authorize(changes: Record<string, string>): string {
  const query = new URLSearchParams({
    ...{ client_id: gallery.id, redirect_uri: gallery.redirect_uri, response_type: 'code' },
    ...{ scope: 'pick', code_challenge: 'x'.repeat(43), code_challenge_method: 'S256' },
    ...changes,
  })
  for (const [name, value] of Object.entries(changes)) if (value === '') query.delete(name)
  return `/authorize?${query}`
}

it('every sentence is one that a client and a person can read (RFC 6749 §5.2)', () => {
  const sentences = Object.values(SENTENCES).flatMap((group) => Object.values(group))
  for (const text of sentences) {
    expect(text).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]{10,200}$/)
    expect(text).toMatch(/[.~]$/)
  }
})

describe('a page', () => {
  it.each<{ path: string; reason: Reason; parameter?: string }>([
    { path: `/authorize?client_id=${CANARY}`, reason: 'client_unknown' },
    { path: '/authorize', reason: 'parameter_missing', parameter: 'client_id' },
    { path: authorize({ client_id: 'web' }), reason: 'client_mode_cookie' },
    {
      path: authorize({ redirect_uri: `https://${CANARY}.example/` }),
      reason: 'redirect_uri_unknown',
    },
    {
      path: authorize({ redirect_uri: '' }),
      reason: 'parameter_missing',
      parameter: 'redirect_uri',
    },
    { path: authorize({ request_uri: CANARY }), reason: 'request_uri_unknown' },
    { path: `/connect?client=${CANARY}&bundle=pick&return_to=/`, reason: 'client_unknown' },
    { path: '/connect?client=gallery&bundle=pick&return_to=/', reason: 'client_mode_oauth' },
    { path: '/connect?bundle=pick', reason: 'parameter_missing', parameter: 'return_to' },
    {
      path: `/connect?bundle=pick&return_to=https://${CANARY}.example/`,
      reason: 'return_to_origin',
    },
    { path: `/connect?bundle=pick&return_to=//${CANARY}`, reason: 'return_to_malformed' },
    { path: '/connect?return_to=/', reason: 'parameter_missing', parameter: 'bundle' },
    { path: `/connect?bundle=${CANARY}&return_to=/`, reason: 'bundle_unknown' },
    { path: `/connect?bundle=pick&return_to=/&display=${CANARY}`, reason: 'display_unknown' },
    {
      path: '/connect?bundle=pick&bundle=pick&return_to=/',
      reason: 'parameter_repeated',
      parameter: 'bundle',
    },
    { path: `/callback?state=${CANARY}&code=x`, reason: 'cookie_missing' },
  ])('for $path says: $reason', async ({ path, reason, parameter }) => {
    configureClients()
    const { status, text } = await visit(path)
    expect(status).toBe(400)
    expect(text).toContain(sentence(reason, parameter))
    expect(text).not.toContain(CANARY)
  })

  it('blames neither age nor use where the redirect URI is not registered', async () => {
    configureClients()
    const { text } = await visit(authorize({ redirect_uri: 'https://evil.example/' }))
    expect(text).not.toMatch(/already|older|ten minutes|used/)
  })
})

describe('the redirect URI', () => {
  it.each<{ changes: Record<string, string>; reason: Reason; parameter?: string }>([
    { changes: { code_challenge: '' }, reason: 'parameter_missing', parameter: 'code_challenge' },
    { changes: { code_challenge_method: 'plain' }, reason: 'code_challenge_method' },
    { changes: { code_challenge: CANARY }, reason: 'code_challenge_shape' },
    { changes: { response_mode: 'form_post' }, reason: 'response_mode_unknown' },
    { changes: { response_type: 'token' }, reason: 'response_type_unknown' },
    { changes: { prompt: CANARY }, reason: 'prompt_unknown' },
    { changes: { dpop_jkt: CANARY }, reason: 'dpop_jkt_shape' },
    { changes: { scope: '' }, reason: 'scope_missing' },
    { changes: { scope: CANARY }, reason: 'bundle_unknown' },
    { changes: { login_hint: 'x'.repeat(256) }, reason: 'login_hint_length' },
  ])('is told of $changes: $reason', async ({ changes, reason, parameter }) => {
    configureClients()
    const url = the.url + authorize(changes)
    const response = await broker(new Request(url, { headers: HTML, redirect: 'manual' }))
    const { searchParams } = new URL(response.headers.get('Location') ?? the.url)
    expect(searchParams.get('error_description')).toBe(sentence(reason, parameter))
    expect(String(searchParams)).not.toContain(CANARY)
  })
})

describe('a call', () => {
  it.each<{ body: object; reason: Reason; parameter?: string }>([
    { body: { bundle: 'pick', min_ttl: 99999 }, reason: 'min_ttl_shape' },
    { body: { bundle: 'pick', min_ttl: '300' }, reason: 'min_ttl_shape' },
    { body: { bundle: 'pick', rejected: CANARY }, reason: 'rejected_shape' },
    { body: { bundle: 7 }, reason: 'bundle_shape' },
    { body: {}, reason: 'parameter_missing', parameter: 'bundle' },
    { body: { bundle: 'pick', [CANARY]: 1 }, reason: 'member_unknown' },
    { body: { bundle: CANARY }, reason: 'bundle_unknown' },
  ])('of POST /session/token with $body is told: $reason', async ({ body, reason, parameter }) => {
    const browser = browse()
    await logIn(browser)
    const { body: answer } = await ask(browser, body)
    expect(answer.error_description).toBe(sentence(reason, parameter))
    expect(JSON.stringify(answer)).not.toContain(CANARY)
  })

  it.each<{ urls: unknown; reason: Reason }>([
    { urls: [], reason: 'urls_shape' },
    {
      urls: Array.from({ length: 101 }, () => 'https://lh3.googleusercontent.com/x=w1'),
      reason: 'urls_shape',
    },
    { urls: [7, CANARY], reason: 'urls_shape' },
  ])('of POST /media is told: $reason', async ({ urls, reason }) => {
    const browser = browse()
    await logIn(browser)
    const answer = await answerOf(
      await browser.call('POST', `${the.url}/media`, { bundle: 'pick', urls }),
    )
    expect(answer.body.error_description).toBe(sentence(reason))
    expect(JSON.stringify(answer.body)).not.toContain(CANARY)
  })

  it.each<{ origin: string | undefined; reason: Reason }>([
    { origin: `https://${CANARY}.example`, reason: 'origin_unknown' },
    { origin: gallery.origin, reason: 'origin_of_other_mode' },
  ])('of the origin $origin is told: $reason', async ({ origin, reason }) => {
    configureClients()
    const headers = { 'X-Requested-With': 'photos-token-broker', Origin: origin ?? '' }
    const request = new Request(`${the.url}/session/token`, { method: 'POST', headers })
    const answer = await answerOf(await broker(request))
    expect([answer.status, answer.body.error_description]).toEqual([403, sentence(reason)])
  })
})

it('the log has the reason and the same sentence', async () => {
  const info = vi.spyOn(console, 'info').mockReturnValue()
  await visit('/connect?return_to=/')
  const [record] = info.mock.calls.map(([line]) => JSON.parse(String(line)))
  expect(record).toMatchObject({
    event: 'request_refused',
    reason: 'parameter_missing',
    description: sentence('parameter_missing', 'bundle'),
  })
})
