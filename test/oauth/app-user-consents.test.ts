/** Tests of the consents of app users: whose code it is, and of which Google account (TMB-05, TMB-28). */

import { describe, expect, it } from 'vitest'
import { ALBUM_CLIENT } from '../support/app-issuer.ts'
import {
  bearer,
  connect,
  consent,
  exchange,
  push,
  redeem,
  stageAppUsers,
} from '../support/app-users.ts'
import { subjectOf } from '../support/broker.ts'
import { gallery } from '../support/frontend.ts'
import { frontend, google } from '../support/oauth-mode.ts'
import { BEN } from '../support/simulated-google.ts'
import { alarm, later } from '../support/story.ts'

stageAppUsers()

describe('a consent of another user', () => {
  it('is dropped: the code needs a JWT of the user who pushed the request (TMB-05, TMB-16)', async () => {
    const back = await connect('mallory')
    const { status, body } = await redeem(back, 'victim')
    expect([status, body.error]).toEqual([400, 'access_denied'])
    expect((await redeem(back, 'mallory')).body.error).toBe('invalid_grant')
    for (const sub of ['mallory', 'victim'])
      expect((await exchange(sub)).body.error).toBe('consent_required')
  })

  it('expires after a minute, and earlier grants of the victim survive', async () => {
    await redeem(await connect('victim'), 'victim')
    const back = await connect('mallory')
    later(61)
    const { stub } = await subjectOf('mallory', gallery.id, ALBUM_CLIENT.issuer)
    await alarm(stub)
    expect((await redeem(back, 'mallory')).body.error).toBe('invalid_grant')
    expect(google.calls('revoke')).toBe(0)
    later(3600)
    expect((await exchange('victim')).status).toBe(200)
  })

  it('with another Google account than before is refused, and changes nothing (TMB-28)', async () => {
    await redeem(await connect('ada'), 'ada')
    const back = await connect('ada', 'upload', { account: BEN })
    expect(back.searchParams.get('error')).toBe('account_mismatch')
    expect((await exchange('ada')).status).toBe(200)
    expect((await exchange('ada', 'upload')).body.error).toBe('consent_required')
  })
})

it('a consent with another Google account does not cancel the pending revocation of the first (TMB-62)', async () => {
  const revoked = (): string[] =>
    google.simulator.world.log.flatMap(({ at, status }) => (at === 'revoke' ? [`${status}`] : []))
  await redeem(await connect('ada'), 'ada')
  google.simulator.faults.add({ at: 'revoke', do: { status: 503 } })
  later(1)
  expect((await frontend.call('DELETE', '/grants', await bearer('ada'))).status).toBe(204)
  expect(revoked()).toEqual(['503'])
  later(1)
  await redeem(await connect('ada', 'pick', { account: BEN }), 'ada')
  const { stub } = await subjectOf('ada', gallery.id, ALBUM_CLIENT.issuer)
  later(2)
  await alarm(stub)
  expect(revoked()).toEqual(['503', '200'])
  later(3600)
  expect((await exchange('ada')).status).toBe(200)
})

describe('two pending grants of one user', () => {
  it.each(['one after the other', 'at once'])(
    'must be of one Google account, redeemed %s (TMB-28)',
    async (how) => {
      const codes = [await connect('ada'), await connect('ada', 'upload', { account: BEN })]
      const first = redeem(codes[0] as URL, 'ada')
      if (how === 'one after the other') await first
      const answers = await Promise.all([first, redeem(codes[1] as URL, 'ada')])
      expect(answers.map(({ status }) => status)).toEqual([200, 400])
      expect(answers[1]?.body.error).toBe('account_mismatch')
      expect((await exchange('ada')).status).toBe(200)
      expect((await exchange('ada', 'upload')).body.error).toBe('consent_required')
    },
  )
})

describe('the code of an app’s user', () => {
  it('is refused without a JWT or with another verifier', async () => {
    const code = (await connect('ada')).searchParams.get('code') ?? ''
    expect((await frontend.redeem(code)).status).toBe(401)
    const wrong = { code_verifier: 'x'.repeat(43) }
    expect((await frontend.redeem(code, wrong, await bearer('ada'))).body.error).toBe(
      'invalid_grant',
    )
    expect((await frontend.redeem(code, {}, await bearer('ada'))).status).toBe(200)
  })

  it('that is bound to a key needs a proof, too (RFC 9449 §10)', async () => {
    const pushed = await push('ada', 'pick', { dpop_jkt: frontend.jkt })
    const code = (await consent(pushed.body.request_uri)).searchParams.get('code') ?? ''
    const { headers } = await bearer('ada')
    expect((await frontend.redeem(code, {}, { headers, proof: null })).body.error).toBe(
      'invalid_dpop_proof',
    )
    expect((await frontend.redeem(code, {}, { headers })).status).toBe(200)
  })
})
