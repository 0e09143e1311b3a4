/** Tests of pushed requests: good once, for a minute, for their client and user; nothing else counts (RFC 9126). */

import { describe, expect, it, vi } from 'vitest'
import { ALBUM_CLIENT } from '../support/app-issuer.ts'
import { bearer, consent, exchange, push, redeem, stageAppUsers } from '../support/app-users.ts'
import { broker, subjectOf, the } from '../support/broker.ts'
import { configureClients, gallery, openFrontend } from '../support/frontend.ts'
import { frontend, google } from '../support/oauth-mode.ts'
import { GOOGLE } from '../support/simulated-google.ts'
import { later } from '../support/story.ts'

stageAppUsers()

describe('a pushed request', () => {
  it('leads to a token for its user, who then needs only a JWT', async () => {
    const pushed = await push('ada')
    expect(pushed.status).toBe(201)
    expect(pushed.body).toEqual({
      request_uri: expect.stringMatching(/^urn:ietf:params:oauth:request_uri:[\w.-]+$/),
      expires_in: 60,
    })
    const { status, body } = await redeem(await consent(pushed.body.request_uri), 'ada')
    expect(status).toBe(200)
    expect(body).toMatchObject({ token_type: 'Bearer', scope: 'pick', google_scope: the.pick })
    expect(body).not.toHaveProperty('refresh_token')
    const exchanged = await exchange('ada')
    expect(exchanged.status).toBe(200)
    expect(exchanged.body).toMatchObject({
      token_type: 'Bearer',
      scope: 'pick',
      google_scope: the.pick,
      issued_token_type: 'urn:ietf:params:oauth:token-type:access_token',
    })
    expect(exchanged.body.access_token).toBe(body.access_token)
    expect((await exchange('ben')).body).toMatchObject({
      error: 'consent_required',
      bundle: 'pick',
    })
  })

  it('can be used once, even at the same time (TMB-05)', async () => {
    const { request_uri } = (await push('ada')).body
    const query = new URLSearchParams({ client_id: gallery.id, request_uri })
    const isOutside = ({ origin }: URL): boolean => origin !== the.url
    const tries = Array.from({ length: 20 }, async () => {
      const { url } = await google.browse().visit(`${the.url}/authorize?${query}`, {}, isOutside)
      return url
    })
    const ends = await Promise.all(tries)
    expect(ends.filter(({ origin }) => origin === GOOGLE)).toHaveLength(1)
    const refused = ends.filter(({ origin }) => origin === gallery.origin)
    expect(refused).toHaveLength(19)
    for (const { searchParams } of refused)
      expect(searchParams.get('error')).toBe('invalid_request')
  })

  it('is audited with its subject when it is used again (TMB-76)', async () => {
    const { request_uri } = (await push('ada')).body
    await consent(request_uri)
    const info = vi.spyOn(console, 'info').mockReturnValue()
    await consent(request_uri)
    const { key } = await subjectOf('ada', gallery.id, ALBUM_CLIENT.issuer)
    const records = info.mock.calls.map(([line]) => JSON.parse(String(line)))
    expect(records).toMatchObject([
      { event: 'request_refused', reason: 'request_uri_used', subject: key, bundle: 'pick' },
    ])
  })

  it('expires after a minute', async () => {
    const { request_uri } = (await push('ada')).body
    later(61)
    expect((await consent(request_uri)).origin).toBe(the.url)
    expect(google.calls('token')).toBe(0)
  })

  it('is required for a client with an issuer', async () => {
    const start = await frontend.authorizeUrl('pick')
    const { url } = await google.browse().visit(start, {}, ({ origin }) => origin !== the.url)
    expect(url.origin).toBe(gallery.origin)
    expect(url.searchParams.get('error')).toBe('invalid_request')
  })

  it.each([
    { what: 'with a wrong JWT', headers: { Authorization: 'Bearer x.y.z' }, status: 401 },
    { what: 'from another origin', headers: { Origin: 'https://evil.example' }, status: 403 },
  ])('$what is refused', async ({ headers, status }) => {
    const { proof, headers: right } = await bearer('ada')
    const fields = Object.fromEntries((await frontend.authorizeUrl('pick')).searchParams)
    const answer = await frontend.post('/par', fields, { proof, headers: { ...right, ...headers } })
    expect(answer.status).toBe(status)
    if (status === 401) expect(answer.headers.has('WWW-Authenticate')).toBe(true)
  })

  it.each([
    { what: 'another client', more: { client_id: 'other' } },
    { what: 'a foreign redirect URI', more: { redirect_uri: 'https://evil.example/' } },
    { what: 'a reference instead of a request', more: { request_uri: 'urn:x' } },
  ])('for $what is refused', async ({ more }) => {
    expect((await push('ada', 'pick', more)).status).toBe(400)
  })

  it('cannot be used for another client', async () => {
    const other = { origins: ['https://other.example'], redirect_uris: ['https://other.example/'] }
    configureClients({ gallery: ALBUM_CLIENT, other })
    const { request_uri } = (await push('ada')).body
    const query = new URLSearchParams({ client_id: 'other', request_uri })
    const response = await broker(
      new Request(`${the.url}/authorize?${query}`, { redirect: 'manual' }),
    )
    expect([response.status, response.headers.has('Location')]).toEqual([400, false])
  })
})

describe('an app’s user', () => {
  it('gets what was pushed, whatever other parameters the URL has (RFC 9126 §4, RFC 9101 §6.3)', async () => {
    const { request_uri } = (await push('ada')).body
    const more = {
      redirect_uri: 'https://evil.example/',
      state: 'another',
      scope: 'upload',
      code_challenge: 'x'.repeat(43),
    }
    const back = await consent(request_uri, {}, more)
    expect(back.origin).toBe(gallery.origin)
    expect(back.searchParams.get('state')).toBe('state-of-the-frontend')
    const { body } = await redeem(back, 'ada')
    expect(body.scope).toBe('pick')
  })

  it('gets errors of /par as JSON with no-store (RFC 9126 §2.3)', async () => {
    const answer = await push('ada', 'none')
    expect([answer.status, answer.body.error]).toEqual([400, 'invalid_scope'])
    expect(answer.headers.get('Cache-Control')).toBe('no-store')
    const good = await push('ada')
    expect([good.status, good.headers.get('Cache-Control')]).toEqual([201, 'no-store'])
  })

  it('can bind the code by a proof at /par (RFC 9449 §10.1)', async () => {
    const { headers } = await bearer('ada')
    const { request_uri } = (await push('ada', 'pick', {}, {})).body
    const code = (await consent(request_uri)).searchParams.get('code') ?? ''
    const thief = await openFrontend()
    const { code_verifier } = frontend
    const stolen = await thief.redeem(code, { code_verifier }, { headers })
    expect(stolen.body.error).toBe('invalid_grant')
    expect((await frontend.redeem(code, {}, { headers })).status).toBe(200)
  })

  it('is refused if the proof at /par has another key than dpop_jkt (RFC 9449 §10.1)', async () => {
    const other = await openFrontend()
    const { status, body } = await push('ada', 'pick', { dpop_jkt: other.jkt }, {})
    expect([status, body.error]).toEqual([400, 'invalid_dpop_proof'])
    expect((await push('ada', 'pick', { dpop_jkt: frontend.jkt }, {})).status).toBe(201)
  })
})
