/** Tests of the token endpoint in OAuth mode: grant types, parameters, errors, and headers of its answers. */

import { describe, expect, it } from 'vitest'
import { answerOf, broker, the } from '../support/broker.ts'
import { gallery } from '../support/frontend.ts'
import { frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'

stageOAuthMode()

describe('the token endpoint', () => {
  it.each([
    'password',
    'client_credentials',
    'urn:ietf:params:oauth:grant-type:device_code',
    'AUTHORIZATION_CODE',
  ])('does not support the grant type %s (RFC 6749 §5.2, RFC 9700 §2.4)', async (grant_type) => {
    const form = { grant_type, client_id: gallery.id, username: 'ada', password: 'x' }
    const { status, body } = await frontend.post('/token', form)
    expect([status, body.error]).toEqual([400, 'unsupported_grant_type'])
  })

  it('requires exactly one grant type (RFC 6749 §3.2)', async () => {
    for (const body of ['client_id=gallery', 'grant_type=refresh_token&grant_type=refresh_token']) {
      const headers = { 'Content-Type': 'application/x-www-form-urlencoded' }
      const answer = await answerOf(
        await broker(new Request(`${the.url}/token`, { method: 'POST', headers, body })),
      )
      expect([answer.status, answer.body.error]).toEqual([400, 'invalid_request'])
    }
  })

  it('treats empty parameters as omitted, and ignores unknown ones (RFC 6749 §3.2)', async () => {
    await frontend.connect(google, 'pick')
    const { status, body } = await frontend.ask('', { min_ttl: '', rejected: '', unknown: 'x' })
    expect([status, body.scope]).toEqual([200, 'pick'])
  })

  it('uses the bundle of the session if scope is omitted (RFC 6749 §6)', async () => {
    await frontend.connect(google, 'pick')
    await frontend.connect(google, 'upload')
    const { body } = await frontend.ask('pick', { scope: undefined })
    expect(body).toMatchObject({ scope: 'upload', google_scope: the.upload })
  })

  it('forbids to store its answers, errors included (RFC 6749 §5.1)', async () => {
    const refused = await frontend.ask('pick', { refresh_token: 'x' })
    await frontend.connect(google, 'pick')
    const { status, headers } = await frontend.ask('pick')
    expect([refused.status, status]).toEqual([400, 200])
    expect(headers.get('Pragma')).toBe('no-cache')
    for (const answer of [refused.headers, headers]) {
      expect(answer.get('Cache-Control')).toBe('no-store')
      expect(answer.get('Content-Type')).toMatch(/^application\/json/)
    }
  })

  it('describes errors in the allowed characters (RFC 6749 §5.2)', async () => {
    for (const form of [{ grant_type: 'x' }, { scope: 'none' }, { refresh_token: 'x' }]) {
      const { body } = await frontend.ask('pick', form)
      expect(body.error_description).toMatch(/^[\x20-\x21\x23-\x5b\x5d-\x7e]+$/)
    }
  })
})
