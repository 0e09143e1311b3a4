/** A page with `@openid/appauth`: it asks for the OpenID metadata, and reads the answer in the fragment. */

import {
  AuthorizationNotifier,
  AuthorizationRequest,
  AuthorizationServiceConfiguration,
  BaseTokenRequestHandler,
  FetchRequestor,
  GRANT_TYPE_AUTHORIZATION_CODE,
  RedirectRequestHandler,
  TokenRequest,
} from '@openid/appauth'
import { broker, bundle, here, offer, show, type Tokens } from './page.ts'

const requestor = new FetchRequestor()
const handler = new RedirectRequestHandler()
const discover = () => AuthorizationServiceConfiguration.fetchFromIssuer(broker, requestor)

offer({
  async Connect() {
    const request = new AuthorizationRequest({
      ...{ client_id: 'elsewhere', redirect_uri: here, scope: bundle },
      response_type: AuthorizationRequest.RESPONSE_TYPE_CODE,
      extras: { response_mode: 'fragment' },
    })
    handler.performAuthorizationRequest(await discover(), request)
  },
})

async function redeem(code: string, code_verifier: string): Promise<Tokens> {
  const request = new TokenRequest({
    ...{ client_id: 'elsewhere', redirect_uri: here, code, extras: { code_verifier } },
    grant_type: GRANT_TYPE_AUTHORIZATION_CODE,
  })
  const tokens = new BaseTokenRequestHandler(requestor)
  const { accessToken, refreshToken } = await tokens.performTokenRequest(await discover(), request)
  return { access_token: accessToken, refresh_token: refreshToken }
}

const notifier = new AuthorizationNotifier()
handler.setAuthorizationNotifier(notifier)
notifier.setAuthorizationListener(({ internal }, response, error) => {
  const verifier = internal?.['code_verifier'] ?? ''
  show(response ? redeem(response.code, verifier) : Promise.reject(error))
})
if (location.hash.includes('state=')) void handler.completeAuthorizationRequestIfPossible()
