/** This file is the tests of the controls over HTTP: faults, log, settings, accounts. */

import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../src/simulator/app.ts'
import { connect, google, refresh, the } from './app.ts'

async function control(
  simulator: Simulator,
  method: string,
  path: string,
  json?: unknown,
): Promise<{ status: number; body: never }> {
  const response = await simulator.fetch(
    new Request(`${the.origin}${path}`, {
      method,
      ...(json === undefined ? {} : { body: JSON.stringify(json) }),
    }),
  )
  const text = await response.text()
  return { status: response.status, body: (text === '' ? null : JSON.parse(text)) as never }
}

describe('the list of faults', () => {
  it('is added to, shown and cleared over HTTP', async () => {
    const simulator = google()
    const fault = { at: 'token', times: 2, do: { status: 503 } }
    await control(simulator, 'POST', '/__faults', fault)
    await control(simulator, 'POST', '/__faults', [{ at: 'api', do: { delay_ms: 5 } }])
    expect((await control(simulator, 'GET', '/__faults')).body).toEqual([
      fault,
      { at: 'api', times: 1, do: { delay_ms: 5 } },
    ])
    expect(await control(simulator, 'DELETE', '/__faults')).toMatchObject({ status: 204 })
    expect((await control(simulator, 'GET', '/__faults')).body).toEqual([])
  })

  it.each([
    { given: 'an unknown place', fault: { at: 'tokens', do: { status: 500 } }, why: /at/ },
    { given: 'an unknown method', fault: { at: 'api:nothing', do: { status: 500 } }, why: /at/ },
    { given: 'an unknown effect', fault: { at: 'token', do: { explode: true } }, why: /explode/ },
    {
      given: 'an unknown member',
      fault: { at: 'token', when: 1, do: { status: 500 } },
      why: /when/,
    },
    { given: 'no effect', fault: { at: 'token', do: {} }, why: /no effect/ },
    {
      given: 'an effect elsewhere',
      fault: { at: 'jwks', do: { rotate: true } },
      why: /only works at token/,
    },
    { given: 'an effect on no JSON', fault: { at: 'media', do: { omit: ['a'] } }, why: /JSON/ },
    { given: 'no times', fault: { at: 'token', times: 0, do: { status: 500 } }, why: /times/ },
  ])('refuses $given, and says why', async ({ fault, why }) => {
    const simulator = google()
    const { status, body } = await control(simulator, 'POST', '/__faults', fault)
    expect(status).toBe(400)
    expect(body).toMatchObject({ error: expect.stringMatching(why) })
    expect(simulator.world.faults).toEqual([])
    expect(() => simulator.faults.add(fault as never)).toThrow(why)
  })

  it('refuses what is no JSON', async () => {
    const request = new Request(`${the.origin}/__faults`, { method: 'POST', body: '{' })
    expect((await google().fetch(request)).status).toBe(400)
  })
})

describe('the log', () => {
  it('tells what was called, without a secret', async () => {
    const simulator = google()
    const tokens = await connect(simulator)
    await refresh(simulator, tokens.refresh_token ?? '', the.pick)
    const { body } = await control(simulator, 'GET', '/__log')
    expect(body).toContainEqual({
      at: 'token:refresh_token',
      time: expect.any(Number),
      method: 'POST',
      path: '/token',
      status: 200,
      grant_type: 'refresh_token',
      scope: the.pick,
      parameters: ['scope', 'refresh_token', 'grant_type', 'client_id', 'client_secret'],
    })
    const text = JSON.stringify(body)
    for (const secret of [the.client_secret, tokens.access_token, tokens.refresh_token, the.state])
      expect(text).not.toContain(secret)
    await control(simulator, 'DELETE', '/__log')
    expect(simulator.calls()).toEqual([])
  })

  it('names the fault that a call met', async () => {
    const simulator = google()
    simulator.faults.add({ at: 'jwks', do: { status: 503, retry_after: 1 } })
    await simulator.fetch(new Request(`${the.origin}/oauth2/v3/certs`))
    expect(simulator.calls('jwks')).toMatchObject([
      { status: 503, fault: ['status', 'retry_after'] },
    ])
  })
})

describe('the other controls', () => {
  it('change settings, and refuse unknown ones', async () => {
    const simulator = google()
    const { body } = await control(simulator, 'POST', '/__settings', { publishing: 'testing' })
    expect(body).toMatchObject({ publishing: 'testing', iss_on_redirect: false })
    expect((await control(simulator, 'GET', '/__settings')).body).toEqual(body)
    expect((await control(simulator, 'POST', '/__settings', { publish: 1 })).status).toBe(400)
  })

  it('remove an app without a browser', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    const removal = { account: 'ada@example.com' }
    const { body } = await control(simulator, 'POST', '/__accounts/revoke', removal)
    expect(body).toEqual({ removed: 1 })
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject({
      error: 'invalid_grant',
    })
  })

  it('list the accounts', async () => {
    const { body } = await control(google(), 'GET', '/__accounts')
    expect(body).toMatchObject([{ sub: the.sub }, {}, { hd: 'studio.example' }])
  })
})
