/** This file is how Google fails: not sent, an OAuth error, an unexpected status, an unexpected body; and no fifth way. */

import * as oauth from 'oauth4webapi'
import { now } from '../clock.ts'
import { BrokerError } from '../errors.ts'

/** A provider that names a longer `Retry-After` is asked again after this. */
const MAX_RETRY_AFTER_SECONDS = 300

/**
 * Names what a request to the provider died of.
 *
 * Only `google_invalid_grant` may ever end a grant (TMB-22). Nothing of the answer is quoted; it stays in `cause`.
 */
export function googleFailure(error: unknown): BrokerError {
  if (error instanceof BrokerError) return error
  if (error instanceof oauth.ResponseBodyError) return oauthError(error)
  if (error instanceof oauth.WWWAuthenticateChallengeError) return misconfigured(error)
  if (
    error instanceof oauth.OperationProcessingError ||
    error instanceof oauth.UnsupportedOperationError
  ) {
    return unexpectedAnswer(error)
  }
  return new BrokerError('temporarily_unavailable', 'google_unreachable', { cause: error })
}

function oauthError(error: oauth.ResponseBodyError): BrokerError {
  if (error.status === 429) return unavailable(error, error.response) // whatever it says besides
  switch (error.error) {
    case 'invalid_grant':
      return new BrokerError('consent_required', 'google_invalid_grant', { cause: error })
    case 'invalid_scope':
      return new BrokerError('server_error', 'google_invalid_scope', { cause: error })
    case 'invalid_client':
    case 'unauthorized_client':
    case 'unsupported_grant_type':
    case 'invalid_request':
    case 'redirect_uri_mismatch':
    case 'access_denied':
      return misconfigured(error)
    default:
      return unavailable(error, error.response)
  }
}

/** The operator has to mend this; the users' grants are as good as before. */
function misconfigured(error: Error): BrokerError {
  return new BrokerError('server_error', 'google_refuses_client', { cause: error })
}

function unexpectedAnswer(
  error: oauth.OperationProcessingError | oauth.UnsupportedOperationError,
): BrokerError {
  if (error.code === oauth.JWT_CLAIM_COMPARISON || error.code === oauth.JWT_TIMESTAMP_CHECK) {
    return new BrokerError('server_error', 'id_token_invalid', { cause: error })
  }
  const response = error.cause instanceof Response ? error.cause : undefined
  if (response && (response.status >= 500 || response.status === 429 || response.status === 403))
    return unavailable(error, response)
  return new BrokerError('temporarily_unavailable', 'google_unexpected_answer', { cause: error })
}

function unavailable(error: Error, response: Response): BrokerError {
  const retry_after = retryAfter(response.headers.get('Retry-After'))
  return new BrokerError('temporarily_unavailable', 'google_unavailable', {
    cause: error,
    ...(retry_after === undefined ? {} : { retry_after }),
  })
}

/** Seconds, from either form of `Retry-After`; RFC 9110 §10.2.3. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  const seconds = /^\d+$/.test(header) ? Number(header) : Date.parse(header) / 1000 - now()
  return seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER_SECONDS) : undefined
}
