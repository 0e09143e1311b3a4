/** The error of the Photos module: what Google answered, in words for the user. */

import { BrokerError } from '../index.ts'

const RETRY = 'Google Photos does not answer just now. Please try again in a moment.'

/** What a user is told, by Google's status, or by what this module itself finds. */
const MESSAGES: Record<string, string> = {
  ALBUM_UNKNOWN:
    'The answer of Google Photos was lost. The album may be there already; please look, and try again.',
  DEADLINE_EXCEEDED: RETRY,
  EMPTY_FILE: 'The file is empty.',
  FAILED_PRECONDITION: 'This Google account has no Google Photos.',
  FILE_TOO_LARGE: 'The file is too large: a photo can have up to 200 MB, a film up to 20 GB.',
  FILM_FAILED: 'Google Photos cannot process this film.',
  FILM_PROCESSING:
    'Google Photos is still processing this film. Please try again in a few minutes.',
  INTERNAL: RETRY,
  INVALID_ARGUMENT: 'Google Photos does not take this file: it is no photo or film that it knows.',
  NOT_FOUND: 'This is no longer at Google Photos. Please choose again.',
  PERMISSION_DENIED: 'This app may not do that in Google Photos.',
  RESOURCE_EXHAUSTED:
    'Google Photos gets too many requests of this app. Please try again in a while.',
  SERVICE_DISABLED: 'Google Photos is not switched on for this app. Please tell those who run it.',
  UNAUTHENTICATED:
    'Google no longer accepts the access of this app. Please connect Google Photos again.',
  UNAVAILABLE: RETRY,
  UNKNOWN_OUTCOME: 'The answer of Google Photos was lost. This file may be there already.',
}

/** The statuses of failures that pass by themselves; https://google.aip.dev/194. */
const PASSING = ['DEADLINE_EXCEEDED', 'INTERNAL', 'RESOURCE_EXHAUSTED', 'UNAVAILABLE']

/** The names of `google.rpc.Code` that Google uses for single items. */
const NAMES: Record<number, string> = {
  ...{ 3: 'INVALID_ARGUMENT', 4: 'DEADLINE_EXCEEDED', 5: 'NOT_FOUND', 7: 'PERMISSION_DENIED' },
  ...{ 8: 'RESOURCE_EXHAUSTED', 9: 'FAILED_PRECONDITION', 13: 'INTERNAL', 14: 'UNAVAILABLE' },
  16: 'UNAUTHENTICATED',
}

/** The names by HTTP status, where Google gives none. */
const NAMES_BY_HTTP: Record<number, string> = {
  ...{ 401: 'UNAUTHENTICATED', 403: 'PERMISSION_DENIED', 404: 'NOT_FOUND' },
  ...{ 429: 'RESOURCE_EXHAUSTED', 500: 'INTERNAL', 503: 'UNAVAILABLE' },
}

/** A failure at Google Photos. Its `message` can be shown to a user. */
export class PhotosError extends Error {
  override readonly name = 'PhotosError'

  /** The HTTP status; 0 if there was no answer, or if the failure is not one of HTTP. */
  readonly http: number
  /**
   * Google's status, such as `RESOURCE_EXHAUSTED`, or one of this module: `EMPTY_FILE`, `FILE_TOO_LARGE`,
   * `FILM_PROCESSING`, `FILM_FAILED`, `SERVICE_DISABLED`, `UNKNOWN_OUTCOME` (the file may be in the library), `ALBUM_UNKNOWN` (the album may be there); `UNKNOWN`.
   */
  readonly status: string
  /** Whether it passes by itself: trying again later can help. */
  readonly isPassing: boolean
  /** What Google said, for developers. */
  readonly description: string | undefined
  /** Seconds that Google asks to wait. */
  readonly retry_after: number | undefined

  constructor(
    http: number,
    status: string,
    more: { description?: string | undefined; retry_after?: number | undefined } = {},
  ) {
    super(MESSAGES[status] ?? (http >= 500 ? RETRY : `Google Photos answered ${http} ${status}.`))
    this.http = http
    this.status = status
    this.isPassing = http === 429 || http >= 500 || PASSING.includes(status)
    this.description = more.description
    this.retry_after = more.retry_after
  }
}

interface Answer {
  error?: { status?: string; code?: number; message?: string; details?: { reason?: string }[] }
}

/** Makes an error of Google's error body; https://google.aip.dev/193. */
export function errorOf(http: number, answer: unknown, retryAfter?: string | null): PhotosError {
  const { status, code, message, details } = (answer as Answer | undefined)?.error ?? {}
  const isDisabled = details?.some?.(({ reason }) => reason === 'SERVICE_DISABLED')
  const named = status ?? NAMES[code ?? 0] ?? NAMES_BY_HTTP[http] ?? 'UNKNOWN'
  const name = isDisabled ? 'SERVICE_DISABLED' : named
  const retry_after = Number(retryAfter) || undefined
  return new PhotosError(http, name, { description: message, retry_after })
}

/** Whether a failure passes by itself: it is worth to wait for, and nothing is lost. */
export function isPassing(error: unknown): error is { retry_after?: number | undefined } {
  return (error instanceof PhotosError || error instanceof BrokerError) && error.isPassing
}

/** Whether the user has to connect first. */
export function isNotConnected(error: unknown): boolean {
  const codes = ['login_required', 'consent_required']
  return error instanceof BrokerError && codes.includes(error.code)
}
