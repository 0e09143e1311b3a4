/** Tests of the metadata that OAuth libraries read (RFC 8414). */

import { describe, expect, it } from 'vitest'
import { answerOf, broker, the } from '../support/broker.ts'
import { configureClients, gallery, OAUTH_CLIENTS } from '../support/frontend.ts'
import { stageOAuthMode } from '../support/oauth-mode.ts'

stageOAuthMode()

describe('the metadata', () => {
  it('describes the broker to OAuth libraries (RFC 8414 §2, §3.2)', async () => {
    const url = `${the.url}/.well-known/oauth-authorization-server`
    const { status, body, headers } = await answerOf(
      await broker(new Request(url, { headers: { Origin: gallery.origin } })),
    )
    expect(status).toBe(200)
    expect(headers.get('Access-Control-Allow-Origin')).toBe('*')
    expect(body).toEqual({
      issuer: the.url,
      authorization_endpoint: `${the.url}/authorize`,
      token_endpoint: `${the.url}/token`,
      pushed_authorization_request_endpoint: `${the.url}/par`,
      revocation_endpoint: `${the.url}/revoke`,
      scopes_supported: ['pick', 'upload', 'album'],
      response_types_supported: ['code'],
      response_modes_supported: ['query', 'fragment', 'web_message'],
      grant_types_supported: [
        'authorization_code',
        'refresh_token',
        'urn:ietf:params:oauth:grant-type:token-exchange',
      ],
      token_endpoint_auth_methods_supported: ['none'],
      revocation_endpoint_auth_methods_supported: ['none'],
      code_challenge_methods_supported: ['S256'],
      dpop_signing_alg_values_supported: ['ES256'],
      authorization_response_iss_parameter_supported: true,
    })
  })

  it.each([
    '/photos-auth/.well-known/oauth-authorization-server',
    '/.well-known/oauth-authorization-server/photos-auth',
    '/photos-auth/.well-known/openid-configuration',
    '/.well-known/openid-configuration/photos-auth',
  ])('of an issuer with a path is at %s (RFC 8414 §3.1)', async (path) => {
    configureClients(OAUTH_CLIENTS, { BASE_URL: `${the.url}/photos-auth` })
    const { status, body } = await answerOf<{ issuer: string }>(
      await broker(new Request(the.url + path)),
    )
    expect([status, body.issuer]).toEqual([200, `${the.url}/photos-auth`])
  })

  it('is not found at the path of another issuer (RFC 8414 §3.3)', async () => {
    const place = `${the.url}/.well-known/oauth-authorization-server`
    configureClients(OAUTH_CLIENTS, { BASE_URL: `${the.url}/photos-auth` })
    expect((await broker(new Request(place))).status).toBe(404)
    expect((await broker(new Request(`${place}/other`))).status).toBe(404)
  })
})
