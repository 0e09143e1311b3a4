/** The errors of the broker: one class, and the response for each reason. */

import type { ErrorCode, ErrorResponse } from './protocol/http.ts'
import { type Reason, SENTENCES } from './reasons.ts'

export type { Reason } from './reasons.ts'

/** The statuses of the codes that are not answered with 400. */
const STATUSES: Partial<Record<ErrorCode, number>> = {
  login_required: 401,
  consent_required: 403,
  access_denied: 403,
  slow_down: 429,
  temporarily_unavailable: 503,
  server_error: 500,
}

/** The statuses of the reasons that have another one than their code; RFC 9110 §15. */
const STATUSES_OF_REASONS: Partial<Record<Reason, number>> = {
  assets_missing: 404,
  host_unknown: 421,
  https_required: 421,
  media_gone: 404,
  media_redirect_refused: 404,
  media_type: 415,
  method_not_allowed: 405,
  path_unknown: 404,
  provider_sends_no_events: 404,
}

/** The code and the sentence of each reason. */
const REASONS: ReadonlyMap<Reason, readonly [ErrorCode, string]> = new Map(
  (Object.keys(SENTENCES) as ErrorCode[]).flatMap((code) =>
    Object.entries(SENTENCES[code]).map(([reason, sentence]) => [
      reason as Reason,
      [code, sentence] as const,
    ]),
  ),
)

/** Names that may stand in a sentence; of a request, nothing else is ever repeated (TMB-50). */
const PARAMETERS = [
  ...['actor_token', 'all', 'audience', 'bundle', 'client', 'client_id', 'code', 'code_challenge'],
  ...['code_challenge_method', 'code_verifier', 'display', 'dpop_jkt', 'grant_type', 'login_hint'],
  ...['optional', 'prompt', 'redirect_uri', 'refresh_token', 'rejected', 'request_uri', 'resource'],
  ...['response_mode', 'response_type', 'return_to', 'scope', 'state', 'subject_token'],
  ...['subject_token_type', 'ticket', 'token', 'urls'],
]

/** What went wrong, as plain data: it crosses the border of a Durable Object unchanged. */
export interface Failure {
  /** That of the reason, if the caller gives no other. */
  code: ErrorCode
  reason: Reason
  /** The name of the parameter that the reason is about. */
  parameter?: string
  /** Seconds to wait before another try. */
  retry_after?: number
  /** Replaces the status of the reason and code. */
  status?: number
  /** More members of the error body. */
  members?: Partial<ErrorResponse>
  /** Where a user can go on, for the page. */
  back?: string
}

/** A result that crosses the border of a Durable Object, where a thrown error would lose its class. */
export type Outcome<T> = { ok: true; value: T } | { ok: false; failure: Failure }

/** Makes the outcome of a success. */
export function success<T>(value: T): Outcome<T> {
  return { ok: true, value }
}

/** Makes the outcome of a failure. */
export function failed(
  reason: Reason,
  more: Partial<Failure> = {},
): { ok: false; failure: Failure } {
  return {
    ok: false,
    failure: { code: REASONS.get(reason)?.[0] ?? 'server_error', reason, ...more },
  }
}

/** The error that carries a reason, and with it an error code of the protocol. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  readonly failure: Failure

  /** @param more `code` replaces that of the reason, where another RFC names the same thing otherwise */
  constructor(reason: Reason, more: Partial<Failure> & { cause?: unknown } = {}) {
    const { cause, ...members } = more
    super(reason, { cause })
    this.failure = failed(reason, members).failure
  }
}

/**
 * Returns the value of an outcome.
 *
 * @throws {BrokerError} the outcome's failure
 */
export function unwrap<T>(outcome: Outcome<T>): T {
  if (outcome.ok) return outcome.value
  throw new BrokerError(outcome.failure.reason, outcome.failure)
}

/** Returns the failure of a thrown value; `server_error` for any other than a `BrokerError`. */
export function failureOf(error: unknown): Failure {
  return error instanceof BrokerError ? error.failure : failed('unexpected').failure
}

/** Whether a text is a reason. */
export function isReason(text: string): text is Reason {
  return REASONS.has(text as Reason)
}

/** Returns the sentence for a failure: what is wrong, and what to do about it. */
export function describe({ reason, parameter = '' }: Failure): string {
  const name = PARAMETERS.includes(parameter) ? parameter : 'A parameter'
  const [, sentence = ''] = REASONS.get(reason) ?? []
  return sentence.replace('{parameter}', name)
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
  const { code, reason, members } = failure
  const headers: Record<string, string> =
    code === 'slow_down' || code === 'temporarily_unavailable'
      ? { 'Retry-After': String(Math.max(1, Math.ceil(failure.retry_after ?? 1))) }
      : {}
  return {
    status: failure.status ?? STATUSES_OF_REASONS[reason] ?? STATUSES[code] ?? 400,
    body: { error: code, error_description: describe(failure), request_id, ...members },
    headers,
  }
}
