/** Tests of the faults, the holds, the log and the control endpoints. */

import { createLocalJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { describe, expect, it } from 'vitest'
import type { Simulator } from '../../src/simulator/app.ts'
import type { Effects } from '../../src/simulator/faults/vocabulary.ts'
import { authorizationUrl, connect, google, post, refresh, the } from './app.ts'

const INVALID_GRANT = { error: 'invalid_grant' }
const JWKS = `${the.origin}/oauth2/v3/certs`

async function refreshWith(
  effects: Effects,
): Promise<{ simulator: Simulator; refresh_token: string; response: Response; text: string }> {
  const simulator = google()
  const { refresh_token = '' } = await connect(simulator)
  simulator.faults.add({ at: 'token:refresh_token', do: effects })
  const { client_id, client_secret } = the
  const form = { grant_type: 'refresh_token', refresh_token, client_id, client_secret }
  const body = new URLSearchParams(form)
  const response = await simulator.fetch(
    new Request(`${the.origin}/token`, { method: 'POST', body }),
  )
  return { simulator, refresh_token, response, text: await response.clone().text() }
}

describe('a fault', () => {
  it.each<[Effects, number, RegExp]>([
    [{ status: 503, retry_after: 30 }, 503, /503/],
    [{ status: 500, body: 'oops' }, 500, /^oops$/],
    [{ error: 'invalid_client' }, 401, /"error":"invalid_client"/],
    [{ error: 'invalid_grant', error_subtype: 'invalid_rapt' }, 400, /"invalid_rapt"/],
    [{ redirect: 'https://evil.example/token' }, 302, /^$/],
    [{ html: true }, 200, /<!doctype html>/],
    [{ garbage: true }, 200, /not json/],
    [{ big_body_bytes: 1_000_000 }, 200, /x{1000000}/],
    [{ truncate: true }, 200, /^\{"access_token":"[^}]*$/],
    [{ set: { expires_in: -1 } }, 200, /"expires_in":-1/],
    [{ omit: ['access_token'] }, 200, /^\{"expires_in"/],
    [{ delay_ms: 1, status: 418 }, 418, /418/],
  ])('%j changes the answer', async (effects, status, expected) => {
    const { response, text } = await refreshWith(effects)
    expect(response.status).toBe(status)
    expect(text).toMatch(expected)
  })

  it('lose_answer serves the request and answers 502; rotate replaces the refresh token', async () => {
    const lost = await refreshWith({ rotate: true, lose_answer: true })
    expect(lost.response.status).toBe(502)
    await expect(refresh(lost.simulator, lost.refresh_token)).rejects.toMatchObject(INVALID_GRANT)
    const rotated = await refreshWith({ rotate: true })
    await refresh(rotated.simulator, JSON.parse(rotated.text).refresh_token)
  })

  it.each<[Effects, string]>([
    [{ scope: { add: [the.edit] } }, `openid ${the.pick} ${the.edit}`],
    [{ scope: { drop: [the.pick] } }, 'openid'],
  ])('%j changes the granted scopes', async (effects, scope) => {
    const { simulator, text } = await refreshWith(effects)
    const { access_token, ...body } = JSON.parse(text)
    expect(body.scope).toBe(scope)
    expect(await post(simulator, '/tokeninfo', { access_token })).toMatchObject({ body: { scope } })
  })

  it('hang waits until the caller aborts', async () => {
    const simulator = google()
    simulator.faults.add({ at: 'jwks', do: { hang: true } })
    const caller = new AbortController()
    const call = simulator.fetch(new Request(JWKS, { signal: caller.signal }))
    caller.abort()
    await expect(call).rejects.toMatchObject({ name: 'AbortError' })
    expect(simulator.calls('jwks')).toMatchObject([{ status: 0, fault: ['hang'] }])
  })

  it('applies as often as it says, in the order of the list, to its endpoint only', async () => {
    const simulator = google()
    simulator.faults.add(
      { at: 'jwks', times: 2, do: { status: 500 } },
      { at: 'jwks', times: 'always', do: { status: 503 } },
      { at: 'api', do: { status: 500 } },
    )
    const read = async (): Promise<number> => (await simulator.fetch(new Request(JWKS))).status
    expect([await read(), await read(), await read(), await read()]).toEqual([500, 500, 503, 503])
    simulator.faults.clear()
    expect(await read()).toBe(200)
  })
})

describe('a fault of the ID token', () => {
  async function idToken(simulator: Simulator, id_token: Effects['id_token']): Promise<string> {
    simulator.faults.add({ at: 'token:authorization_code', do: { id_token } })
    const { url, code_verifier } = await authorizationUrl('openid')
    const code = (await simulator.consent(url)).searchParams.get('code') ?? ''
    const { client_id, client_secret, redirect_uri } = the
    const client = { client_id, client_secret, redirect_uri }
    const form = { grant_type: 'authorization_code', ...client, code, code_verifier }
    return (await post(simulator, '/token', form)).body['id_token'] as string
  }

  it.each([
    ['wrong_iss', { iss: 'https://accounts.evil.example' }],
    ['iss_without_https', { iss: 'google.example' }],
    ['wrong_aud', { aud: 'another-client' }],
    ['extra_aud', { aud: [the.client_id, 'another-client'] }],
    ['wrong_azp', { azp: 'another-client' }],
    ['wrong_sub', { sub: '100000000000000000000' }],
    ['wrong_nonce', { nonce: 'another-nonce' }],
    ['wrong_at_hash', { at_hash: 'AAAAAAAAAAAAAAAAAAAAAA' }],
  ] as const)('%s changes a claim, and the signature is valid', async (fault, claims) => {
    const simulator = google()
    const token = await idToken(simulator, fault)
    const keys = await (await simulator.fetch(new Request(JWKS))).json()
    expect((await jwtVerify(token, createLocalJWKSet(keys as never))).payload).toMatchObject(claims)
  })

  it('omits it, changes its algorithm, or signs it with another key', async () => {
    const simulator = google()
    expect(await idToken(simulator, 'missing')).toBeUndefined()
    expect(decodeProtectedHeader(await idToken(simulator, 'alg_none')).alg).toBe('none')
    expect(decodeProtectedHeader(await idToken(simulator, 'alg_hs256')).alg).toBe('HS256')
    const keys = await (await simulator.fetch(new Request(JWKS))).json()
    const forged = jwtVerify(
      await idToken(simulator, 'wrong_key'),
      createLocalJWKSet(keys as never),
    )
    await expect(forged).rejects.toThrow('signature')
  })
})

it.each([
  [{ iss: 'absent' }, 'iss', []],
  [{ iss: 'present' }, 'iss', [the.origin]],
  [{ iss: 'empty' }, 'iss', ['']],
  [{ iss: 'duplicated' }, 'iss', [the.origin, 'https://accounts.evil.example']],
  [{ state: 'absent' }, 'state', []],
  [{ state: 'wrong' }, 'state', ['another-state']],
  [{ state: 'duplicated' }, 'state', [the.state, the.state]],
  [{ error: 'server_error' }, 'error', ['server_error']],
] as const)('the fault %j changes %s on the redirect', async (effects, name, values) => {
  const simulator = google()
  simulator.faults.add({ at: 'authorize', do: effects })
  const { url } = await authorizationUrl(the.pick)
  expect((await simulator.consent(url)).searchParams.getAll(name)).toEqual(values)
})

it('a hold keeps calls waiting until it is released', async () => {
  const simulator = google()
  const { refresh_token = '' } = await connect(simulator)
  const hold = simulator.hold('token:refresh_token')
  const calls = [refresh(simulator, refresh_token), refresh(simulator, refresh_token)]
  await hold.arrived
  hold.release()
  expect(await Promise.all(calls)).toHaveLength(2)
})

describe('the control endpoints', () => {
  async function control(simulator: Simulator, path: string, json?: unknown): Promise<Response> {
    const init = json === undefined ? {} : { method: 'POST', body: JSON.stringify(json) }
    return simulator.fetch(new Request(`${the.origin}${path}`, init))
  }

  it('add, list and clear faults', async () => {
    const simulator = google()
    await control(simulator, '/__faults', { at: 'token', times: 2, do: { status: 503 } })
    await control(simulator, '/__faults', [{ at: 'api', do: { delay_ms: 5 } }])
    expect(await (await control(simulator, '/__faults')).json()).toEqual([
      { at: 'token', times: 2, do: { status: 503 } },
      { at: 'api', times: 1, do: { delay_ms: 5 } },
    ])
    await simulator.fetch(new Request(`${the.origin}/__faults`, { method: 'DELETE' }))
    expect(simulator.world.faults).toEqual([])
  })

  it.each([
    ['an unknown endpoint', { at: 'tokens', do: { status: 500 } }, /at/],
    ['an unknown effect', { at: 'token', do: { explode: true } }, /explode/],
    ['no effect', { at: 'token', do: {} }, /no effect/],
    ['an effect of another endpoint', { at: 'jwks', do: { rotate: true } }, /only works at token/],
    ['a member of an answer without JSON', { at: 'media', do: { omit: ['a'] } }, /JSON/],
    ['a number below 1', { at: 'token', times: 0, do: { status: 500 } }, /times/],
  ])('refuse a fault with %s, and say why', async (_, fault, why) => {
    const response = await control(google(), '/__faults', fault)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: expect.stringMatching(why) })
  })

  it('list the calls without any secret', async () => {
    const simulator = google()
    const tokens = await connect(simulator)
    await refresh(simulator, tokens.refresh_token ?? '', the.pick)
    const text = await (await control(simulator, '/__log')).text()
    expect(JSON.parse(text)).toContainEqual({
      ...{ at: 'token:refresh_token', time: expect.any(Number), method: 'POST', path: '/token' },
      ...{ status: 200, grant_type: 'refresh_token', scope: the.pick },
      parameters: ['scope', 'refresh_token', 'grant_type', 'client_id', 'client_secret'],
    })
    for (const secret of [the.client_secret, tokens.access_token, tokens.refresh_token, the.state])
      expect(text).not.toContain(secret)
  })

  it('change settings, and remove an app', async () => {
    const simulator = google()
    await control(simulator, '/__settings', { iss_on_redirect: true })
    const { url } = await authorizationUrl(the.pick)
    expect((await simulator.consent(url)).searchParams.get('iss')).toBe(the.origin)
    expect((await control(simulator, '/__settings', { publish: 1 })).status).toBe(400)
    const { refresh_token = '' } = await connect(simulator, undefined, {}, { prompt: 'consent' })
    const removal = await control(simulator, '/__accounts/revoke', { account: 'ada@example.com' })
    expect(await removal.json()).toEqual({ removed: 1 })
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(INVALID_GRANT)
  })

  it('make the users other people, who have consented to nothing', async () => {
    const simulator = google()
    const { refresh_token = '' } = await connect(simulator)
    const before = simulator.world.accounts.map(({ sub }) => sub)
    const url = `${the.origin}/__accounts`
    const answer = await simulator.fetch(new Request(url, { method: 'DELETE' }))
    expect(answer.status).toBe(204)
    const after = simulator.world.accounts.map(({ sub }) => sub)
    for (const sub of after) expect(sub).toMatch(/^1\d{20}$/)
    expect(new Set([...before, ...after]).size).toBe(6)
    await expect(refresh(simulator, refresh_token)).rejects.toMatchObject(INVALID_GRANT)
    expect((await connect(simulator)).refresh_token).toBeDefined()
  })
})
