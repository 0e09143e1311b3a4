/** `POST /revoke`: ends the session of a refresh token or access token of the broker. */

import { BrokerError } from '../../errors.ts'
import { openToken } from '../../session/tokens.ts'
import { requireOAuthOrigin } from '../guards/cors.ts'
import { findOAuthClient } from '../guards/lookup.ts'
import { readClientForm } from '../guards/oauth-mode.ts'
import type { BrokerContext } from '../http/context.ts'
import { required } from '../http/read-request.ts'
import { endSessionOf } from '../session.ts'

/**
 * Ends the session of a token, and keeps the grant. An unknown or expired token is no error, and no proof is needed.
 *
 * @throws {BrokerError} invalid_grant: the token belongs to another client
 * @see RFC 7009 §2
 */
export async function revoke(c: BrokerContext): Promise<Response> {
  requireOAuthOrigin(c)
  const config = c.get('config')
  const form = await readClientForm(c)
  const client = findOAuthClient(config, required(form, 'client_id'))
  requireOAuthOrigin(c, client)
  const token = required(form, 'token')
  const session =
    (await openToken(config, 'refresh', token)) ?? (await openToken(config, 'access', token))
  if (session) {
    if (session.client !== client.id) throw new BrokerError('other_client')
    await endSessionOf(c, session, false)
  }
  return c.json({})
}
