/** Attack: open redirects in OAuth mode, by a redirect URI or a faulty request (TMB-68); cookie mode is in attacks/open-redirect.test.ts. */

import { describe, expect, it } from 'vitest'
import { the } from '../support/broker.ts'
import { gallery, journal } from '../support/frontend.ts'
import { frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'

stageOAuthMode()

describe('an open redirect', () => {
  it.each([
    'https://evil.example/back',
    'https://gallery.example/back/',
    'https://gallery.example/back?x=1',
    'https://gallery.example/other/../back',
    'https://gallery.example.evil.example/back',
    'http://gallery.example/back',
    'javascript:alert(1)',
    journal.redirect_uri,
    undefined,
  ])('redirect_uri %j is not redirected to (TMB-68; RFC 9700 §2.1)', async (redirect_uri) => {
    const start = await frontend.authorizeUrl('pick', { redirect_uri })
    const page = await google.browse().visit(start)
    expect([page.response.status, page.redirects]).toEqual([400, []])
  })

  it('an unknown client or a cookie-mode client is not redirected to', async () => {
    for (const client_id of ['unknown', 'web', '__proto__', 'constructor', undefined]) {
      const page = await google.browse().visit(await frontend.authorizeUrl('pick', { client_id }))
      expect([page.response.status, page.redirects]).toEqual([400, []])
    }
  })

  it.each(['redirect_uri', 'client_id'])('a repeated %s is not redirected to', async (name) => {
    const start = await frontend.authorizeUrl('pick')
    start.searchParams.append(name, start.searchParams.get(name) ?? '')
    expect((await google.browse().visit(start)).redirects).toEqual([])
  })

  it.each([
    {
      what: 'a response type that is not code',
      change: { response_type: 'token' },
      error: 'unsupported_response_type',
    },
    { what: 'no response type', change: { response_type: undefined }, error: 'invalid_request' },
    { what: 'a form post', change: { response_mode: 'form_post' }, error: 'invalid_request' },
    { what: 'a request object', change: { request: 'x' }, error: 'invalid_request' },
    { what: 'the reserved bundle', change: { scope: 'broker' }, error: 'invalid_scope' },
    { what: 'no bundle', change: { scope: undefined }, error: 'invalid_scope' },
    { what: 'a prompt we do not know', change: { prompt: 'create' }, error: 'invalid_request' },
    { what: 'a key that is none', change: { dpop_jkt: 'x' }, error: 'invalid_request' },
  ])('$what is reported to the redirect URI (RFC 6749 §4.1.2.1)', async ({ change, error }) => {
    const back = await frontend.consent(google, google.browse(), 'pick', { parameters: change })
    expect(back.origin + back.pathname).toBe(gallery.redirect_uri)
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error,
      error_description: expect.stringMatching(/^[\x20-\x7e]+$/),
      state: 'state-of-the-frontend',
      iss: the.url,
    })
    expect(google.calls('token')).toBe(0)
  })

  it.each([
    { what: 'too long', state: 'x'.repeat(513) },
    { what: 'with control characters', state: 'a\r\nb' },
  ])('a state that is $what is not returned', async ({ state }) => {
    const back = await frontend.consent(google, google.browse(), 'pick', { parameters: { state } })
    expect(Object.fromEntries(back.searchParams)).toEqual({
      error: 'invalid_request',
      error_description: 'state must be printable ASCII of at most 512 characters.',
      iss: the.url,
    })
  })
})
