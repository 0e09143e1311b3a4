/** This file is revocation: telling Google that a refresh token, and with it the user's whole grant, is over. */

import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { discover } from './discovery.ts'
import { OAuthError } from './failure.ts'
import { post } from './request.ts'

/**
 * Revokes a refresh token; one that was dead already counts as done, and so does a provider that cannot revoke.
 *
 * The token travels in the form body, never in a URL (TMB-62).
 *
 * @throws {BrokerError} when the provider could not be told and has to be told again
 * @see RFC 7009 §2; Google: identity/protocols/oauth2/web-server#tokenrevoke
 */
export async function revoke(config: Config, refresh_token: string): Promise<void> {
  const provider = await discover(config)
  if (!provider.endpoints.has('revocation_endpoint')) return
  const parameters = { token: refresh_token, token_type_hint: 'refresh_token' }
  try {
    await post(config, provider, 'revocation_endpoint', parameters)
  } catch (error) {
    if (!isDeadAlready(error)) throw error
  }
}

function isDeadAlready(error: unknown): boolean {
  const cause = error instanceof BrokerError && error.cause
  return cause instanceof OAuthError && ['invalid_token', 'invalid_grant'].includes(cause.error)
}
