/** Tests of consents in cookie mode: complete, partial, refused, repeated, of another account, in two tabs. */

import { describe, expect, it } from 'vitest'
import { ask, askSession, the } from '../support/broker.ts'
import { ADA, BEN, GOOGLE, simulateGoogle } from '../support/simulated-google.ts'
import { later, stage } from '../support/story.ts'

stage()

const READ = 'https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata'

describe('connecting', () => {
  it('redirects to Google with the bundle’s scopes, PKCE, and a random state and nonce (TMB-01 to 03, TMB-06)', async () => {
    const google = simulateGoogle()
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
    const google = simulateGoogle()
    const seen = new Set<string>()
    for (let start = 0; start < 300; start++) {
      const { searchParams } = await google.start(google.browse(), 'pick')
      for (const name of ['state', 'nonce', 'code_challenge'])
        seen.add(searchParams.get(name) ?? '')
    }
    expect(seen.size).toBe(900)
  })

  it('brings the user back with a session and a token of exactly that bundle', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
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
    const google = simulateGoogle()
    const browser = google.browse()
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
    const google = simulateGoogle()
    const browser = google.browse()
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

describe('a consent', () => {
  it('that is refused is reported, and changes nothing (TMB-13)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    await google.connect(browser, 'pick')
    const back = await google.connect(browser, 'upload', { cancel: true })
    expect(back.url.search).toBe('?connect=error&bundle=upload&error=access_denied')
    expect((await ask(browser)).status).toBe(200)
    expect((await ask(browser, { bundle: 'upload' })).body).toMatchObject({
      error: 'consent_required',
      reason: 'never_granted',
    })
  })

  it('that is partial serves the bundle that it covers, and the requested bundle reports what is missing', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    const back = await google.connect(browser, 'album', {
      untick: ['photoslibrary.readonly.appcreateddata'],
    })
    expect(back.url.search).toBe('?connect=error&bundle=album&error=consent_required')
    expect(await ask(browser, { bundle: 'album' })).toMatchObject({
      status: 403,
      body: {
        error: 'consent_required',
        reason: 'partially_granted',
        missing_scope: READ,
        bundle: 'album',
      },
    })
    expect(await ask(browser, { bundle: 'upload' })).toMatchObject({
      status: 200,
      body: { scope: the.upload },
    })
    expect((await askSession(browser)).body.bundles).toMatchObject({
      album: {
        status: 'consent_required',
        reason: 'partially_granted',
        missing_scope: READ,
        bundle: 'album',
        connect_url: expect.stringContaining('/connect?bundle=album'),
      },
      upload: { status: 'ready' },
    })
    const again = await google.connect(browser, 'album')
    expect(again.url.search).toBe('?connect=ok&bundle=album')
    expect((await ask(browser, { bundle: 'album' })).body.scope).toBe(the.album)
  })

  it('without any scope begins a session only', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    const back = await google.connect(browser, 'album', {
      untick: ['photoslibrary.appendonly', 'photoslibrary.readonly.appcreateddata'],
    })
    expect(back.url.search).toBe('?connect=error&bundle=album&error=consent_required')
    expect((await ask(browser, { bundle: 'album' })).body).toMatchObject({
      reason: 'partially_granted',
      missing_scope: the.album,
    })
    expect((await ask(browser, { bundle: 'upload' })).body).toMatchObject({
      reason: 'never_granted',
    })
  })

  it('of another account is refused during a session, and changes nothing (TMB-28)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    await google.connect(browser, 'pick')
    const { body: before } = await ask(browser)
    const back = await google.connect(browser, 'upload', {
      account: BEN,
      query: '&prompt=select_account',
    })
    expect(back.url.search).toBe('?connect=error&bundle=upload&error=account_mismatch')
    expect((await ask(browser)).body.access_token).toBe(before.access_token)
    expect((await askSession(browser)).body.sub).toBe(ADA)
    await browser.call('DELETE', `${the.url}/session`)
    expect((await google.connect(browser, 'upload', { account: BEN })).url.search).toBe(
      '?connect=ok&bundle=upload',
    )
    expect((await askSession(browser)).body.sub).toBe(BEN)
  })

  it('succeeds in two tabs at once, also in one session', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    for (const bundles of [
      ['pick', 'upload'],
      ['album', 'pick'],
    ] as const) {
      const [one, two] = [
        await google.start(browser, bundles[0]),
        await google.start(browser, bundles[1]),
      ]
      const [first, second] = [await google.consent(one), await google.consent(two)]
      expect((await browser.visit(second)).url.search).toBe(`?connect=ok&bundle=${bundles[1]}`)
      expect((await browser.visit(first)).url.search).toBe(`?connect=ok&bundle=${bundles[0]}`)
      for (const bundle of bundles) expect((await ask(browser, { bundle })).status).toBe(200)
    }
  })

  it('of another account that began before the login does not replace its user (TMB-28, TMB-32)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    const [one, two] = [await google.start(browser, 'pick'), await google.start(browser, 'upload')]
    const [ada, ben] = [await google.consent(one), await google.consent(two, { account: BEN })]
    expect((await browser.visit(ada)).url.search).toBe('?connect=ok&bundle=pick')
    expect((await browser.visit(ben)).url.search).toBe(
      '?connect=error&bundle=upload&error=account_mismatch',
    )
    expect((await askSession(browser)).body.sub).toBe(ADA)
  })

  it('in a second tab that began before the login replaces the session (TMB-32)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    const [one, two] = [await google.start(browser, 'pick'), await google.start(browser, 'upload')]
    await browser.visit(await google.consent(one))
    const old = google.browse()
    old.jar.set('broker.example', new Map(browser.jar.get('broker.example')))
    expect((await browser.visit(await google.consent(two))).url.search).toBe(
      '?connect=ok&bundle=upload',
    )
    expect((await askSession(old)).status).toBe(401)
    expect((await askSession(browser)).status).toBe(200)
  })
})

