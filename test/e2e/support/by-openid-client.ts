/** A frontend with `openid-client`, which makes each request, handles nonces and checks answers itself. */

import * as client from 'openid-client'
import { JWT, type OAuthLibrary, type Settings, TOKEN_EXCHANGE } from './oauth-library.ts'

/** The library. */
export const byOpenidClient: OAuthLibrary = {
  name: 'openid-client',
  async open(settings) {
    const { redirect_uri } = settings
    const config = await discover(settings)
    const DPoP = client.getDPoPHandle(config, await client.randomDPoPKeyPair('ES256'))
    const bound = { DPoP }
    const request = async (scope: string) => {
      const [state, code_verifier] = [client.randomState(), client.randomPKCECodeVerifier()]
      const code_challenge = await client.calculatePKCECodeChallenge(code_verifier)
      const dpop_jkt = await DPoP.calculateThumbprint()
      const parameters = { redirect_uri, scope, state, code_challenge, dpop_jkt }
      return {
        state,
        code_verifier,
        parameters: { ...parameters, code_challenge_method: 'S256' },
      }
    }
    return {
      metadata: config.serverMetadata(),
      async begin(scope) {
        const { parameters, ...kept } = await request(scope)
        return { ...kept, url: client.buildAuthorizationUrl(config, parameters) }
      },
      async push(scope) {
        const { parameters, ...kept } = await request(scope)
        const url = await client.buildAuthorizationUrlWithPAR(config, parameters, bound)
        return { ...kept, url }
      },
      redeem: ({ state, code_verifier }, back) => {
        const checks = { expectedState: state, pkceCodeVerifier: code_verifier }
        return client.authorizationCodeGrant(config, back, checks, {}, bound)
      },
      refresh: (refresh_token, scope, more = {}) =>
        client.refreshTokenGrant(config, refresh_token, { scope, ...more }, bound),
      exchange: (subject_token, scope) =>
        client.genericGrantRequest(config, TOKEN_EXCHANGE, {
          ...{ subject_token, subject_token_type: JWT, scope },
        }),
      call: (token, method, url, isBearer = false) =>
        client.fetchProtectedResource(
          ...([config, token, new URL(url), method, null, new Headers()] as const),
          isBearer ? {} : bound,
        ),
      revoke: (token) => client.tokenRevocation(config, token),
    }
  },
}

async function discover(settings: Settings): Promise<client.Configuration> {
  const { issuer, client_id, jwt, fetch } = settings
  const auth: client.ClientAuth = (as, metadata, body, headers) => {
    client.None()(as, metadata, body, headers)
    if (jwt !== undefined) headers.set('Authorization', `Bearer ${jwt}`)
  }
  return client.discovery(new URL(issuer), client_id, undefined, auth, {
    execute: [client.allowInsecureRequests],
    [client.customFetch]: fetch,
  })
}
