/** Tests of OAuth mode as a whole: from the consent to the end of a session. */

import { describe, expect, it } from 'vitest'
import { subjectOf, the } from '../support/broker.ts'
import {
  configureClients,
  gallery,
  journal,
  OAUTH_CLIENTS,
  openFrontend,
} from '../support/frontend.ts'
import { frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'
import { aMinute, later } from '../support/story.ts'

stageOAuthMode()

describe('connecting', () => {
  it('returns a code, state and iss, and the code is redeemed for a token of the bundle', async () => {
    const browser = google.browse()
    const back = await frontend.consent(google, browser, 'pick')
    expect([...(browser.jar.get('broker.example')?.keys() ?? [])]).toEqual([
      '__Host-Http-ptb-asked',
      '__Host-Http-ptb-approved',
      expect.stringMatching(/^__Host-Http-ptb-pending-/), // finished: it only says where its user came from
    ])
    expect(back.origin + back.pathname).toBe(gallery.redirect_uri)
    expect([...back.searchParams.keys()].sort()).toEqual(['code', 'iss', 'state'])
    expect(back.searchParams.get('state')).toBe('state-of-the-frontend')
    expect(back.searchParams.get('iss')).toBe(the.url)
    const { status, body, headers } = await frontend.redeem(back.searchParams.get('code') ?? '')
    expect(status).toBe(200)
    expect(body).toEqual({
      ...{ access_token: expect.any(String), refresh_token: expect.any(String) },
      ...{ token_type: 'Bearer', scope: 'pick', google_scope: the.pick },
      expires_in: expect.any(Number),
    })
    expect(body.expires_in).toBeGreaterThan(3500)
    expect(headers.get('Server-Timing')).toMatch(/do;dur=.*total;dur=/)
    expect(headers.has('Set-Cookie')).toBe(false)
  })

  it('serves two bundles with one refresh token, each from its own grant', async () => {
    await frontend.connect(google, 'pick')
    await frontend.connect(google, 'upload')
    for (const [bundle, scope] of [
      ['pick', the.pick],
      ['upload', the.upload],
    ] as const) {
      const { status, body } = await frontend.ask(bundle)
      expect(status).toBe(200)
      expect(body).toMatchObject({ scope: bundle, google_scope: scope, token_type: 'Bearer' })
    }
    expect((await frontend.ask('album')).status).toBe(400)
  })

  it('reports the missing scope of a bundle and where to connect it', async () => {
    await frontend.connect(google, 'pick')
    const { status, body } = await frontend.ask('upload')
    expect(status).toBe(400)
    expect(body).toMatchObject({
      error: 'consent_required',
      bundle: 'upload',
      reason: 'never_granted',
      missing_scope: the.upload,
      connect_url: `${the.url}/authorize?client_id=gallery&scope=upload`,
    })
  })

  it.each([
    { mode: 'query', parameters: {} },
    { mode: 'web_message', parameters: { response_mode: 'web_message' } },
  ])('reports in $mode mode that the user refused', async ({ mode, parameters }) => {
    const browser = google.browse()
    const start = await frontend.authorizeUrl('pick', parameters)
    const at = await browser.visit(start, {}, ({ origin }) => origin !== the.url)
    const page = await browser.visit(
      await google.consent(at.url, { cancel: true }),
      {},
      ({ origin }) => origin === gallery.origin,
    )
    const expected = {
      ...{ error: 'access_denied', error_description: 'The user refused.' },
      ...{ state: 'state-of-the-frontend', iss: the.url },
    }
    if (mode === 'query') expect(Object.fromEntries(page.url.searchParams)).toEqual(expected)
    else expect(page.text).toContain(JSON.stringify(expected))
  })

  it('posts the code to the origin of the redirect URI with web_message', async () => {
    const browser = google.browse()
    const start = await frontend.authorizeUrl('pick', { response_mode: 'web_message' })
    const at = await browser.visit(start, {}, ({ origin }) => origin !== the.url)
    expect(at.redirects).toHaveLength(1)
    const page = await browser.visit(await google.consent(at.url))
    expect(page.response.headers.get('Cross-Origin-Opener-Policy')).toBe('unsafe-none')
    const [, data = ''] = /id="result">(.*?)<\/script>/.exec(page.text) ?? []
    const { message, origin, fallback } = JSON.parse(data)
    expect(origin).toBe(gallery.origin)
    expect(message).toEqual({
      type: 'authorization_response',
      response: { code: expect.any(String), state: 'state-of-the-frontend', iss: the.url },
    })
    expect(new URL(fallback).searchParams.get('code')).toBe(message.response.code)
    expect((await frontend.redeem(message.response.code)).status).toBe(200)
  })

  it('keeps a partial grant, without a session', async () => {
    const change = { untick: ['photoslibrary.readonly.appcreateddata'] }
    const back = await frontend.consent(google, google.browse(), 'album', change)
    const { status, body } = await frontend.redeem(back.searchParams.get('code') ?? '')
    expect(status).toBe(400)
    expect(body).toMatchObject({
      error: 'consent_required',
      bundle: 'album',
      reason: 'partially_granted',
      missing_scope: 'https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata',
    })
    const again = await openFrontend()
    await again.connect(google, 'pick')
    expect((await again.ask('upload')).body.google_scope).toBe(the.upload)
  })

  it('says what was left unticked, also while an older grant has all scopes', async () => {
    await frontend.connect(google, 'album')
    google.simulator.removeApp('ada@example.com') // the broker does not hear of it
    const change = { untick: ['photoslibrary.readonly.appcreateddata'] }
    const back = await frontend.consent(google, google.browse(), 'album', change)
    const { body } = await frontend.redeem(back.searchParams.get('code') ?? '')
    expect(body).toMatchObject({
      error: 'consent_required',
      reason: 'partially_granted',
      missing_scope: 'https://www.googleapis.com/auth/photoslibrary.readonly.appcreateddata',
    })
  })

  it('asks Google again if it issues no refresh token at first', async () => {
    await frontend.connect(google, 'pick')
    await frontend.call('DELETE', '/grants/pick')
    later(1)
    const again = await openFrontend()
    await again.connect(google, 'pick')
    expect((await again.ask('pick')).status).toBe(200)
  })
})

describe('one client', () => {
  it('cannot use the grants of another (TMB-44)', async () => {
    await frontend.connect(google, 'upload')
    const other = await openFrontend(journal)
    const { body } = await other.connect(google, 'upload').then(() => other.ask('upload'))
    expect(body.scope).toBe('upload')
    expect((await other.ask('pick')).body.error).toBe('access_denied')
    await other.call('DELETE', '/grants/upload')
    expect((await other.ask('upload')).body.error).toBe('consent_required')
    expect((await frontend.ask('upload')).status).toBe(200)
  })
})

describe('an access token of the broker', () => {
  it('authenticates GET /session', async () => {
    await frontend.connect(google, 'pick')
    const { body: token } = await frontend.ask('broker')
    expect(token).toMatchObject({ token_type: 'DPoP', scope: 'broker', expires_in: 600 })
    expect(token).not.toHaveProperty('google_scope')
    const { status, body } = await frontend.call('GET', '/session')
    expect(status).toBe(200)
    expect(body).toMatchObject({
      sub: the.sub,
      client: gallery.id,
      bundles: {
        pick: { status: 'ready', scope: the.pick },
        upload: {
          status: 'consent_required',
          reason: 'never_granted',
          connect_url: `${the.url}/authorize?client_id=gallery&scope=upload`,
        },
      },
    })
  })

  it('expires after ten minutes', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    later(599)
    expect((await frontend.call('GET', '/session', { access_token })).status).toBe(200)
    later(2)
    const { status, body, headers } = await frontend.call('GET', '/session', { access_token })
    expect([status, body.error]).toEqual([401, 'login_required'])
    expect(headers.get('WWW-Authenticate')).toBe('DPoP error="invalid_token", algs="ES256"')
  })

  it('authenticates DELETE /grants, also a second time', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    expect((await frontend.call('DELETE', '/grants', { access_token })).status).toBe(204)
    expect(google.calls('revoke')).toBe(1)
    expect((await frontend.call('DELETE', '/grants', { access_token })).status).toBe(204)
    expect(google.calls('revoke')).toBe(1)
    const { stub } = await subjectOf(the.sub, gallery.id)
    await aMinute(stub)
    expect((await frontend.ask('pick')).body.error).toBe('invalid_grant')
    expect((await frontend.call('GET', '/session', { access_token })).status).toBe(401)
  })
})

