/** The errors of the broker: one class, the table of codes, and the response for each. */

import type { ErrorCode, ErrorResponse } from './protocol/http.ts'

/** The statuses of the codes that are not answered with 400. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  login_required: 401,
  consent_required: 403,
  access_denied: 403,
  slow_down: 429,
  temporarily_unavailable: 503,
  server_error: 500,
}

/** The fixed text of each code; without anything from a request, from Google or from a token (TMB-50). */
const DESCRIPTIONS: Record<ErrorCode, string> = {
  invalid_request: 'The request is malformed or lacks a required parameter.',
  invalid_scope: 'There is no bundle of that name.',
  unsupported_grant_type: 'This grant type is not one of grant_types_supported.',
  unsupported_response_type: 'The only response type is code.',
  invalid_grant:
    'The code or refresh token is unknown, used, expired, or bound to another key or client.',
  invalid_dpop_proof:
    'The DPoP proof is missing, was used before, is not for this request, or was made with a wrong clock.',
  use_dpop_nonce:
    'The DPoP proof needs a nonce. Use the one in the DPoP-Nonce header of this response.',
  login_required: 'There is no session, or it has ended. Connect to start a new one.',
  consent_required:
    'The user has not consented to all scopes of this bundle, or the consent has ended.',
  access_denied: 'This origin, client or bundle is not allowed.',
  slow_down: 'Too many requests. Try again after the time in Retry-After.',
  temporarily_unavailable:
    'Google or storage does not answer now. Nothing was lost; try again after the time in Retry-After.',
  server_error: 'The broker failed. Its log has the reason, under the request_id.',
}

/** What went wrong, as plain data: it crosses the border of a Durable Object unchanged. */
export interface Failure {
  code: ErrorCode
  /** A fixed word for the operator's log; never in a response. */
  reason: string
  /** Seconds to wait before another try. */
  retry_after?: number
  /** Replaces the status of the code, such as 404, 405, 415 or 421. */
  status?: number
  /** More members of the error body. */
  members?: Partial<ErrorResponse>
}

/** A result that crosses the border of a Durable Object, where a thrown error would lose its class. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; failure: Failure }

/** Makes the outcome of a success. */
export function success<T>(value: T): Outcome<T> {
  return { ok: true, value }
}

/** Makes the outcome of a failure. */
export function failed(
  code: ErrorCode,
  reason: string,
  more: Partial<Failure> = {},
): { ok: false; failure: Failure } {
  return { ok: false, failure: { code, reason, ...more } }
}

/** The error that carries an error code of the protocol. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly failure: Failure

  constructor(code: ErrorCode, reason: string, more: Partial<Failure> & { cause?: unknown } = {}) {
    const { cause, ...members } = more
    super(reason, { cause })
    this.failure = { code, reason, ...members }
  }
}

/**
 * Returns the value of an outcome.
 *
 * @throws {BrokerError} the outcome's failure
 */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value
  const { code, reason, ...more } = outcome.failure
  throw new BrokerError(code, reason, more)
}

/** Returns the failure of a thrown value; `server_error` for any other than a `BrokerError`. */
export function failureOf(error: unknown): Failure {
  return error instanceof BrokerError
    ? error.failure
    : { code: 'server_error', reason: 'unexpected' }
}

/**
 * Makes the error response of a failure.
 *
 * @see RFC 6749 §5.2
 */
export function toErrorResponse(
  failure: Failure,
  request_id: string,
): { status: number; body: ErrorResponse; headers: Record<string, string> } {
  const { code, members } = failure
  const headers: Record<string, string> =
    code === 'slow_down' || code === 'temporarily_unavailable'
      ? { 'Retry-After': String(Math.max(1, Math.ceil(failure.retry_after ?? 1))) }
      : {}
  return {
    status: failure.status ?? STATUSES[code] ?? 400,
    body: { error: code, error_description: DESCRIPTIONS[code], request_id, ...members },
    headers,
  }
}
