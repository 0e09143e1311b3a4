/** Servers with `simple-oauth2` and `passport-oauth2`, as public clients: the secret is empty. */

import {
  calculatePKCECodeChallenge,
  generateRandomCodeVerifier,
  generateRandomState,
} from 'oauth4webapi'
import { Strategy } from 'passport-oauth2'
import { AuthorizationCode } from 'simple-oauth2'
import type { Tokens } from './page.ts'

/** A consent that has begun on a server. */
interface Begun {
  url: string
  /** Redeems the code in the query of the redirect URI. */
  redeem(query: Record<string, string>): Promise<Tokens>
}

/** How a server begins a consent at a broker. */
type Begin = (broker: string, redirect_uri: string, scope: string) => Promise<Begun>

/** The client names itself by HTTP Basic, which is the library's default. It has no code for `state` and PKCE. */
export const bySimpleOAuth2: Begin = async (broker, redirect_uri, scope) => {
  const client = new AuthorizationCode({
    client: { id: 'elsewhere', secret: '' },
    auth: { tokenHost: broker, tokenPath: '/token', authorizePath: '/authorize' },
  })
  const [state, code_verifier] = [generateRandomState(), generateRandomCodeVerifier()]
  const code_challenge = await calculatePKCECodeChallenge(code_verifier)
  const pkce = { code_challenge, code_challenge_method: 'S256' }
  return {
    url: client.authorizeURL({ redirect_uri, scope, state, ...pkce }),
    async redeem({ code, error, ...answer }) {
      if (code === undefined || answer['state'] !== state) throw new Error(error)
      return (await client.getToken({ code, code_verifier })).token
    },
  }
}

/** The library keeps `state` and the code verifier in the session of the request. */
export const byPassportOAuth2: Begin = async (broker, callbackURL, scope) => {
  const endpoints = { authorizationURL: `${broker}/authorize`, tokenURL: `${broker}/token` }
  const client = { clientID: 'elsewhere', clientSecret: '', callbackURL, scope }
  const strategy = new Strategy(
    { ...endpoints, ...client, pkce: true, state: true },
    (access_token, refresh_token, _, done) => done(null, { access_token, refresh_token }),
  )
  const session = {}
  /** What `passport.authenticate()` does with a request. */
  const authenticate = <T>(query: object, success: 'redirect' | 'success'): Promise<T> =>
    new Promise((resolve, reject) => {
      const outcomes = { [success]: resolve, fail: reject, error: reject }
      Object.assign(Object.create(strategy), outcomes).authenticate({ session, query })
    })
  return {
    url: await authenticate<string>({}, 'redirect'),
    redeem: (query) => authenticate<Tokens>(query, 'success'),
  }
}
