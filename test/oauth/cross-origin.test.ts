/** Attacks from other origins on OAuth mode: CORS, CSRF, and what belongs to another client (TMB-35, TMB-36, TMB-39). */

import { describe, expect, it, vi } from 'vitest'
import { answerOf, broker, the } from '../support/broker.ts'
import { gallery, journal } from '../support/frontend.ts'
import { codeFor, frontend, google, stageOAuthMode } from '../support/oauth-mode.ts'

stageOAuthMode()

describe('CORS and CSRF', () => {
  const ORIGINS = [
    'null',
    'https://evil.example',
    'https://gallery.example:8443',
    'https://GALLERY.example',
    'https://gallery.example.evil.example',
    the.url,
  ]
  const PATHS = ['/token', '/par', '/revoke']

  it.each(ORIGINS)(
    'a request from %s is refused without CORS headers (TMB-35, TMB-36)',
    async (origin) => {
      await frontend.connect(google, 'pick')
      const { access_token } = (await frontend.ask('broker')).body
      const headers = { Origin: origin }
      const outbound = vi.mocked(fetch).mock.calls.length
      for (const answer of [
        await frontend.ask('pick', {}, { headers }),
        await frontend.redeem('x', {}, { headers }),
        await frontend.post(
          '/revoke',
          { token: frontend.refresh_token, client_id: gallery.id },
          { headers },
        ),
        ...(origin === the.url
          ? []
          : [await frontend.call('DELETE', '/grants', { access_token, headers })]),
      ]) {
        expect([answer.status, answer.body.error]).toEqual([403, 'access_denied'])
        expect(answer.headers.has('Access-Control-Allow-Origin')).toBe(false)
      }
      expect(vi.mocked(fetch).mock.calls).toHaveLength(outbound)
      expect((await frontend.ask('pick')).status).toBe(200)
    },
  )

  it.each(PATHS)('a preflight of another origin to %s is refused', async (path) => {
    const headers = { Origin: 'https://evil.example', 'Access-Control-Request-Method': 'POST' }
    const answer = await broker(new Request(the.url + path, { method: 'OPTIONS', headers }))
    expect(answer.status).toBe(403)
    expect(answer.headers.has('Access-Control-Allow-Origin')).toBe(false)
  })

  it.each([...PATHS, '/session', '/grants', '/grants/pick'])(
    'a preflight of the client’s origin to %s gets a fixed list without credentials (TMB-35, TMB-39)',
    async (path) => {
      const { status, headers } = await broker(
        new Request(the.url + path, {
          method: 'OPTIONS',
          headers: {
            Origin: gallery.origin,
            'Access-Control-Request-Method': 'POST',
            'Access-Control-Request-Headers': 'x-evil',
          },
        }),
      )
      expect(status).toBe(204)
      expect(headers.get('Access-Control-Allow-Origin')).toBe(gallery.origin)
      expect(headers.get('Access-Control-Allow-Headers')).toBe(
        'Authorization, Content-Type, DPoP, User-Agent',
      )
      expect(headers.get('Access-Control-Max-Age')).toBe('600')
      expect(headers.has('Access-Control-Allow-Credentials')).toBe(false)
    },
  )

  it('the origin of an OAuth client cannot use cookie mode (TMB-39)', async () => {
    const headers = { Origin: gallery.origin, 'Access-Control-Request-Method': 'POST' }
    const url = `${the.url}/session/token`
    expect((await broker(new Request(url, { method: 'OPTIONS', headers }))).status).toBe(403)
    const answer = await answerOf(await broker(new Request(url, { method: 'POST', headers })))
    expect(answer.status).toBe(403)
    expect(answer.headers.has('Access-Control-Allow-Origin')).toBe(false)
  })

  it.each(PATHS)('at %s an unknown origin is refused before its body is read', async (path) => {
    const headers = { Origin: 'https://evil.example', 'Content-Type': 'text/plain' }
    const { status } = await frontend.post(path, {}, { headers, proof: null })
    expect(status).toBe(403)
  })

  it('one client cannot revoke a token of another (RFC 7009 §2.1)', async () => {
    await frontend.connect(google, 'pick')
    const form = { token: frontend.refresh_token, client_id: journal.id }
    const headers = { Origin: journal.origin }
    const { body } = await frontend.post('/revoke', form, { headers, proof: null })
    expect(body.error).toBe('invalid_grant')
    expect((await frontend.ask('broker')).status).toBe(200)
  })

  it('the code and tokens of one client are refused from the origin of another (TMB-44)', async () => {
    await frontend.connect(google, 'pick')
    const { access_token } = (await frontend.ask('broker')).body
    const headers = { Origin: journal.origin }
    const code = await codeFor(frontend, 'upload')
    expect((await frontend.redeem(code, {}, { headers })).status).toBe(403)
    expect((await frontend.ask('pick', {}, { headers })).status).toBe(403)
    expect((await frontend.call('GET', '/session', { access_token, headers })).status).toBe(403)
  })

  it.each(['application/json', 'text/plain'])('%s is not accepted as a form', async (type) => {
    await frontend.connect(google, 'pick')
    const headers = { 'Content-Type': type }
    const { status, body } = await frontend.ask('pick', {}, { headers })
    expect([status, body.error]).toEqual([400, 'invalid_request'])
  })
})
