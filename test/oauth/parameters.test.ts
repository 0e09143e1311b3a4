/** This file is the tests of how OAuth parameters are read and written back: empty, doubled, with a query of their own. */

import { beforeEach, describe, expect, it } from 'vitest'
import { broker } from '../support/broker.ts'
import { configureClients, type Frontend, gallery, openFrontend } from '../support/frontend.ts'
import { GOOGLE, type SimulatedGoogle, simulateGoogle } from '../support/simulated-google.ts'
import { stage } from '../support/story.ts'

stage()

let google: SimulatedGoogle
let frontend: Frontend

beforeEach(async () => {
  configureClients()
  google = simulateGoogle()
  frontend = await openFrontend()
})

/** Goes to `/authorize`, and no further than its answer. */
async function authorize(url: URL): Promise<URL | undefined> {
  const { headers } = await broker(new Request(url, { redirect: 'manual' }))
  return URL.parse(headers.get('Location') ?? '') ?? undefined
}

describe('the authorization endpoint', () => {
  it.each(['prompt', 'dpop_jkt', 'response_mode', 'request', 'request_uri'])(
    'takes an empty %s for left out (RFC 6749 §3.1)',
    async (name) => {
      const location = await authorize(await frontend.authorizeUrl('pick', { [name]: '' }))
      expect(location?.origin).toBe(GOOGLE)
    },
  )

  it.each(['scope', 'state', 'code_challenge', 'unknown'])(
    'tells on the redirect URI that %s came twice (RFC 6749 §4.1.2.1)',
    async (name) => {
      const url = await frontend.authorizeUrl('pick', { unknown: 'u' })
      url.searchParams.append(name, url.searchParams.get(name) ?? '')
      const location = await authorize(url)
      expect(location?.origin).toBe(gallery.origin)
      expect(location?.searchParams.get('error')).toBe('invalid_request')
    },
  )

  it('retains the query of a redirect URI as it was registered (RFC 6749 §3.1.2)', async () => {
    const redirect_uri = 'https://gallery.example/back?tab=my%20photos&flag'
    const client = { origins: [gallery.origin], redirect_uris: [redirect_uri] }
    configureClients({ gallery: client })
    const other = await openFrontend({ ...gallery, redirect_uri })
    const back = await other.consent(google, google.browse(), 'pick')
    expect(back.href.startsWith(`${redirect_uri}&`)).toBe(true)
    expect((await other.redeem(back.searchParams.get('code') ?? '')).status).toBe(200)
  })
})

describe('the token endpoint', () => {
  it('answers with Pragma: no-cache (RFC 6749 §5.1)', async () => {
    await frontend.connect(google, 'pick')
    expect((await frontend.ask('pick')).headers.get('Pragma')).toBe('no-cache')
  })
})
