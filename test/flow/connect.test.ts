/** Tests of the way to Google and back in cookie mode, and of the refresh token that Google issues or omits. */

import { beforeEach, describe, expect, it } from 'vitest'
import { ask, askSession, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { ADA, GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { later, stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle
let browser: Browser

beforeEach(() => {
  google = simulateGoogle()
  browser = google.browse()
})

describe('connecting', () => {
  it('redirects to Google with the bundle’s scopes, PKCE, and a random state and nonce (TMB-01 to 03, TMB-06)', async () => {
    const url = await google.start(
      google.browse(),
      'album',
      '&response_type=token&response_mode=fragment&user=victim&client_id=evil',
    )
    const query = Object.fromEntries(url.searchParams)
    expect(url.origin + url.pathname).toBe(`${GOOGLE}/o/oauth2/v2/auth`)
    const random = expect.stringMatching(/^[\w-]{43}$/)
    expect(query).toEqual({
      ...{ client_id: 'test-client', redirect_uri: `${the.url}/callback` },
      ...{ response_type: 'code', access_type: 'offline', scope: expect.any(String) },
      ...{ code_challenge_method: 'S256', code_challenge: random, state: random, nonce: random },
    })
    expect(query['scope']?.split(' ').sort()).toEqual([...the.album.split(' '), 'openid'].sort())
    expect(query['state']).not.toBe(query['nonce'])
  })

  it('uses new random values each time (TMB-02, TMB-03)', async () => {
    const seen = new Set<string>()
    for (let start = 0; start < 300; start++) {
      const { searchParams } = await google.start(google.browse(), 'pick')
      for (const name of ['state', 'nonce', 'code_challenge'])
        seen.add(searchParams.get(name) ?? '')
    }
    expect(seen.size).toBe(900)
  })

  it('brings the user back with a session and a token of exactly that bundle', async () => {
    const page = await google
      .connect(browser, 'pick', { query: '&return_to=ignored' })
      .catch(() => undefined)
    expect(page).toBeUndefined()
    const back = await google.connect(browser, 'pick')
    expect(back.url.href).toBe(`${the.url}/app?connect=ok&bundle=pick`)
    const { status, body } = await ask(browser)
    expect([status, body.scope]).toEqual([200, the.pick])
    const { body: session } = await askSession(browser)
    expect(session).toMatchObject({ sub: ADA, client: 'default' })
    expect(session.bundles).toMatchObject({
      pick: { status: 'ready', scope: the.pick, granted_at: Math.floor(Date.now() / 1000) },
      upload: { status: 'consent_required', reason: 'never_granted', missing_scope: the.upload },
    })
  })

  it('returns to the app by 303, without code, state or token (TMB-17, TMB-69; RFC 9700 §4.12)', async () => {
    const callback = await google.consent(await google.start(browser, 'pick'))
    const response = await browser.fetch(callback)
    expect(response.status).toBe(303)
    const location = response.headers.get('Location') ?? ''
    for (const secret of [
      callback.searchParams.get('code'),
      callback.searchParams.get('state'),
      'canary',
      ADA,
    ]) {
      expect(location).not.toContain(secret)
    }
  })

  it('replaces an earlier result in return_to, and does not rewrite the rest of its query', async () => {
    const returned = async (return_to: string): Promise<string> => {
      const url = `${the.url}/connect?bundle=pick&return_to=${encodeURIComponent(return_to)}`
      const page = await browser.visit(url, {}, ({ origin }) => origin === GOOGLE)
      return (await browser.visit(await google.consent(page.url))).url.search
    }
    const earlier = '/app?x=1&connect=error&error=server_error'
    expect(await returned(earlier)).toBe('?x=1&connect=ok&bundle=pick')
    const spelt = '?flag&x=%20&y=a+b'
    expect(await returned(`/app${spelt}`)).toBe(`${spelt}&connect=ok&bundle=pick`)
  })
})

describe('the refresh token', () => {
  it('is requested with prompt=consent only if none is stored, with a login_hint (TMB-08)', async () => {
    const promptOf = async (bundle: string): Promise<[string | null, string | null]> => {
      const { searchParams } = await google.start(browser, bundle)
      return [searchParams.get('prompt'), searchParams.get('login_hint')]
    }
    expect(await promptOf('pick')).toEqual([null, null])
    await google.connect(browser, 'pick')
    expect(await promptOf('pick')).toEqual([null, ADA])
    expect(await promptOf('upload')).toEqual(['consent', ADA])
    google.simulator.faults.add({ at: 'token:refresh_token', do: { error: 'invalid_grant' } })
    later(3600)
    expect((await ask(browser)).status).toBe(403)
    expect(await promptOf('pick')).toEqual(['consent', ADA])
  })

  it('that Google omits, as for earlier consents, is requested again with prompt=consent', async () => {
    const before = google.browse()
    await google.connect(before, 'pick')
    await before.call('DELETE', `${the.url}/grants/pick`)
    later(5)
    const callback = await google.consent(await google.start(browser, 'pick'))
    const again = await browser.visit(callback, {}, (url) => url.origin === GOOGLE)
    expect(again.url.searchParams.get('prompt')).toBe('consent')
    expect(again.url.searchParams.get('login_hint')).toBe(ADA)
    const back = await browser.visit(await google.consent(again.url))
    expect(back.url.search).toBe('?connect=ok&bundle=pick')
    later(3600)
    expect((await ask(browser)).status).toBe(200)
  })

  it('that Google never issues ends in an error, and nothing is stored', async () => {
    google.simulator.faults.add({
      at: 'token:authorization_code',
      times: 'always',
      do: { omit: ['refresh_token'] },
    })
    const back = await google.connect(browser, 'pick')
    expect(back.url.search).toBe('?connect=error&bundle=pick&error=server_error')
    expect((await ask(browser)).status).toBe(401)
    expect(google.calls('token:authorization_code')).toBe(2)
  })

  it('that is stored stays usable if a new consent brings none (TMB-21)', async () => {
    await google.connect(browser, 'pick')
    await browser.call('DELETE', `${the.url}/session`)
    google.simulator.faults.add({ at: 'token:authorization_code', do: { omit: ['refresh_token'] } })
    expect((await google.connect(browser, 'pick')).url.search).toBe('?connect=ok&bundle=pick')
    later(3600)
    expect((await ask(browser)).status).toBe(200)
    expect(google.calls('token:refresh_token')).toBe(1)
  })
})
