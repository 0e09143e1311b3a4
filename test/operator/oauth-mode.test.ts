/** Key rotation in OAuth mode: refresh tokens and codes that were issued under the old key. */

import { beforeEach, expect, it } from 'vitest'
import { kidOf } from '../../src/crypto/seal.ts'
import { subjectOf } from '../support/broker.ts'
import { configureClients, gallery, OAUTH_CLIENTS, openFrontend } from '../support/frontend.ts'
import { deployKeys, statsOf } from '../support/operator.ts'
import { ADA, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle
beforeEach(() => {
  google = simulateGoogle()
  configureClients()
})

const CLIENTS = { CLIENTS: OAUTH_CLIENTS }

it('a refresh token that is used is encrypted again and stays valid without the old key; the old one does not', async () => {
  const frontend = await openFrontend()
  const { refresh_token: old = '' } = await frontend.connect(google, 'pick')
  const { key, stub } = await subjectOf(ADA, gallery.id)
  await deployKeys(['k2', 'k1'], [stub], CLIENTS)
  const { status, body } = await frontend.ask('pick')
  expect([status, kidOf(old), kidOf(body.refresh_token ?? '')]).toEqual([200, 'k1', 'k2'])
  await statsOf(key, true)
  await deployKeys(['k2'], [stub], CLIENTS)
  expect((await frontend.ask('pick', { refresh_token: body.refresh_token })).status).toBe(200)
  const late = await frontend.ask('pick', { refresh_token: old })
  expect([late.status, late.body.error]).toEqual([400, 'invalid_grant'])
})

it('a code can be redeemed although its pending grant was resealed', async () => {
  const frontend = await openFrontend()
  const back = await frontend.consent(google, google.browse(), 'pick')
  const { key, stub } = await subjectOf(ADA, gallery.id)
  await deployKeys(['k2', 'k1'], [stub], CLIENTS)
  expect((await statsOf(key)).records['k1']).toBe(1)
  expect(Object.keys((await statsOf(key, true)).records)).toEqual(['k2'])
  const { status } = await frontend.redeem(back.searchParams.get('code') ?? '')
  expect(status).toBe(200)
  expect(Object.keys((await statsOf(key)).records)).toEqual(['k2'])
})

it('a code of a stopped bundle is refused, and can be redeemed later', async () => {
  const frontend = await openFrontend()
  const back = await frontend.consent(google, google.browse(), 'pick')
  const code = back.searchParams.get('code') ?? ''
  configureClients(OAUTH_CLIENTS, { STOPPED: 'bundle:pick' })
  expect((await frontend.redeem(code)).body.error).toBe('temporarily_unavailable')
  configureClients()
  expect((await frontend.redeem(code)).status).toBe(200)
})
