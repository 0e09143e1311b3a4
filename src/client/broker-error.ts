/** This file is the one error of the SDK: the codes of the contract, so that a `switch` on `code` is enough. */

import type {
  ConnectError,
  ConsentReason,
  ErrorCode,
  ErrorResponse,
  LikelyCause,
} from '../protocol/http.ts'

/** The codes of the broker, and two of a popup's own. */
export type BrokerErrorCode = ErrorCode | ConnectError | 'popup_closed' | 'popup_blocked'

/** What went wrong, in the broker's own words; never anything of a token. */
export class BrokerError extends Error {
  override readonly name = 'BrokerError'
  declare readonly code: BrokerErrorCode
  /** Names the request in the operator's log. */
  declare readonly request_id?: string
  declare readonly bundle?: string
  /** With `consent_required`: why, and what is missing. */
  declare readonly reason?: ConsentReason
  declare readonly missing_scope?: string
  declare readonly likely_cause?: LikelyCause
  /** Seconds after which another try makes sense. */
  declare readonly retry_after?: number

  constructor(
    code: BrokerErrorCode,
    answer: Partial<ErrorResponse> & { retry_after?: number | undefined } = {},
  ) {
    super(answer.error_description ?? code)
    Object.assign(this, { ...answer, code })
  }
}
