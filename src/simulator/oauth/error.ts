/** Errors of the OAuth endpoints, in JSON as Google answers them (RFC 6749 §5.2). */

import { HTTPException } from 'hono/http-exception'

const STATUS: Readonly<Record<string, number>> = { invalid_client: 401, unauthorized_client: 401 }

/** Makes the exception that ends a request with an OAuth error. */
export function oauthError(error: string, error_description: string): HTTPException {
  const status = STATUS[error] ?? 400
  return new HTTPException(status as 400, {
    res: oauthAnswer({ error, error_description }, status),
  })
}

/** Answers in JSON that must not be cached. */
export function oauthAnswer(body: object, status = 200): Response {
  const headers = {
    'Cache-Control': 'no-cache, no-store, max-age=0, must-revalidate',
    Pragma: 'no-cache',
  }
  return Response.json(body, { status, headers })
}