describe('revoking the refresh token', () => {
  it('ends the session and keeps the grant (RFC 7009 §2)', async () => {
    const [one, other] = [await openFrontend(), await openFrontend()]
    await one.connect(google, 'pick')
    await other.connect(google, 'pick')
    const form = { token: one.refresh_token, client_id: gallery.id }
    const { status } = await one.post('/revoke', form, { proof: null })
    expect(status).toBe(200)
    await aMinute((await subjectOf(the.sub, gallery.id)).stub)
    expect((await one.ask('pick')).body.error).toBe('invalid_grant')
    expect((await one.ask('broker')).body.error).toBe('invalid_grant')
    expect((await other.ask('pick')).status).toBe(200)
    expect(google.calls('revoke')).toBe(0)
  })

  it('that is unknown is no error (RFC 7009 §2.2)', async () => {
    const form = { token: 'unknown', client_id: gallery.id }
    expect((await frontend.post('/revoke', form, { proof: null })).status).toBe(200)
  })
})

it('a session ends at its lifetime, even if it is used', async () => {
  configureClients(OAUTH_CLIENTS, { SESSION_TTL_SECONDS: 3600, SESSION_IDLE_SECONDS: 1800 })
  await frontend.connect(google, 'pick')
  for (let minute = 0; minute < 50; minute += 10) {
    later(600)
    expect((await frontend.ask('pick')).status).toBe(200)
  }
  later(601)
  expect((await frontend.ask('pick')).body.error).toBe('invalid_grant')
})

it('a session that is not used ends (TMB-33)', async () => {
  configureClients(OAUTH_CLIENTS, { SESSION_IDLE_SECONDS: 600 })
  await frontend.connect(google, 'pick')
  later(601)
  expect((await frontend.ask('pick')).body.error).toBe('invalid_grant')
})
