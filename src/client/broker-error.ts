/** The error that the SDK throws for everything that fails, with the codes of the broker and a few of its own. */

import type { ConsentRequired, ErrorCode, ErrorResponse } from '../protocol/http.ts'

/** What can fail in the browser itself. */
type OwnCode = 'popup_closed' | 'popup_blocked' | 'storage_unavailable' | 'no_page'

/** Every `code` of a {@link BrokerError}. */
export type BrokerErrorCode = ErrorCode | OwnCode

/** The members that come with some codes only. */
interface Members {
  consent_required: ConsentRequired & {
    /** Where to send the user in cookie mode; `connect` does the same. */
    connect_url?: string
  }
  slow_down: {
    /** Seconds to wait before another try. */
    retry_after: number
  }
  temporarily_unavailable: { retry_after?: number }
}

/** A {@link BrokerError} with one code. */
type BrokerErrorWith<C extends BrokerErrorCode> = Error & {
  readonly name: 'BrokerError'
  /** What went wrong, for a `switch`; it narrows the other members. */
  readonly code: C
  /** The broker's sentence for developers: what is wrong and what to do about it. */
  readonly description?: string
  /** The name of the request in the operator's log. Absent if the broker did not answer. */
  readonly request_id?: string
  /** The bundle that was asked for, if any. */
  readonly bundle?: string
  /** Whether it passes by itself: trying again later can help. */
  readonly isPassing: boolean
} & Readonly<C extends keyof Members ? Members[C] : unknown>

/** An error of the broker or of the SDK. Its `message` can be shown to a user; no member ever holds a token. */
export type BrokerError = { [C in BrokerErrorCode]: BrokerErrorWith<C> }[BrokerErrorCode]

interface BrokerErrorConstructor {
  new (code: BrokerErrorCode, answer?: Answer): BrokerError
  readonly prototype: BrokerError
}

type Answer = Partial<Omit<ErrorResponse, 'error'>> & {
  retry_after?: number | undefined
  cause?: unknown
}

const RETRY = 'That did not work just now. Nothing was lost. Please try again in a moment.'
const BUG = 'This app and its photo service do not understand each other. Please reload the page.'

/** What passes by itself. */
const PASSING: readonly BrokerErrorCode[] = ['temporarily_unavailable', 'slow_down']

/** What a user is told. */
const MESSAGES: Partial<Record<BrokerErrorCode, string>> = {
  access_denied: 'Access to Google Photos was not allowed.',
  account_mismatch: 'That was another Google account than before. Sign out first to change it.',
  consent_required: 'This app needs your permission for Google Photos.',
  invalid_grant: 'Please connect Google Photos again.',
  login_required: 'Please connect Google Photos.',
  no_page: 'Google Photos can be used in a browser only.',
  popup_blocked:
    'Your browser blocked the window of Google. Allow windows for this page, and try again.',
  popup_closed: 'The window was closed before anything was chosen.',
  server_error: 'Something is wrong with the photo service. Please tell those who run this app.',
  slow_down: 'That was too often. Please wait a minute, and try again.',
  storage_unavailable:
    'Your browser does not let this page store anything. Allow site data for it, and try again.',
  temporarily_unavailable: RETRY,
}

/** The class of every error that the SDK throws, for `instanceof`. */
export const BrokerError: BrokerErrorConstructor = class BrokerError extends Error {
  override readonly name = 'BrokerError'

  constructor(code: BrokerErrorCode, { error_description, cause, ...answer }: Answer = {}) {
    super(MESSAGES[code] ?? BUG)
    if (cause !== undefined) this.cause = cause
    const description = error_description === undefined ? {} : { description: error_description }
    const isPassing = PASSING.includes(code)
    Object.assign(this, { ...answer, ...description, code, isPassing })
  }
} as unknown as BrokerErrorConstructor
