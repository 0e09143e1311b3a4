/** This file is the tests of the hand-out at the front door, as far as no Google is needed. */

import { afterEach, describe, expect, it, vi } from 'vitest'
import { ask, browse, logIn, the } from '../support/broker.ts'

afterEach(() => void vi.useRealTimers())

describe('POST /session/token', () => {
  it('hands out a fresh token with exactly the members of the contract (TMB-45)', async () => {
    const browser = browse()
    await logIn(browser)
    const { status, body } = await ask(browser)
    expect(status).toBe(200)
    expect(Object.keys(body).sort()).toEqual([
      'access_token',
      'bundle',
      'expires_in',
      'scope',
      'token_type',
    ])
    expect(body).toMatchObject({
      access_token: 'canary-access-token',
      token_type: 'Bearer',
      scope: the.pick,
      bundle: 'pick',
    })
    expect(body.expires_in).toBeGreaterThan(3500)
    expect(body.expires_in).toBeLessThanOrEqual(3599)
  })

  it('refuses whoever has no session, and says where one begins', async () => {
    const { status, body } = await ask(browse())
    expect(status).toBe(401)
    expect(body.error).toBe('login_required')
    expect(body.connect_url).toBe(
      `${the.url}/connect?bundle=pick&return_to=${encodeURIComponent(`${the.url}/`)}`,
    )
  })

  it('refuses a bundle without a grant, and says what is missing', async () => {
    const browser = browse()
    await logIn(browser)
    const { status, body } = await ask(browser, { bundle: 'upload' })
    expect(status).toBe(403)
    expect(body).toMatchObject({
      error: 'consent_required',
      bundle: 'upload',
      reason: 'never_granted',
      missing_scope: the.upload,
    })
    expect(body.connect_url).toContain('/connect?bundle=upload')
  })
})
