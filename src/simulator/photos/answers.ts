/** Answers of the Photos APIs: errors in Google's JSON, and pages of lists. */

import { HTTPException } from 'hono/http-exception'

const CODES = {
  INVALID_ARGUMENT: 400,
  FAILED_PRECONDITION: 400,
  UNAUTHENTICATED: 401,
  PERMISSION_DENIED: 403,
  NOT_FOUND: 404,
} as const

/** Makes the exception that ends a call with an error. */
export function apiError(status: keyof typeof CODES, message: string): HTTPException {
  const code = CODES[status]
  const res = Response.json({ error: { code, message, status } }, { status: code })
  return new HTTPException(code, { res })
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
