/** The endpoints that describe an access token and its user: tokeninfo and userinfo. */

import type { Context } from 'hono'
import { readForm } from '../endpoints.ts'
import { EMAIL, isSignIn, PROFILE } from '../google-scopes.ts'
import type { Simulation } from '../simulation.ts'
import type { AccessToken, Account } from '../world.ts'
import { findAccessToken } from './consents.ts'
import { oauthAnswer, oauthError } from './error.ts'

/** Answers `/tokeninfo?access_token=`: the user, scopes and lifetime of the token. */
export async function tokenInfo(simulation: Simulation, c: Context): Promise<Response> {
  const name = c.req.query('access_token') ?? (await readForm(c)).get('access_token') ?? ''
  const token = findAccessToken(simulation, name)
  if (!token) throw oauthError('invalid_token', 'Invalid Value')
  const account = accountOf(simulation, token)
  return oauthAnswer({
    azp: token.client_id,
    aud: token.client_id,
    ...(token.scopes.some(isSignIn) ? { sub: token.sub } : {}),
    scope: token.scopes.join(' '),
    exp: String(Math.floor(token.expires_at)),
    expires_in: String(Math.floor(token.expires_at - simulation.now())),
    ...(token.scopes.includes(EMAIL) ? { email: account?.email, email_verified: 'true' } : {}),
  })
}

/** Answers `/v1/userinfo`; OpenID Connect Core §5.3. */
export function userInfo(simulation: Simulation, c: Context): Response {
  const token = bearerToken(simulation, c.req.header('Authorization'))
  c.header('Access-Control-Allow-Origin', '*')
  if (!token) {
    c.header('WWW-Authenticate', 'Bearer error="invalid_token"')
    return c.json({ error: 'invalid_request', error_description: 'Invalid Credentials' }, 401)
  }
  const account = accountOf(simulation, token)
  if (!account || !token.scopes.some(isSignIn)) {
    c.header('WWW-Authenticate', 'Bearer error="insufficient_scope"')
    return c.json({ error: 'insufficient_scope', error_description: 'Not for sign-in' }, 403)
  }
  const { sub, email, name, hd } = account
  return c.json({
    sub,
    ...(token.scopes.includes(PROFILE) ? { name } : {}),
    ...(token.scopes.includes(EMAIL) ? { email, email_verified: true } : {}),
    ...(hd === undefined ? {} : { hd }),
  })
}

/** Finds the live access token of an `Authorization` header (RFC 6750 §2.1). */
export function bearerToken(
  simulation: Simulation,
  authorization: string | undefined,
): AccessToken | undefined {
  const [, name] = /^Bearer (\S+)$/i.exec(authorization ?? '') ?? []
  return name === undefined ? undefined : findAccessToken(simulation, name)
}

function accountOf({ world }: Simulation, { sub }: AccessToken): Account | undefined {
  return world.accounts.find((account) => account.sub === sub)
}
