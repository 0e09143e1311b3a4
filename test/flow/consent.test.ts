/** Tests of consents in cookie mode: partial, refused, of another account, in two tabs, with scopes that nobody asked for. */

import { beforeEach, describe, expect, it } from 'vitest'
import { ask, askSession, copyOf, the } from '../support/broker.ts'
import type { Browser } from '../support/browser.ts'
import { ADA, BEN, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { later, stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle
let browser: Browser

beforeEach(() => {
  google = simulateGoogle()
  browser = google.browse()
})

const READ = 'https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata'

describe('a consent', () => {
  it('that is refused is reported, and changes nothing (TMB-13)', async () => {
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
    const [one, two] = [await google.start(browser, 'pick'), await google.start(browser, 'upload')]
    const [ada, ben] = [await google.consent(one), await google.consent(two, { account: BEN })]
    expect((await browser.visit(ada)).url.search).toBe('?connect=ok&bundle=pick')
    expect((await browser.visit(ben)).url.search).toBe(
      '?connect=error&bundle=upload&error=account_mismatch',
    )
    expect((await askSession(browser)).body.sub).toBe(ADA)
  })

  it('in a second tab that began before the login replaces the session (TMB-32)', async () => {
    const [one, two] = [await google.start(browser, 'pick'), await google.start(browser, 'upload')]
    await browser.visit(await google.consent(one))
    const old = copyOf(browser)
    expect((await browser.visit(await google.consent(two))).url.search).toBe(
      '?connect=ok&bundle=upload',
    )
    expect((await askSession(old)).status).toBe(401)
    expect((await askSession(browser)).status).toBe(200)
  })
})

describe('a scope that Google grants in addition', () => {
  it.each([the.upload, 'openid'])('is not in the token: %s (TMB-19)', async (scope) => {
    google.simulator.faults.add({ at: 'token:authorization_code', do: { scope: { add: [scope] } } })
    expect((await google.connect(browser, 'pick')).url.search).toBe('?connect=ok&bundle=pick')
    const { status, body } = await ask(browser)
    expect([status, body.scope]).toEqual([200, the.pick])
  })

  it('and does not down-scope leaves the bundle unconnected (TMB-19)', async () => {
    google.simulator.faults.add({
      at: 'token',
      times: 'always',
      do: { scope: { add: [the.upload] } },
    })
    expect((await google.connect(browser, 'pick')).url.searchParams.get('connect')).toBe('error')
    expect((await ask(browser)).body).not.toHaveProperty('access_token')
  })
})

describe('a grant that ends at Google', () => {
  it('after seven days in testing is reported with its likely cause', async () => {
    google.simulator.world.settings.publishing = 'testing'
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
