/** This file is revocation: telling Google that a refresh token, and with it the user's whole grant, is over. */

import * as oauth from 'oauth4webapi'
import type { Config } from '../config.ts'
import { googleFailure } from './failure.ts'
import { discover, requestOptions } from './provider.ts'

/**
 * Revokes a refresh token; one that was dead already counts as done, and so does a provider that cannot revoke.
 *
 * The token travels in the form body, never in a URL (TMB-62).
 *
 * @throws {BrokerError} when the provider could not be told and has to be told again
 * @see RFC 7009 §2; Google: identity/protocols/oauth2/web-server#tokenrevoke
 */
export async function revoke(config: Config, refresh_token: string): Promise<void> {
  try {
    const { as, client, authentication } = await discover(config)
    if (!as.revocation_endpoint) return
    const response = await oauth.revocationRequest(as, client, authentication, refresh_token, {
      ...requestOptions(config),
      additionalParameters: { token_type_hint: 'refresh_token' },
    })
    await oauth.processRevocationResponse(response)
  } catch (error) {
    if (isDeadAlready(error)) return
    throw googleFailure(error)
  }
}

function isDeadAlready(error: unknown): boolean {
  return (
    error instanceof oauth.ResponseBodyError &&
    (error.error === 'invalid_token' || error.error === 'invalid_grant')
  )
}
