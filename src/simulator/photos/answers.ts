/** Answers of the Photos APIs: errors in Google's JSON, and pages of lists. */

import { HTTPException } from 'hono/http-exception'

interface ApiError {
  code: number
  message: string
  /** Default: the name of the error. */
  status?: string
  /** The reason in `details`. */
  reason?: string
}

/** The errors of the APIs by name: the status, or the reason where that says more. */
const ERRORS = {
  INVALID_ARGUMENT: { code: 400, message: 'Request contains an invalid argument.' },
  FAILED_PRECONDITION: { code: 400, message: 'The user has no Google Photos account.' },
  UNAUTHENTICATED: {
    code: 401,
    message:
      'Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie or other valid authentication credential.',
  },
  PERMISSION_DENIED: {
    code: 403,
    message: 'Request had insufficient authentication scopes.',
    reason: 'ACCESS_TOKEN_SCOPE_INSUFFICIENT',
  },
  SERVICE_DISABLED: {
    code: 403,
    message: 'The Photos API has not been used in this project before or it is disabled.',
    status: 'PERMISSION_DENIED',
    reason: 'SERVICE_DISABLED',
  },
  NOT_FOUND: { code: 404, message: 'Requested entity was not found.' },
  RESOURCE_EXHAUSTED: {
    code: 429,
    message: 'Quota exceeded for this project.',
    reason: 'RATE_LIMIT_EXCEEDED',
  },
  INTERNAL: { code: 500, message: 'Internal error encountered.' },
  UNAVAILABLE: { code: 503, message: 'The service is currently unavailable.' },
} satisfies Record<string, ApiError>

/** The name of an error of the APIs. */
export type ApiErrorName = keyof typeof ERRORS

/** The names of all errors. */
export const API_ERRORS = Object.keys(ERRORS) as ApiErrorName[]

/** Makes the answer of an error, as in https://cloud.google.com/apis/design/errors. */
export function apiAnswer(
  name: ApiErrorName,
  { message, headers = new Headers() }: { message?: string | undefined; headers?: Headers } = {},
): Response {
  const { code, status = name, reason, ...usual }: ApiError = ERRORS[name]
  const type = 'type.googleapis.com/google.rpc.ErrorInfo'
  const details = [{ '@type': type, reason, domain: 'googleapis.com' }]
  const error = { code, message: message ?? usual.message, status, ...(reason && { details }) }
  return Response.json({ error }, { status: code, headers })
}

/** Makes the exception that ends a call with an error. */
export function apiError(name: ApiErrorName, message?: string): HTTPException {
  const res = apiAnswer(name, { message })
  return new HTTPException(res.status as 400, { res })
}

/** Cuts a page of `usual` or at most `most` items out of a list. @throws {HTTPException} INVALID_ARGUMENT */
export function pageOf<Item>(
  items: readonly Item[],
  asked: { pageSize?: number | string | undefined; pageToken?: string | undefined },
  { usual, most }: { usual: number; most: number },
): { items: readonly Item[]; nextPageToken?: string } {
  const size = Number(asked.pageSize ?? usual) || usual
  if (!Number.isInteger(size) || size < 1)
    throw apiError('INVALID_ARGUMENT', 'pageSize is not a positive number.')
  const start = asked.pageToken ? startOf(asked.pageToken) : 0
  const end = start + Math.min(size, most)
  return {
    items: items.slice(start, end),
    ...(end < items.length ? { nextPageToken: btoa(`from ${end}`) } : {}),
  }
}

function startOf(pageToken: string): number {
  try {
    const [, start] = /^from (\d+)$/.exec(atob(pageToken)) ?? []
    if (start !== undefined) return Number(start)
  } catch {
    // Not base64: not valid either.
  }
  throw apiError('INVALID_ARGUMENT', 'Invalid page token.')
}
