/** A page with `@badgateway/oauth2-client`: server and client id; it finds the endpoints by RFC 8414. */

import { generateCodeVerifier, OAuth2Client } from '@badgateway/oauth2-client'
import { broker, bundle, here, offer, show, type Tokens } from './page.ts'

const client = new OAuth2Client({ server: broker, clientId: 'elsewhere' })

offer({
  async Connect() {
    const [state, codeVerifier] = [crypto.randomUUID(), await generateCodeVerifier()]
    Object.assign(sessionStorage, { state, codeVerifier })
    const request = { redirectUri: here, state, codeVerifier, scope: [bundle] }
    location.assign(await client.authorizationCode.getAuthorizeUri(request))
  },
})

async function redeem(): Promise<Tokens> {
  const { state, codeVerifier } = sessionStorage
  const request = { redirectUri: here, state, codeVerifier }
  const token = await client.authorizationCode.getTokenFromCodeRedirect(location.href, request)
  return { access_token: token.accessToken, refresh_token: token.refreshToken }
}

if (location.search.includes('state=')) show(redeem())
