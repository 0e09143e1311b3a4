/** Attack: a client that asks for more than it may have, in OAuth mode (TMB-06, TMB-44, TMB-46). */

import { describe, expect, it } from 'vitest'
import { the } from '../support/broker.ts'
import { journal, openFrontend } from '../support/frontend.ts'
import { frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'

stageOAuthMode()

describe('escalation of scope or client', () => {
  it.each(['__proto__', 'PICK', 'pick upload', 'none'])(
    'the scope %j is refused (TMB-06)',
    async (scope) => {
      await frontend.connect(google, 'pick')
      expect((await frontend.ask(scope)).body.error).toBe('invalid_scope')
    },
  )

  it('a bundle of another client is refused at every endpoint (TMB-44)', async () => {
    const other = await openFrontend(journal)
    const back = await other.consent(google, google.browse(), 'pick')
    expect(back.searchParams.get('error')).toBe('access_denied')
    await other.connect(google, 'upload')
    expect((await other.ask('pick')).body.error).toBe('access_denied')
    expect((await other.call('DELETE', '/grants/pick')).body).toMatchObject({
      error: 'access_denied',
    })
  })

  it('a bundle never gets the token of a wider bundle (TMB-46)', async () => {
    const { access_token } = await frontend.connect(google, 'album')
    const { status, body } = await frontend.ask('upload')
    expect(status).toBe(200)
    expect(body.google_scope).toBe(the.upload)
    expect(body.access_token).not.toBe(access_token)
  })
})
