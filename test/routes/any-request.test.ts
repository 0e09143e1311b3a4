/** A property test of the front door: every request gets an answer of the contract, and none a 500. */

import fc from 'fast-check'
import { beforeEach, expect, it, vi } from 'vitest'
import { broker, browse, logIn, the } from '../support/broker.ts'
import { configureClients, gallery, OAUTH_CLIENTS } from '../support/frontend.ts'
import { simulateGoogle } from '../support/simulated-google.ts'
import { stage } from '../support/story.ts'

stage()

beforeEach(() => {
  vi.spyOn(console, 'log').mockImplementation(() => {})
  vi.spyOn(console, 'info').mockImplementation(() => {})
  vi.spyOn(console, 'warn').mockImplementation(() => {})
})

const CODES =
  /^(invalid_request|invalid_scope|unsupported_grant_type|unsupported_response_type|invalid_grant|invalid_dpop_proof|use_dpop_nonce|login_required|consent_required|access_denied|slow_down|temporarily_unavailable)$/

const word = fc.oneof(
  { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
  fc.constantFrom(
    ...['', 'pick', 'broker', '__proto__', 'constructor', '\0', '\ud800', '%00', 'x'.repeat(7000)],
    ...['code', 'S256', 'h'.repeat(43), 'query', 'popup', '/', gallery.id, gallery.redirect_uri],
    ...['authorization_code', 'refresh_token', 'urn:ietf:params:oauth:grant-type:token-exchange'],
    ...['urn:ietf:params:oauth:token-type:jwt', 'urn:ietf:params:oauth:request_uri:e30....'],
    ...['e30.e30.e30', 'e30....', '300', '-1', '1e9'],
  ),
)
const parameter = fc.constantFrom(
  ...['bundle', 'client', 'return_to', 'prompt', 'display', 'client_id', 'redirect_uri', 'scope'],
  ...['response_type', 'state', 'code', 'iss', 'error', 'code_challenge', 'code_challenge_method'],
  ...['request_uri', 'grant_type', 'refresh_token', 'code_verifier', 'subject_token', 'token'],
  ...['subject_token_type', 'min_ttl', 'rejected', 'dpop_jkt', 'login_hint', '__proto__'],
)
const parameters = fc
  .dictionary(parameter, word, { maxKeys: 6, noNullPrototype: true })
  .map((pairs) => new URLSearchParams(pairs).toString())

const segment = word.map((text) => encodeURIComponent(text.toWellFormed()))
const path = fc.oneof(
  fc.constantFrom(
    ...['/connect', '/authorize', '/callback', '/token', '/par', '/revoke', '/session', '/media'],
    ...['/session/token', '/grants', '/grants/pick', '/bundles', '/client.js', '/photos.js'],
  ),
  segment.map((name) => `/grants/${name}`),
  segment.map((name) => `/media?ticket=${name}`),
  segment.map((name) => `/${name}`),
)

/** A header value of visible ASCII. */
const field = word.map((text) => text.replace(/[^\x20-\x7e]/g, '?').trim())
const cookie = fc.oneof(
  fc
    .constantFrom('default', 'web', '__proto__')
    .map((id) => `__Host-Http-ptb-session-${id}=e30....`),
  field.map((text) => `__Host-Http-ptb-pending-${text.slice(0, 40)}=${text}`),
  field,
)
const headers = fc.record(
  {
    Origin: fc.constantFrom(the.url, gallery.origin, 'null', 'https://evil.example', ''),
    'X-Requested-With': fc.constantFrom('photos-token-broker', 'x'),
    'Sec-Fetch-Site': fc.constantFrom('same-origin', 'cross-site', 'none', 'x'),
    'Content-Type': fc.constantFrom(
      ...['application/json', 'application/x-www-form-urlencoded', 'text/plain', ''],
    ),
    Cookie: fc.array(cookie, { maxLength: 4 }).map((all) => all.join('; ')),
    Authorization: fc
      .tuple(fc.constantFrom('Bearer ', 'DPoP ', 'Basic ', ''), field)
      .map((parts) => parts.join('')),
    DPoP: field,
    Range: field,
    'If-None-Match': field,
    'Content-Length': fc.constantFrom('0', '5', '999999'),
  },
  { requiredKeys: ['Origin'] },
)
const body = fc.oneof(
  parameters,
  fc.json(),
  parameters.map((text) => JSON.stringify(Object.fromEntries(new URLSearchParams(text)))),
  word,
)
const method = fc.constantFrom('GET', 'POST', 'POST', 'DELETE', 'OPTIONS', 'HEAD', 'PUT')
const request = fc.record({ method, path, query: fc.oneof(parameters, word), headers, body })

it.each([
  { mode: 'cookie mode', clients: undefined, isLoggedIn: false },
  { mode: 'cookie mode, logged in', clients: undefined, isLoggedIn: true },
  { mode: 'OAuth mode', clients: OAUTH_CLIENTS, isLoggedIn: false },
])(
  'any request in $mode gets an answer of the contract, and none a 500 (property; TMB-50, TMB-73)',
  async ({ clients, isLoggedIn }) => {
    if (clients) configureClients(clients)
    const google = simulateGoogle()
    const error = vi.spyOn(console, 'error').mockImplementation(() => {})
    const browser = browse()
    if (isLoggedIn) await logIn(browser)
    await fc.assert(
      fc.asyncProperty(request, async ({ method, path, query, headers, body }) => {
        const hasBody = !['GET', 'HEAD'].includes(method)
        const asked = new Request(`${the.url}${path}?${query.replaceAll('#', '')}`, {
          ...{ method, headers, redirect: 'manual' },
          ...(hasBody ? { body: body.toWellFormed() } : {}),
        })
        const isBrowser = isLoggedIn && !('Cookie' in headers) && hasBody
        const response = isBrowser
          ? await browser.fetch(asked.url, { method, headers: asked.headers, body: asked.body })
          : await broker(asked)
        const text = await response.text()
        expect(response.status, text).not.toBe(500)
        if (response.status < 400 || method === 'HEAD') return
        expect(response.headers.get('Cache-Control')).toBe('no-store')
        if (response.headers.get('Content-Type')?.startsWith('text/html')) return
        const { error, error_description, request_id } = JSON.parse(text)
        expect(error).toMatch(CODES)
        expect(typeof error_description).toBe('string')
        expect(request_id).toMatch(/^.{8,}$/)
      }),
      { numRuns: 400 },
    )
    expect(error).not.toHaveBeenCalled()
    expect(google.calls('token')).toBe(0)
  },
)
