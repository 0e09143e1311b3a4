/** This file is the error model: one class, one table, one way onto the wire. */

import type { ErrorCode, ErrorResponse } from './protocol/http.ts'

/** Status and fixed text of each code. Nothing of a request, of Google's answer or of a token is ever put in (TMB-50). */
const ERRORS = {
  invalid_request: {
    status: 400,
    error_description: 'The request is malformed or lacks something it needs.',
  },
  invalid_scope: { status: 400, error_description: 'There is no bundle of that name.' },
  unsupported_grant_type: {
    status: 400,
    error_description: 'This grant type is not one of grant_types_supported.',
  },
  unsupported_response_type: {
    status: 400,
    error_description: 'The only response type is code.',
  },
  invalid_grant: {
    status: 400,
    error_description:
      'The code or refresh token is unknown, used, expired, or bound to another key or client.',
  },
  invalid_dpop_proof: {
    status: 400,
    error_description:
      'The DPoP proof is missing, used, or not made for this request with a clock that is right.',
  },
  use_dpop_nonce: {
    status: 400,
    error_description: 'The DPoP proof needs the nonce of the DPoP-Nonce header of this answer.',
  },
  login_required: {
    status: 401,
    error_description: 'There is no session, or it has ended. Connect to begin one.',
  },
  consent_required: {
    status: 403,
    error_description:
      'The user has not consented to all of this bundle, or the consent has ended.',
  },
  access_denied: {
    status: 403,
    error_description: 'This origin, client or bundle is not allowed.',
  },
  slow_down: {
    status: 429,
    error_description: 'Too many requests. Try again after the time in Retry-After.',
  },
  temporarily_unavailable: {
    status: 503,
    error_description:
      'Google or storage cannot answer now. Nothing was lost; try again after the time in Retry-After.',
  },
  server_error: {
    status: 500,
    error_description:
      'The broker could not do this. The request_id names this request in its log.',
  },
} as const satisfies Record<ErrorCode, { status: number; error_description: string }>

/** What went wrong, as plain data, so that it crosses a Durable Object's border unharmed. */
export interface Failure {
  code: ErrorCode
  /** A fixed word for the operator's log; never on the wire. */
  reason: string
  /** Seconds to wait before another try. */
  retry_after?: number
  /** Overrides the code's status: 404, 405, 421. */
  status?: number
  /** Further members of the error body. */
  members?: Partial<ErrorResponse>
}

/** A result that crosses a Durable Object's border, where a thrown error would lose its class. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; failure: Failure }

/** Makes the outcome of something that worked. */
export function success<T>(value: T): Outcome<T> {
  return { ok: true, value }
}

/** Makes the outcome of something that failed. */
export function failed(
  code: ErrorCode,
  reason: string,
  more: Partial<Failure> = {},
): { ok: false; failure: Failure } {
  return { ok: false, failure: { code, reason, ...more } }
}

/** The one error that carries a code of the contract. */
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
 * Takes the value out of an outcome.
 *
 * @throws {BrokerError} the outcome's failure
 */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value
  const { code, reason, ...more } = outcome.failure
  throw new BrokerError(code, reason, more)
}

/** Reads a failure off anything that was thrown; what is not ours is `server_error`. */
export function failureOf(error: unknown): Failure {
  return error instanceof BrokerError
    ? error.failure
    : { code: 'server_error', reason: 'unexpected' }
}

/** Puts a failure into the shape of RFC 6749 §5.2. */
export function toErrorResponse(
  failure: Failure,
  request_id: string,
): { status: number; body: ErrorResponse; headers: Record<string, string> } {
  const { status, error_description } = ERRORS[failure.code]
  const headers: Record<string, string> =
    failure.code === 'slow_down' || failure.code === 'temporarily_unavailable'
      ? { 'Retry-After': String(Math.max(1, Math.ceil(failure.retry_after ?? 1))) }
      : {}
  return {
    status: failure.status ?? status,
    body: { error: failure.code, error_description, request_id, ...failure.members },
    headers,
  }
}
