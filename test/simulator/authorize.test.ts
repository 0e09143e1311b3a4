/** This file is the tests of the authorization endpoint: what is refused, who is asked, what is granted. */

import { describe, expect, it } from 'vitest'
import { authorizationUrl, connect, exchange, google, the } from './app.ts'

const EMAIL = 'https://www.googleapis.com/auth/userinfo.email'

describe('a request that Google keeps on its own page', () => {
  it.each([
    {
      given: 'another redirect URI',
      more: { redirect_uri: `${the.redirect_uri}/` },
      error: 'redirect_uri_mismatch',
    },
    {
      given: 'a redirect URI with a query',
      more: { redirect_uri: `${the.redirect_uri}?a=b` },
      error: 'redirect_uri_mismatch',
    },
    { given: 'an unknown client', more: { client_id: 'nobody' }, error: 'invalid_client' },
    { given: 'an unknown scope', more: { scope: `${the.pick}.write` }, error: 'invalid_scope' },
    { given: 'a short scope', more: { scope: 'photoslibrary.appendonly' }, error: 'invalid_scope' },
    {
      given: 'a scope removed in 2025',
      more: { scope: 'https://www.googleapis.com/auth/photoslibrary.readonly' },
      error: 'invalid_scope',
    },
    { given: 'plain PKCE', more: { code_challenge_method: 'plain' }, error: 'invalid_request' },
    {
      given: 'PKCE of no named method',
      more: { code_challenge_method: undefined },
      error: 'invalid_request',
    },
    {
      given: 'a challenge that is no SHA-256',
      more: { code_challenge: 'short' },
      error: 'invalid_request',
    },
    { given: 'the implicit flow', more: { response_type: 'token' }, error: 'invalid_request' },
    { given: 'no scope', more: { scope: undefined }, error: 'invalid_request' },
    { given: 'an unknown prompt', more: { prompt: 'login' }, error: 'invalid_request' },
    {
      given: 'prompt=none with another',
      more: { prompt: 'none consent' },
      error: 'invalid_request',
    },
    { given: 'an unknown access type', more: { access_type: 'forever' }, error: 'invalid_request' },
  ])('is one with $given', async ({ more, error }) => {
    const { url } = await authorizationUrl(the.pick, more)
    const response = await google().fetch(new Request(url))
    expect(response.status).toBe(400)
    expect(response.headers.get('Location')).toBeNull()
    expect(await response.text()).toContain(`<code>${error}</code>`)
  })

  it('is one with a repeated parameter', async () => {
    const { url } = await authorizationUrl(the.pick)
    url.searchParams.append('state', 'another')
    expect((await google().fetch(new Request(url))).status).toBe(400)
  })

  it('is checked anew when a form brings it', async () => {
    const { url } = await authorizationUrl(the.pick, { redirect_uri: 'https://evil.example/' })
    const body = new URLSearchParams({
      request: url.search.slice(1),
      account: the.sub,
      action: 'Continue',
    })
    for (const step of ['account', 'consent']) {
      const action = `${the.origin}/o/oauth2/v2/auth/${step}`
      const response = await google().fetch(new Request(action, { method: 'POST', body }))
      expect(response.status).toBe(400)
    }
  })
})

describe('the account', () => {
  async function open(more: Record<string, string>, signedIn: string): Promise<string> {
    const { url } = await authorizationUrl(the.pick, more)
    const headers = { Cookie: `simulator_signed_in=${signedIn}` }
    return (await google().fetch(new Request(url, { headers }))).text()
  }

  it.each([
    { given: 'nobody is signed in', signedIn: '', more: {}, page: 'Choose an account' },
    { given: 'one is signed in', signedIn: the.sub, more: {}, page: 'wants access' },
    {
      given: 'two are signed in',
      signedIn: `${the.sub}.104211057893346619057`,
      more: {},
      page: 'Choose an account',
    },
    {
      given: 'two are signed in and one is hinted at by email',
      signedIn: `${the.sub}.104211057893346619057`,
      more: { login_hint: 'ada@example.com' },
      page: 'wants access',
    },
    {
      given: 'it is hinted at by sub',
      signedIn: the.sub,
      more: { login_hint: the.sub },
      page: 'wants access',
    },
    {
      given: 'another is hinted at',
      signedIn: the.sub,
      more: { login_hint: 'ben.okafor@example.com' },
      page: 'Choose an account',
    },
    {
      given: 'the app wants a choice',
      signedIn: the.sub,
      more: { prompt: 'select_account' },
      page: 'Choose an account',
    },
    {
      given: 'another domain is wanted',
      signedIn: the.sub,
      more: { hd: 'studio.example' },
      page: 'Choose an account',
    },
  ])('is asked for or not when $given', async ({ signedIn, more, page }) => {
    expect(await open(more, signedIn)).toContain(page)
  })

  it('is remembered by the browser that chose it', async () => {
    const simulator = google()
    const { url } = await authorizationUrl(the.pick)
    const response = await simulator.fetch(
      new Request(`${the.origin}/o/oauth2/v2/auth/account`, {
        method: 'POST',
        body: new URLSearchParams({ request: url.search.slice(1), account: the.sub }),
      }),
    )
    const [cookie = ''] = response.headers.getSetCookie()
    expect(cookie).toMatch(/^simulator_signed_in=\d+; Path=\/; HttpOnly; SameSite=Lax$/)
    expect(await response.text()).toContain('wants access')
  })

  it('of a Workspace domain says so in its ID token', async () => {
    const body = await connect(google(), 'openid', { account: 'chiara@studio.example' })
    expect(JSON.parse(atob(body.id_token?.split('.')[1] ?? ''))).toMatchObject({
      hd: 'studio.example',
    })
  })
})

