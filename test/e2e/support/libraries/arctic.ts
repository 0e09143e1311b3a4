/** A page with `arctic`: its client for any OAuth 2.0 server. It leaves the answer in the address to the page. */

import { CodeChallengeMethod, generateCodeVerifier, generateState, OAuth2Client } from 'arctic'
import { broker, bundle, here, offer, show, type Tokens } from './page.ts'

const client = new OAuth2Client('elsewhere', null, here)

offer({
  async Connect() {
    const [state, verifier] = [generateState(), generateCodeVerifier()]
    Object.assign(sessionStorage, { state, verifier })
    const endpoint = `${broker}/authorize`
    const { S256 } = CodeChallengeMethod
    const url = client.createAuthorizationURLWithPKCE(endpoint, state, S256, verifier, [bundle])
    location.assign(url)
  },
})

async function redeem(): Promise<Tokens> {
  const answer = new URLSearchParams(location.search)
  if (answer.get('state') !== sessionStorage['state']) throw new Error('another state')
  const code = answer.get('code')
  if (code === null) throw new Error(answer.get('error') ?? '')
  const verifier = String(sessionStorage['verifier'])
  const tokens = await client.validateAuthorizationCode(`${broker}/token`, code, verifier)
  const refresh_token = tokens.hasRefreshToken() ? tokens.refreshToken() : undefined
  return { access_token: tokens.accessToken(), refresh_token }
}

if (location.search.includes('state=')) show(redeem())
