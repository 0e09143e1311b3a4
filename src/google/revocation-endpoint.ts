/** The revocation endpoint: revokes a refresh token, and with it all that the user allowed the client at Google. */

import * as oauth from 'oauth4webapi'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { discover } from './discovery.ts'
import { OAuthError } from './failure.ts'

/**
 * Revokes a refresh token, in the form body and never in a URL (TMB-62). A token that is invalid already, and a
 * provider without revocation, count as success.
 *
 * @throws {BrokerError} when the caller has to repeat the request
 * @see RFC 7009 §2; https://developers.google.com/identity/protocols/oauth2/web-server#tokenrevoke
 */
export async function revoke(config: Config, refresh_token: string): Promise<void> {
  const { server, client, clientAuth, options } = await discover(config)
  if (server.revocation_endpoint === undefined) return
  const hint = { additionalParameters: { token_type_hint: 'refresh_token' }, ...options }
  try {
    await oauth.processRevocationResponse(
      await oauth.revocationRequest(server, client, clientAuth, refresh_token, hint),
    )
  } catch (error) {
    const cause = error instanceof BrokerError && error.cause
    const code = cause instanceof OAuthError ? cause.error : ''
    if (!['invalid_token', 'invalid_grant'].includes(code)) throw error
  }
}
