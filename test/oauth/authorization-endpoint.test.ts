/** Tests of `/authorize` in OAuth mode: its parameters, what it answers on the redirect URI, and PKCE. */

import { describe, expect, it } from 'vitest'
import { the } from '../support/broker.ts'
import { configureClients, gallery, openFrontend, sha256 } from '../support/frontend.ts'
import { codeFor, frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'
import { GOOGLE } from '../support/simulated-google.ts'

stageOAuthMode()

/** Requests `/authorize`, and goes on where the broker asks. */
async function authorize(url: URL): Promise<{ status: number; location: URL }> {
  const isOutside = ({ origin }: URL): boolean => origin !== the.url
  const { url: location, response } = await google.browse().visit(url, {}, isOutside)
  return { status: response.status, location }
}

describe('the authorization endpoint', () => {
  it('ignores unknown parameters (RFC 6749 §3.1)', async () => {
    const { location } = await authorize(
      await frontend.authorizeUrl('pick', { nonce: 'n', audience: 'a', unknown: 'u' }),
    )
    expect(location?.origin).toBe(GOOGLE)
    expect(location?.href).not.toContain('unknown')
  })

  it.each(['state', 'prompt', 'dpop_jkt', 'response_mode', 'request_uri'])(
    'treats an empty %s as omitted (RFC 6749 §3.1)',
    async (name) => {
      const { location } = await authorize(await frontend.authorizeUrl('pick', { [name]: '' }))
      expect(location?.origin).toBe(GOOGLE)
    },
  )

  it.each(['scope', 'state', 'unknown'])(
    'reports a repeated %s to the redirect URI (RFC 6749 §4.1.2.1)',
    async (name) => {
      const url = await frontend.authorizeUrl('pick', { unknown: 'u' })
      url.searchParams.append(name, url.searchParams.get(name) ?? '')
      const { location } = await authorize(url)
      expect(location?.origin).toBe(gallery.origin)
      expect(location?.searchParams.get('error')).toBe('invalid_request')
    },
  )

  it('keeps the query of a redirect URI (RFC 6749 §3.1.2)', async () => {
    const redirect_uri = 'https://gallery.example/back?tab=my%20photos&flag'
    const client = { origins: [gallery.origin], redirect_uris: [redirect_uri] }
    configureClients({ gallery: client })
    const other = await openFrontend({ ...gallery, redirect_uri })
    const back = await other.consent(google, google.browse(), 'pick')
    expect(back.href.startsWith(`${redirect_uri}&`)).toBe(true)
    expect((await other.redeem(back.searchParams.get('code') ?? '')).status).toBe(200)
  })

  it('returns the state unchanged (RFC 6749 §4.1.2)', async () => {
    const state = ' %41+&=#?"\\~;/:@'
    const back = await frontend.consent(google, google.browse(), 'pick', { parameters: { state } })
    expect(back.searchParams.get('state')).toBe(state)
  })

  it('returns no state if none was sent (RFC 6749 §4.1.2)', async () => {
    const back = await frontend.consent(google, google.browse(), 'pick', {
      parameters: { state: undefined },
    })
    expect([...back.searchParams.keys()].sort()).toEqual(['code', 'iss'])
  })

  it('puts no token into a URL (RFC 9700 §2.1.2, §4.3.2)', async () => {
    const back = await frontend.consent(google, google.browse(), 'pick')
    const { body } = await frontend.redeem(back.searchParams.get('code') ?? '')
    for (const token of [body.access_token, body.refresh_token])
      expect(back.href).not.toContain(token)
    expect(back.hash).toBe('')
  })
})

describe('PKCE', () => {
  const VERIFIER = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
  const CHALLENGE = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

  const codeBy = async (code_challenge: string): Promise<string> =>
    codeFor(frontend, 'pick', { parameters: { code_challenge } })

  it('accepts the verifier and challenge of RFC 7636 Appendix B', async () => {
    const code = await codeBy(CHALLENGE)
    expect((await frontend.redeem(code, { code_verifier: VERIFIER })).status).toBe(200)
  })

  it('does not accept the challenge as its own verifier, as plain would (RFC 7636 §4.6)', async () => {
    const code = await codeBy(CHALLENGE)
    const { body } = await frontend.redeem(code, { code_verifier: CHALLENGE })
    expect(body.error).toBe('invalid_grant')
  })

  it.each([
    { what: 'of the largest length', code_verifier: '~.-_'.repeat(32), status: 200 },
    { what: 'that is one character longer', code_verifier: 'x'.repeat(129), status: 400 },
    { what: 'with other characters', code_verifier: '+'.repeat(43), status: 400 },
    { what: 'with a line feed', code_verifier: `${'x'.repeat(43)}\n`, status: 400 },
  ])('answers a verifier $what with $status (RFC 7636 §4.1)', async ({ code_verifier, status }) => {
    const code = await codeBy(await sha256(code_verifier))
    expect((await frontend.redeem(code, { code_verifier })).status).toBe(status)
  })

  it('refuses a request without a method, which means plain (RFC 7636 §4.3, §4.4.1)', async () => {
    const { location } = await authorize(
      await frontend.authorizeUrl('pick', { code_challenge_method: undefined }),
    )
    expect(location?.searchParams.get('error')).toBe('invalid_request')
  })
})

describe('mix-up', () => {
  it('every response has the issuer, errors included (RFC 9207 §2)', async () => {
    const ok = await frontend.consent(google, google.browse(), 'pick')
    const no = await frontend.consent(google, google.browse(), 'pick', { cancel: true })
    const bad = await frontend.consent(google, google.browse(), 'nothing')
    for (const url of [ok, no, bad]) expect(url.searchParams.get('iss')).toBe(the.url)
  })
})