describe('the refresh token', () => {
  it('is requested with prompt=consent only if none is stored, with a login_hint (TMB-08)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
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
    const google = simulateGoogle()
    const before = google.browse()
    await google.connect(before, 'pick')
    await before.call('DELETE', `${the.url}/grants/pick`)
    later(5)
    const browser = google.browse()
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
    const google = simulateGoogle()
    google.simulator.faults.add({
      at: 'token:authorization_code',
      times: 'always',
      do: { omit: ['refresh_token'] },
    })
    const browser = google.browse()
    const back = await google.connect(browser, 'pick')
    expect(back.url.search).toBe('?connect=error&bundle=pick&error=server_error')
    expect((await ask(browser)).status).toBe(401)
    expect(google.calls('token:authorization_code')).toBe(2)
  })

  it('that is stored stays usable if a new consent brings none (TMB-21)', async () => {
    const google = simulateGoogle()
    const browser = google.browse()
    await google.connect(browser, 'pick')
    await browser.call('DELETE', `${the.url}/session`)
    google.simulator.faults.add({ at: 'token:authorization_code', do: { omit: ['refresh_token'] } })
    expect((await google.connect(browser, 'pick')).url.search).toBe('?connect=ok&bundle=pick')
    later(3600)
    expect((await ask(browser)).status).toBe(200)
    expect(google.calls('token:refresh_token')).toBe(1)
  })
})

describe('a scope that Google grants in addition', () => {
  it.each([the.upload, 'openid'])('is not in the token: %s (TMB-19)', async (scope) => {
    const google = simulateGoogle()
    google.simulator.faults.add({ at: 'token:authorization_code', do: { scope: { add: [scope] } } })
    const browser = google.browse()
    expect((await google.connect(browser, 'pick')).url.search).toBe('?connect=ok&bundle=pick')
    const { status, body } = await ask(browser)
    expect([status, body.scope]).toEqual([200, the.pick])
  })

  it('and does not down-scope leaves the bundle unconnected (TMB-19)', async () => {
    const google = simulateGoogle()
    google.simulator.faults.add({
      at: 'token',
      times: 'always',
      do: { scope: { add: [the.upload] } },
    })
    const browser = google.browse()
    expect((await google.connect(browser, 'pick')).url.searchParams.get('connect')).toBe('error')
    expect((await ask(browser)).body).not.toHaveProperty('access_token')
  })
})

describe('a grant that ends at Google', () => {
  it('after seven days in testing is reported with its likely cause', async () => {
    const google = simulateGoogle()
    google.simulator.world.settings.publishing = 'testing'
    const browser = google.browse()
    await google.connect(browser, 'pick')
    for (let day = 1; day < 7; day++) {
      later(86_400)
      expect((await ask(browser)).status).toBe(200)
    }
    later(86_400 * 1.1)
    expect((await ask(browser)).body).toMatchObject({
      ...{ reason: 'ended', likely_cause: 'testing_mode_7_days' },
    })
  })
})
