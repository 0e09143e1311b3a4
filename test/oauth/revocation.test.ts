/** Tests of what `/revoke` accepts and ends (RFC 7009). */

import { describe, expect, it } from 'vitest'
import { subjectOf, the } from '../support/broker.ts'
import { gallery, openFrontend } from '../support/frontend.ts'
import { frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'
import { aMinute } from '../support/story.ts'

stageOAuthMode()

describe('revocation', () => {
  const revoke = (token: string | undefined, more: Record<string, string | undefined> = {}) =>
    frontend.post('/revoke', { token, client_id: gallery.id, ...more }, { proof: null })

  it.each(['access_token', 'unknown_type', undefined])(
    'revokes a refresh token with the hint %s (RFC 7009 §2.1)',
    async (token_type_hint) => {
      await frontend.connect(google, 'pick')
      expect((await revoke(frontend.refresh_token, { token_type_hint })).status).toBe(200)
      expect((await frontend.ask('broker')).body.error).toBe('invalid_grant')
    },
  )

  it('ends the session and its access tokens, by a token of either type (RFC 7009 §2.1)', async () => {
    const { stub } = await subjectOf(the.sub, gallery.id)
    for (const which of ['refresh_token', 'access_token'] as const) {
      const session = await openFrontend()
      await session.connect(google, 'pick')
      const { body } = await session.ask('broker')
      expect((await revoke(body[which])).status).toBe(200)
      await aMinute(stub)
      const { access_token } = body
      expect((await session.call('GET', '/session', { access_token })).status).toBe(401)
      expect((await session.ask('broker')).body.error).toBe('invalid_grant')
    }
  })

  it('requires a token and a client (RFC 7009 §2.1, RFC 6749 §3.2.1)', async () => {
    for (const { status, body } of [await revoke(undefined), await revoke('x', { client_id: '' })])
      expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})
