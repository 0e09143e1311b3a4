/** Tests of a broker whose `GOOGLE_CLIENT_ID` was changed: grants of the old one cannot be refreshed, and say so. */

import { evictDurableObject } from 'cloudflare:test'
import { expect, it } from 'vitest'
import { ask, askSession, subjectOf, the } from '../support/broker.ts'
import { configureClients, gallery, openFrontend } from '../support/frontend.ts'
import { simulateGoogle } from '../support/simulated-google.ts'
import { later, stage } from '../support/story.ts'
import { configure } from '../support/worker.ts'

stage()

const ENDED = {
  reason: 'ended',
  likely_cause: 'client_changed',
  missing_scope: the.pick,
  connect_url: expect.stringContaining('/connect?bundle=pick'),
}
const OTHER = { GOOGLE_CLIENT_ID: 'another-client' }

it('cookie mode: the session stays, the bundle has to be connected again, and Google is not asked', async () => {
  const google = simulateGoogle()
  const browser = google.browse()
  await google.connect(browser, 'pick')
  configure(OTHER)
  await evictDurableObject((await subjectOf()).stub) // as by a deployment
  later(3700)
  const before = google.calls('token')
  expect((await askSession(browser)).body.bundles['pick']).toMatchObject({
    status: 'consent_required',
    ...ENDED,
  })
  const { status, body } = await ask(browser)
  expect(status).toBe(403)
  expect(body).toMatchObject({ error: 'consent_required', ...ENDED })
  expect(google.calls('token')).toBe(before)
  configure()
  await evictDurableObject((await subjectOf()).stub)
  expect((await ask(browser)).status).toBe(200)
})

it('OAuth mode: the same, until the old client id is back', async () => {
  configureClients()
  const google = simulateGoogle()
  const frontend = await openFrontend()
  await frontend.connect(google, 'pick')
  configureClients(undefined, OTHER)
  await evictDurableObject((await subjectOf(the.sub, gallery.id)).stub)
  later(3700)
  const { status, body } = await frontend.ask('pick')
  expect(status).toBe(400)
  expect(body).toMatchObject({ error: 'consent_required', likely_cause: 'client_changed' })
  configureClients()
  await evictDurableObject((await subjectOf(the.sub, gallery.id)).stub)
  expect((await frontend.ask('pick')).status).toBe(200)
})
