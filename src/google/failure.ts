/** How requests to Google fail: not reached, an OAuth error, an unexpected status, or an unexpected answer. */

import { now } from '../clock.ts'
import { BrokerError } from '../errors.ts'

/** The longest `Retry-After` that a refresh waits for, in seconds. */
const MAX_RETRY_AFTER_SECONDS = 300

/** An OAuth error of the provider (RFC 6749 §5.2). Its text is never logged or sent on. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly error: string
  /** An extension of Google; it names the Workspace policy that refused the request, for example. */
  readonly error_subtype: unknown

  constructor(error: string, error_subtype: unknown) {
    super('the provider answered an OAuth error')
    this.error = error
    this.error_subtype = error_subtype
  }
}

/** OAuth errors that the operator has to fix. */
export const CLIENT_ERRORS = [
  'invalid_client',
  'unauthorized_client',
  'unsupported_grant_type',
  'invalid_request',
  'redirect_uri_mismatch',
  'access_denied',
  'deleted_client',
  'disabled_client',
  'admin_policy_enforced',
  'org_internal',
]

/**
 * Makes the error for an answer with another status than 200. Only `google_invalid_grant` may end a grant (TMB-22).
 *
 * @see RFC 6749 §5.2
 */
export async function classifyFailure(response: Response): Promise<BrokerError> {
  const { headers, status } = response
  const isClientError = status >= 400 && status < 500
  const cause = isClientError ? await readError(response) : undefined
  if (status === 429) return unavailable(headers, cause) // whatever its body says
  if (status === 401 || (isClientError && headers.has('WWW-Authenticate')))
    return clientRefused(cause)
  if (cause === undefined)
    return status >= 500 || status === 403 ? unavailable(headers) : unexpectedAnswer()
  if (cause.error === 'invalid_grant') return new BrokerError('google_invalid_grant', { cause })
  if (cause.error === 'invalid_scope') return new BrokerError('google_invalid_scope', { cause })
  return CLIENT_ERRORS.includes(cause.error) ? clientRefused(cause) : unavailable(headers, cause)
}

/** Makes the error for an answer that breaks the protocol; the next answer may be right. */
export function unexpectedAnswer(cause?: unknown): BrokerError {
  return new BrokerError('google_unexpected_answer', { cause })
}

/** The users' grants are still good. */
function clientRefused(cause: unknown): BrokerError {
  return new BrokerError('google_refuses_client', { cause })
}

function unavailable(headers: Headers, cause?: unknown): BrokerError {
  const retry_after = parseRetryAfter(headers.get('Retry-After'))
  return new BrokerError('google_unavailable', {
    cause,
    ...(retry_after === undefined
      ? {}
      : { retry_after: Math.min(retry_after, MAX_RETRY_AFTER_SECONDS) }),
  })
}

async function readError(response: Response): Promise<OAuthError | undefined> {
  const isJson = response.headers.get('Content-Type')?.startsWith('application/json')
  const answer = isJson ? await response.json<unknown>().catch(() => undefined) : undefined
  const { error, error_subtype } = (answer ?? {}) as Record<string, unknown>
  return typeof error === 'string' && error !== ''
    ? new OAuthError(error, error_subtype)
    : undefined
}

/**
 * Reads a `Retry-After`, which holds seconds or an HTTP date; RFC 9110 §10.2.3.
 *
 * @returns seconds from now; `undefined` if it is missing, malformed or over
 */
export function parseRetryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  const seconds = /^\d{1,9}$/.test(header) ? Number(header) : Date.parse(header) / 1000 - now()
  return seconds > 0 ? seconds : undefined
}
