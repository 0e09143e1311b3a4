/** The revocation endpoint (RFC 7009): one token ends the whole grant of its account to the project. */

import type { Context } from 'hono'
import { readForm } from '../endpoints.ts'
import { projectOf, type Simulation } from '../simulation.ts'
import { endGrant, findAccessToken, findRefreshToken } from './consents.ts'
import { oauthAnswer, oauthError } from './error.ts'

/** Answers `POST /revoke`; the token is read from the form only. */
export async function revoke(simulation: Simulation, c: Context): Promise<Response> {
  const name = (await readForm(c)).get('token')
  if (!name) throw oauthError('invalid_request', 'Required parameter is missing: token')
  const token = findRefreshToken(simulation, name) ?? findAccessToken(simulation, name)
  if (!token) throw oauthError('invalid_token', 'Token expired or revoked')
  endGrant(simulation, projectOf(simulation, token.client_id), token.sub)
  return oauthAnswer({})
}
