/** A frontend with `oauth4webapi`: it makes each request itself, and the library checks each answer. */

import * as oauth from 'oauth4webapi'
import { JWT, type OAuthLibrary, type Settings, TOKEN_EXCHANGE } from './oauth-library.ts'

/** The library. */
export const byOauth4webapi: OAuthLibrary = {
  name: 'oauth4webapi',
  async open(settings) {
    const { client_id, redirect_uri, jwt } = settings
    const options = optionsOf(settings)
    const as = await discover(settings)
    const client: oauth.Client = { client_id }
    const DPoP = oauth.DPoP(client, await oauth.generateKeyPair('ES256'))
    const bound = { ...options, DPoP }
    const auth: oauth.ClientAuth = (as, client, body, headers) => {
      void oauth.None()(as, client, body, headers)
      if (jwt !== undefined) headers.set('Authorization', `Bearer ${jwt}`)
    }
    const request = async (scope: string) => {
      const [state, code_verifier] = [
        oauth.generateRandomState(),
        oauth.generateRandomCodeVerifier(),
      ]
      const code_challenge = await oauth.calculatePKCECodeChallenge(code_verifier)
      const parameters = {
        ...{ client_id, redirect_uri, response_type: 'code', scope, state },
        ...{ code_challenge, code_challenge_method: 'S256' },
        dpop_jkt: await DPoP.calculateThumbprint(),
      }
      return { state, code_verifier, parameters }
    }
    const authorizeUrl = (parameters: Record<string, string>): URL =>
      new URL(`?${new URLSearchParams(parameters)}`, as.authorization_endpoint)

    return {
      metadata: as,
      async begin(scope) {
        const { parameters, ...kept } = await request(scope)
        return { ...kept, url: authorizeUrl(parameters) }
      },
      async push(scope) {
        const { parameters, ...kept } = await request(scope)
        const { request_uri } = await withNonce(async () =>
          oauth.processPushedAuthorizationResponse(
            as,
            client,
            await oauth.pushedAuthorizationRequest(as, client, auth, parameters, bound),
          ),
        )
        return { ...kept, url: authorizeUrl({ client_id, request_uri }) }
      },
      async redeem({ state, code_verifier }, back) {
        const parameters = oauth.validateAuthResponse(as, client, back, state)
        const send = async () =>
          oauth.authorizationCodeGrantRequest(
            ...([as, client, auth, parameters, redirect_uri, code_verifier, bound] as const),
          )
        return withNonce(async () =>
          oauth.processAuthorizationCodeResponse(as, client, await send()),
        )
      },
      refresh: (refresh_token, scope, more = {}) =>
        withNonce(async () => {
          const asked = { ...bound, additionalParameters: { scope, ...more } }
          const response = await oauth.refreshTokenGrantRequest(
            ...([as, client, auth, refresh_token, asked] as const),
          )
          return oauth.processRefreshTokenResponse(as, client, response)
        }),
      async exchange(subject_token, scope) {
        const parameters = { subject_token, subject_token_type: JWT, scope }
        const response = await oauth.genericTokenEndpointRequest(
          ...([as, client, oauth.None(), TOKEN_EXCHANGE, parameters, options] as const),
        )
        return oauth.processGenericTokenEndpointResponse(as, client, response)
      },
      call: (token, method, url, isBearer = false) =>
        withNonce(async () => {
          const how = isBearer ? options : bound
          return oauth.protectedResourceRequest(
            ...([token, method, new URL(url), new Headers(), null, how] as const),
          )
        }),
      async revoke(token) {
        await oauth.processRevocationResponse(
          await oauth.revocationRequest(as, client, oauth.None(), token, options),
        )
      },
    }
  },
}

/** The tests' broker is on loopback, without TLS. */
function optionsOf({ fetch }: Settings) {
  return { [oauth.allowInsecureRequests]: true, [oauth.customFetch]: fetch }
}

async function discover(settings: Settings): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(settings.issuer)
  const options = { ...optionsOf(settings), algorithm: 'oauth2' as const }
  return oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, options))
}

/** With this library the caller retries with the nonce of the answer; RFC 9449 §8. */
async function withNonce<T>(send: () => Promise<T>): Promise<T> {
  try {
    return await send()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return send()
  }
}
