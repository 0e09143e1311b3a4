/** This file is how Google fails: not reached, an OAuth error, an unexpected status, an unexpected body; and no fifth way. */

import { now } from '../clock.ts'
import { BrokerError } from '../errors.ts'

/** A provider that names a longer `Retry-After` is asked again after this. */
const MAX_RETRY_AFTER_SECONDS = 300

/** An OAuth error as the provider said it; RFC 6749 §5.2. None of it is ever quoted. */
export class OAuthError extends Error {
  override readonly name = 'OAuthError'
  readonly error: string
  /** Google's own, with a Workspace policy for one. */
  readonly error_subtype: unknown

  constructor(error: string, error_subtype: unknown) {
    super('the provider answered an OAuth error')
    this.error = error
    this.error_subtype = error_subtype
  }
}

/**
 * Names what a request to the provider was refused for.
 *
 * Only `google_invalid_grant` may ever end a grant (TMB-22).
 */
export async function refusalOf(response: Response): Promise<BrokerError> {
  const { headers, status } = response
  const isOurs = status >= 400 && status < 500
  const cause = isOurs ? await readError(response) : undefined
  if (status === 429) return unavailable(response, cause) // whatever it says besides
  if (isOurs && headers.has('WWW-Authenticate')) return misconfigured(cause)
  switch (cause?.error ?? '') {
    case 'invalid_grant':
      return new BrokerError('consent_required', 'google_invalid_grant', { cause })
    case 'invalid_scope':
      return new BrokerError('server_error', 'google_invalid_scope', { cause })
    case 'invalid_client':
    case 'unauthorized_client':
    case 'unsupported_grant_type':
    case 'invalid_request':
    case 'redirect_uri_mismatch':
    case 'access_denied':
      return misconfigured(cause)
    default:
      return cause !== undefined || status >= 500 || status === 403
        ? unavailable(response, cause)
        : unexpectedAnswer()
  }
}

/** An answer that is not what it has to be; it may be another one next time. */
export function unexpectedAnswer(cause?: unknown): BrokerError {
  return new BrokerError('temporarily_unavailable', 'google_unexpected_answer', { cause })
}

/** The operator has to mend this; the users' grants are as good as before. */
function misconfigured(cause: unknown): BrokerError {
  return new BrokerError('server_error', 'google_refuses_client', { cause })
}

function unavailable({ headers }: Response, cause: unknown): BrokerError {
  const retry_after = retryAfter(headers.get('Retry-After'))
  return new BrokerError('temporarily_unavailable', 'google_unavailable', {
    cause,
    ...(retry_after === undefined ? {} : { retry_after }),
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

/** Seconds, from either form of `Retry-After`; RFC 9110 §10.2.3. */
function retryAfter(header: string | null): number | undefined {
  if (header === null) return undefined
  const seconds = /^\d+$/.test(header) ? Number(header) : Date.parse(header) / 1000 - now()
  return seconds > 0 ? Math.min(seconds, MAX_RETRY_AFTER_SECONDS) : undefined
}
