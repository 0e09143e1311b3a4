/** This file is the proof that the broker speaks OpenID Connect and not just Simulator: a certified provider as `ISSUER`. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TokenResponse } from '../../src/protocol/http.ts'
import type { Browser } from '../support/browser.ts'
import { type RunningBroker, startBroker } from './support/broker.ts'
import { type RunningProvider, startProvider } from './support/provider.ts'

const PICK = 'https://www.googleapis.com/auth/photospicker.mediaitems.readonly'
const UPLOAD = 'https://www.googleapis.com/auth/photoslibrary.appendonly'

let provider: RunningProvider
let broker: RunningBroker

beforeAll(async () => {
  provider = await startProvider(
    {
      client_id: 'e2e-client',
      client_secret: 'e2e-secret-of-the-broker',
      redirect_uri: 'http://localhost:8787/callback',
    },
    [PICK, UPLOAD],
  )
  broker = await startBroker({ ISSUER: provider.issuer })
})

afterAll(async () => {
  await broker?.[Symbol.asyncDispose]()
  await provider?.[Symbol.asyncDispose]()
})

async function connect(browser: Browser, bundle: string): Promise<string> {
  const page = await browser.visit(`${broker.url}/connect?bundle=${bundle}&return_to=/app`)
  return (await provider.consent(browser, page, 'ada')).url.href
}

async function ask(
  browser: Browser,
  body: object,
): Promise<{ status: number; body: TokenResponse }> {
  const response = await browser.call('POST', `${broker.url}/session/token`, body)
  return { status: response.status, body: await response.json() }
}

describe('against oidc-provider', () => {
  it('connects, hands out, refreshes with rotation, and disconnects', async () => {
    const browser = broker.browser()
    expect(await connect(browser, 'pick')).toBe(`${broker.url}/app?connect=ok&bundle=pick`)

    const first = await ask(browser, { bundle: 'pick' })
    expect(first).toMatchObject({
      status: 200,
      body: { token_type: 'Bearer', scope: PICK, bundle: 'pick' },
    })
    expect(first.body.expires_in).toBeGreaterThan(3500)
    expect(provider.granted).not.toContain('refresh_token')

    for (let round = 0, last = first.body.access_token; round < 3; round++) {
      const { status, body } = await ask(browser, { bundle: 'pick', rejected: await sha256(last) })
      expect(status).toBe(200)
      expect(body.scope).toBe(PICK)
      expect(body.access_token).not.toBe(last)
      last = body.access_token
    }
    expect(provider.granted.filter((grant) => grant === 'refresh_token')).toHaveLength(3)

    expect(await connect(browser, 'upload')).toBe(`${broker.url}/app?connect=ok&bundle=upload`)
    expect(await ask(browser, { bundle: 'upload' })).toMatchObject({
      status: 200,
      body: { scope: UPLOAD },
    })
    expect(await ask(browser, { bundle: 'pick' })).toMatchObject({
      status: 200,
      body: { scope: PICK },
    })

    expect((await browser.call('DELETE', `${broker.url}/grants`)).status).toBe(204)
    expect(provider.revoked()).toBeGreaterThan(0)
    expect(await ask(browser, { bundle: 'pick' })).toMatchObject({
      status: 401,
      body: { error: 'login_required' },
    })
  })

  it('takes a grant that the provider revoked for ended', async () => {
    const browser = broker.browser()
    await connect(browser, 'pick')
    const { body } = await ask(browser, { bundle: 'pick' })
    await provider.forgetEverything()
    expect(
      await ask(browser, { bundle: 'pick', rejected: await sha256(body.access_token) }),
    ).toMatchObject({
      status: 403,
      body: {
        error: 'consent_required',
        reason: 'ended',
        likely_cause: 'revoked_by_user',
        bundle: 'pick',
      },
    })
  })
})

async function sha256(text: string): Promise<string> {
  return Buffer.from(
    await crypto.subtle.digest('SHA-256', new TextEncoder().encode(text)),
  ).toString('base64url')
}
