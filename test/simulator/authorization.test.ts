/** Tests of the authorization endpoint: which requests are refused, and which scopes are granted. */

import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../src/simulator/app.ts'
import { authorizationUrl, connect, exchange, google, the } from './app.ts'

const BEN = '104211057893346619057'

async function openPage(
  scope: string,
  more: Record<string, string> = {},
  { simulator = google(), signedIn = the.sub as string } = {},
): Promise<string> {
  const { url } = await authorizationUrl(scope, more)
  const headers = { Cookie: `simulator_signed_in=${signedIn}` }
  return (await simulator.fetch(new Request(url, { headers }))).text()
}

describe('a request that is not valid', () => {
  it.each([
    ['another redirect URI', { redirect_uri: `${the.redirect_uri}/` }, 'redirect_uri_mismatch'],
    ['a redirect URI with a query', { redirect_uri: `${the.redirect_uri}?a` }, 'redirect_uri_'],
    ['an unknown client', { client_id: 'unknown' }, 'invalid_client'],
    ['an unknown scope', { scope: `${the.pick}.write` }, 'invalid_scope'],
    ['a scope that Google removed', { scope: `${the.auth}photoslibrary` }, 'invalid_scope'],
    ['no scope', { scope: undefined }, 'invalid_request'],
    ['the implicit flow', { response_type: 'token' }, 'invalid_request'],
    ['plain PKCE', { code_challenge_method: 'plain' }, 'invalid_request'],
    ['PKCE without a method', { code_challenge_method: undefined }, 'invalid_request'],
    ['a challenge that is no SHA-256', { code_challenge: 'short' }, 'invalid_request'],
    ['prompt=none with another', { prompt: 'none consent' }, 'invalid_request'],
  ])('with %s is answered on a page, without a redirect', async (_, more, error) => {
    const { url } = await authorizationUrl(the.pick, more)
    const response = await google().fetch(new Request(url))
    expect(response.status).toBe(400)
    expect(response.headers.get('Location')).toBeNull()
    expect(await response.text()).toContain(`<code>${error}`)
  })

  it('is refused again when a form contains it', async () => {
    const { url } = await authorizationUrl(the.pick, { redirect_uri: 'https://evil.example/' })
    const fields = { request: url.search.slice(1), account: the.sub, action: 'Continue' }
    for (const step of ['account', 'consent']) {
      const body = new URLSearchParams(fields)
      const request = new Request(`${the.origin}/o/oauth2/v2/auth/${step}`, {
        method: 'POST',
        body,
      })
      expect((await google().fetch(request)).status).toBe(400)
    }
  })
})

it.each([
  ['no account is signed in', '', {}, 'Choose an account'],
  ['one account is signed in', the.sub, {}, 'wants access'],
  ['two are signed in', `${the.sub}.${BEN}`, {}, 'Choose an account'],
  ['one of two is hinted', `${the.sub}.${BEN}`, { login_hint: 'ada@example.com' }, 'wants access'],
  ['another is hinted', the.sub, { login_hint: 'ben.okafor@example.com' }, 'Choose an account'],
  ['prompt=select_account is sent', the.sub, { prompt: 'select_account' }, 'Choose an account'],
])('shows the right page when %s', async (_, signedIn, more, text) => {
  expect(await openPage(the.pick, more, { signedIn })).toContain(text)
})

describe('consent', () => {
  const consented = async (): Promise<Simulator> => {
    const simulator = google()
    expect((await connect(simulator)).refresh_token).toBeDefined()
    return simulator
  }

  it('has a box for each of several scopes, and grants the ticked ones', async () => {
    const scope = `openid ${the.append} ${the.read}`
    const body = await connect(google(), scope, { untick: ['photoslibrary.appendonly'] })
    expect(body.scope).toBe(`openid ${the.read}`)
  })

  it('has no box for a scope that is asked for alone', async () => {
    expect(await openPage(the.pick)).not.toContain('type="checkbox"')
    expect((await connect(google(), the.pick)).scope).toBe(the.pick)
  })

  it('has no box for the scopes of sign-in, and an unticked one for a scope beside them', async () => {
    expect(await openPage('openid email profile')).not.toContain('type="checkbox"')
    const page = await openPage(`openid ${the.pick}`)
    expect(page.match(/<input type="checkbox"[^>]*>/g)).toEqual([
      `<input type="checkbox" name="scope" value="${the.pick}">`,
    ])
  })

  it('grants the scopes of sign-in alone when no box is ticked', async () => {
    expect((await connect(google(), undefined, { untick: [the.pick] })).scope).toBe('openid')
  })

  it('has ticked boxes with the setting boxes_ticked', async () => {
    const simulator = google()
    simulator.world.settings.boxes_ticked = true
    const page = await openPage(`openid ${the.append} ${the.read}`, {}, { simulator })
    expect(page.match(/type="checkbox"[^>]* checked>/g)).toHaveLength(2)
  })

  it.each([
    ['no box is ticked', { untick: [the.append, the.read] }],
    ['the user cancels', { cancel: true }],
  ])('ends with access_denied when %s', async (_, choice) => {
    const { url } = await authorizationUrl(`${the.append} ${the.read}`)
    const redirect = await google().consent(url, choice)
    const expected = { error: 'access_denied', state: the.state }
    expect(Object.fromEntries(redirect.searchParams)).toEqual(expected)
  })

  it('is not asked for twice, and then no refresh token is issued', async () => {
    const again = await connect(await consented())
    expect(again.refresh_token).toBeUndefined()
    expect(again.scope).toBe(`openid ${the.pick}`)
  })

  it('is asked for again with prompt=consent, and a refresh token is issued', async () => {
    const again = await connect(await consented(), undefined, {}, { prompt: 'consent' })
    expect(again.refresh_token).toBeDefined()
  })

  it('is asked for new scopes only', async () => {
    const simulator = await consented()
    const scope = `openid ${the.pick} ${the.append}`
    expect(await openPage(scope, {}, { simulator })).toContain('already has this')
    const { url, code_verifier } = await authorizationUrl(scope)
    const body = await exchange(simulator, await simulator.consent(url), code_verifier)
    expect(body.scope).toBe(scope)
  })

  it('gives no refresh token without access_type=offline', async () => {
    const body = await connect(google(), undefined, {}, { access_type: undefined })
    expect(body.refresh_token).toBeUndefined()
  })

  it.each([
    ['no account is signed in', 'unknown', 'login_required'],
    ['a scope is new', the.sub, 'consent_required'],
  ])('is not asked for with prompt=none when %s', async (_, account, error) => {
    const { url } = await authorizationUrl(the.pick, { prompt: 'none' })
    expect((await google().consent(url, { account })).searchParams.get('error')).toBe(error)
  })
})

it('escapes the name of an app, and runs no script', async () => {
  const name = '<img src=x onerror=alert(1)>'
  const { client_id, client_secret, redirect_uri } = the
  const clients = [{ client_id, client_secret, redirect_uris: [redirect_uri], name }]
  const page = await openPage(the.pick, {}, { simulator: google({ clients }) })
  expect(page).not.toContain(name)
  expect(page).not.toContain('<script')
})
