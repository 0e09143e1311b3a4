/** The error that the SDK throws, with the codes of the broker. */

import type {
  ConnectError,
  ConsentReason,
  ErrorCode,
  ErrorResponse,
  LikelyCause,
} from '../protocol/http.ts'

/** The codes of the broker, and two of the popup. No function throws `popup_blocked`. */
export type BrokerErrorCode = ErrorCode | ConnectError | 'popup_closed' | 'popup_blocked'

/** An error of the broker or of the SDK. `message` is a sentence for developers; it never contains a token. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  /** What went wrong, for a `switch`. */
  declare readonly code: BrokerErrorCode
  /** The name of the request in the operator's log. Absent if the broker did not answer. */
  declare readonly request_id?: string
  /** The bundle that was asked for, if any. */
  declare readonly bundle?: string
  /** With `consent_required`: why no grant serves the bundle. */
  declare readonly reason?: ConsentReason
  /** With `consent_required`: the scopes that lack consent, space-separated. */
  declare readonly missing_scope?: string
  /** With the reason `ended`: what most likely ended the grant. */
  declare readonly likely_cause?: LikelyCause
  /** Seconds to wait before another try. */
  declare readonly retry_after?: number

  constructor(
    code: BrokerErrorCode,
    answer: Partial<ErrorResponse> & { retry_after?: number | undefined } = {},
  ) {
    super(answer.error_description ?? code)
    Object.assign(this, { ...answer, code })
  }
}