describe('consent', () => {
  it('has a box for each scope when there are several', async () => {
    const simulator = google()
    const scope = `openid email ${the.append} ${the.read}`
    const body = await connect(simulator, scope, { untick: ['photoslibrary.appendonly'] })
    expect(body.scope).toBe(`openid ${EMAIL} ${the.read}`)
  })

  it('has no box when there is one scope beside those for sign-in', async () => {
    const { url } = await authorizationUrl(`openid email ${the.pick}`)
    const headers = { Cookie: `simulator_signed_in=${the.sub}` }
    const page = await (await google().fetch(new Request(url, { headers }))).text()
    expect(page).not.toContain('type="checkbox"')
    expect(page).toContain('photospicker.mediaitems.readonly')
  })

  it('is a refusal when every box is unticked and nobody signs in', async () => {
    const { url } = await authorizationUrl(`${the.append} ${the.read}`)
    const back = await google().consent(url, { untick: [the.append, the.read] })
    expect(back.searchParams.get('error')).toBe('access_denied')
  })

  it('is not asked for twice, and then no refresh token comes', async () => {
    const simulator = google()
    expect((await connect(simulator)).refresh_token).toBeDefined()
    const again = await connect(simulator)
    expect(again.refresh_token).toBeUndefined()
    expect(again.scope).toBe(`openid ${the.pick}`)
  })

  it('is asked for again with prompt=consent, and a refresh token comes', async () => {
    const simulator = google()
    const first = await connect(simulator)
    const again = await connect(simulator, undefined, {}, { prompt: 'consent select_account' })
    expect(again.refresh_token).toBeDefined()
    expect(again.refresh_token).not.toBe(first.refresh_token)
  })

  it('brings no refresh token without access_type=offline', async () => {
    const body = await connect(google(), undefined, {}, { access_type: undefined })
    expect(body.refresh_token).toBeUndefined()
  })

  it('asks for new scopes only', async () => {
    const simulator = google()
    await connect(simulator, `openid ${the.pick}`)
    const { url, code_verifier } = await authorizationUrl(`openid ${the.pick} ${the.append}`)
    const headers = { Cookie: `simulator_signed_in=${the.sub}` }
    const page = await (await simulator.fetch(new Request(url, { headers }))).text()
    expect(page).toContain('already has this')
    expect(page).not.toContain('type="checkbox"')
    const body = await exchange(simulator, await simulator.consent(url), code_verifier)
    expect(body.scope).toBe(`openid ${the.pick} ${the.append}`)
    expect(body.refresh_token).toBeDefined()
  })

  it('covers everything ever granted with include_granted_scopes', async () => {
    const simulator = google()
    await connect(simulator, `openid ${the.pick}`)
    expect((await connect(simulator, the.append)).scope).toBe(the.append)
    const all = await connect(simulator, the.read, {}, { include_granted_scopes: 'true' })
    expect(new Set(all.scope?.split(' '))).toEqual(
      new Set(['openid', the.pick, the.append, the.read]),
    )
  })

  it.each([
    { given: 'nobody is signed in', before: false, account: 'nobody', error: 'login_required' },
    { given: 'something is new', before: false, account: the.sub, error: 'consent_required' },
  ])('is not asked for with prompt=none, even if $given', async ({ account, error }) => {
    const { url } = await authorizationUrl(the.pick, { prompt: 'none' })
    const back = await google().consent(url, { account })
    expect(back.searchParams.get('error')).toBe(error)
    expect(back.searchParams.get('state')).toBe(the.state)
  })

  it('comes from the page by names that a browser test can find', async () => {
    const { url } = await authorizationUrl(`${the.append} ${the.edit}`)
    const headers = { Cookie: `simulator_signed_in=${the.sub}` }
    const page = await (await google().fetch(new Request(url, { headers }))).text()
    expect(page).toMatch(/<label[^>]*>\s*<input type="checkbox" name="scope"[^>]*checked>/)
    expect(page).toContain('>Continue</button>')
    expect(page).toContain('>Cancel</button>')
    expect(page).toContain('Simulator: not Google')
  })
})

describe('the redirect', () => {
  it('names the issuer only when this Google is set up so', async () => {
    const simulator = google()
    const { url } = await authorizationUrl(the.pick)
    expect((await simulator.consent(url)).searchParams.has('iss')).toBe(false)
    simulator.world.settings.iss_on_redirect = true
    expect((await simulator.consent(url)).searchParams.get('iss')).toBe(the.origin)
  })
})

describe('choosing an account', () => {
  it('signs in to it, also where everything was allowed before and no page follows', async () => {
    const simulator = google()
    const { url } = await authorizationUrl(the.pick)
    await simulator.consent(url)
    const chosen = await simulator.fetch(
      new Request(new URL('/o/oauth2/v2/auth/account', url), {
        method: 'POST',
        body: new URLSearchParams({
          request: url.search.slice(1),
          account: simulator.world.accounts[0]?.sub ?? '',
        }),
      }),
    )
    expect(chosen.status).toBe(302)
    expect(chosen.headers.get('Set-Cookie')).toContain('simulator_signed_in=')
  })
})
