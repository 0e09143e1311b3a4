/** Attack: mix-up with forged metadata or keys of another issuer (TMB-12, TMB-25, TMB-07). */

import { describe, expect, it, vi } from 'vitest'
import { createSimulator } from '../../src/simulator/app.ts'
import { answerOf, ask, broker, browse, the } from '../support/broker.ts'
import { intercept } from '../support/internet.ts'
import { GOOGLE, simulateGoogle } from '../support/simulated-google.ts'
import { stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const EVIL = 'https://evil.example'
const DISCOVERY = '/.well-known/openid-configuration'

/** Replaces the answers of some paths of Google. */
function tamper(answers: Record<string, () => Response>): void {
  intercept((request, next) => answers[new URL(request.url).pathname]?.() ?? next(request))
}

async function metadataOf(simulator: {
  fetch(request: Request): Promise<Response>
}): Promise<object> {
  return (await simulator.fetch(new Request(GOOGLE + DISCOVERY))).json()
}

describe('the metadata of the provider', () => {
  it.each([
    { what: 'names another issuer', change: { issuer: EVIL } },
    { what: 'names the issuer with a path', change: { issuer: `${GOOGLE}/x` } },
    { what: 'names no issuer', change: { issuer: undefined } },
  ])('that $what is refused, and the user is not redirected', async ({ change }) => {
    configure({ CONSISTENCY: 'edge' })
    const { simulator } = simulateGoogle()
    const metadata = await metadataOf(simulator)
    tamper({ [DISCOVERY]: () => Response.json({ ...metadata, ...change }) })
    const response = await broker(
      new Request(`${the.url}/connect?bundle=pick&return_to=/app`, { redirect: 'manual' }),
    )
    expect(response.headers.has('Location')).toBe(false)
    expect(response.headers.getSetCookie()).toEqual([])
    const { status, body } = await answerOf(response)
    expect([status, body.error]).toEqual([503, 'temporarily_unavailable'])
  })

  it.each([
    { endpoint: 'token_endpoint', path: '/token' },
    { endpoint: 'jwks_uri', path: '/oauth2/v3/certs' },
  ])('with a $endpoint that is not https gets no request there', async ({ endpoint, path }) => {
    configure({ CONSISTENCY: 'edge' })
    const google = simulateGoogle()
    const plain = `http://google.example${path}`
    const metadata = await metadataOf(google.simulator)
    tamper({ [DISCOVERY]: () => Response.json({ ...metadata, [endpoint]: plain }) })
    const browser = google.browse()
    const page = await google.connect(browser, 'pick').catch(() => undefined)
    expect(page?.url.searchParams.get('connect')).not.toBe('ok')
    const urls = vi.mocked(fetch).mock.calls.map(([input]) => String(input))
    expect(urls.filter((url) => url.startsWith('http:'))).toEqual([])
    expect((await ask(browser)).status).toBe(401)
  })
})

it('a callback without iss is refused if the provider promises one, and the state stays usable', async () => {
  configure({ CONSISTENCY: 'edge' })
  const google = simulateGoogle()
  const metadata = await metadataOf(google.simulator)
  const promised = { ...metadata, authorization_response_iss_parameter_supported: true }
  tamper({ [DISCOVERY]: () => Response.json(promised) })
  const browser = google.browse()
  const callback = await google.consent(await google.start(browser, 'pick'))
  const without = new URL(callback)
  without.searchParams.delete('iss')
  for (const error of ['', 'access_denied']) {
    if (error !== '') without.searchParams.set('error', error)
    const response = await browser.fetch(without)
    expect([response.status, response.headers.has('Location')]).toEqual([400, false])
  }
  expect(google.calls('token')).toBe(0)
  callback.searchParams.set('iss', GOOGLE)
  expect((await browser.visit(callback)).url.search).toBe('?connect=ok&bundle=pick')
})

it('an ID token of another issuer, signed with its keys, is refused', async () => {
  const google = simulateGoogle()
  const client = {
    client_id: 'test-client',
    client_secret: 'x',
    redirect_uris: [`${the.url}/callback`],
  }
  const evil = createSimulator({ origin: EVIL, clients: [client] })
  const browser = google.browse()
  const at = await google.start(browser, 'pick')
  const callback = await google.consent(at)

  // The other issuer gets the same nonce, as an attacker who saw the request could send it.
  const elsewhere = new URL(`${EVIL}/o/oauth2/v2/auth${at.search}`)
  elsewhere.searchParams.delete('code_challenge')
  elsewhere.searchParams.delete('code_challenge_method')
  const code = (await evil.consent(elsewhere)).searchParams.get('code') ?? ''
  const body = new URLSearchParams({
    ...{ grant_type: 'authorization_code', code, client_id: 'test-client', client_secret: 'x' },
    redirect_uri: `${the.url}/callback`,
  })
  const theirs = await (
    await evil.fetch(new Request(`${EVIL}/token`, { method: 'POST', body }))
  ).json<Record<string, unknown>>()
  expect(theirs).toHaveProperty('id_token')
  tamper({ '/token': () => Response.json(theirs) })
  expect((await browser.visit(callback)).url.search).toBe(
    '?connect=error&bundle=pick&error=server_error',
  )
  expect((await ask(browser)).status).toBe(401)
})

it('a callback that names another issuer is refused before its code is used', async () => {
  const google = simulateGoogle()
  const browser = google.browse()
  const callback = await google.consent(await google.start(browser, 'pick'))
  for (const iss of [EVIL, `${GOOGLE}/`, GOOGLE.toUpperCase(), `${GOOGLE},${EVIL}`, '']) {
    callback.searchParams.set('iss', iss)
    const response = await browser.fetch(callback)
    expect([iss, response.status, response.headers.has('Location')]).toEqual([iss, 400, false])
  }
  expect(google.calls('token')).toBe(0)
  expect((await browse().fetch(`${the.url}/callback`)).status).toBe(400)
})
