/** This file is what RFCs require and the broker did not do when this was written: red until mended, or decided against. */

import { beforeEach, describe, expect, it } from 'vitest'
import { ALBUM_CLIENT, openIssuer } from '../support/app-issuer.ts'
import { broker } from '../support/broker.ts'
import {
  configureClients,
  type Frontend,
  gallery,
  openFrontend,
  sha256,
} from '../support/frontend.ts'
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

  it('calls an unknown client an invalid one (RFC 6749 §5.2)', async () => {
    const { body } = await frontend.redeem('x', { client_id: 'unknown' })
    expect(body.error).toBe('invalid_client')
  })
})

describe('an app’s user', () => {
  /** Has a JWT, which may be bound to a key. */
  async function open(claims: Record<string, unknown> = {}): Promise<string> {
    configureClients({ gallery: ALBUM_CLIENT })
    return (await openIssuer()).jwt('ada', { claims })
  }

  const EXCHANGE = {
    grant_type: 'urn:ietf:params:oauth:grant-type:token-exchange',
    subject_token_type: 'urn:ietf:params:oauth:token-type:jwt',
  }

  it.each(['resource', 'audience'])(
    'exchanges nothing for a target that %s names (RFC 8693 §2.2.2)',
    async (name) => {
      const jwt = await open()
      const form = {
        ...EXCHANGE,
        subject_token: jwt,
        scope: 'pick',
        [name]: 'https://evil.example',
      }
      const { status, body } = await frontend.post('/token', form, { proof: null })
      expect([status, body.error]).toEqual([400, 'invalid_target'])
    },
  )

  it('with a JWT bound to a key shows it as DPoP (RFC 9449 §7.1)', async () => {
    const jwt = await open({ cnf: { jkt: frontend.jkt } })
    const headers = { Authorization: `DPoP ${jwt}` }
    expect((await frontend.call('GET', '/session', { headers })).status).toBe(200)
  })

  it('with a JWT bound to a key is refused as Bearer (RFC 9449 §7.2)', async () => {
    const jwt = await open({ cnf: { jkt: frontend.jkt } })
    const headers = { Authorization: `Bearer ${jwt}` }
    const claims = { ath: await sha256(jwt) }
    const answer = await frontend.call('GET', '/session', { headers, proof: { claims } })
    expect(answer.status).toBe(401)
  })
})
