/** The authorization response of OAuth mode: a code or an error for the client. */

import { describe, type Failure } from '../../errors.ts'
import type { AuthorizationError } from '../../protocol/http.ts'
import type { AuthorizationRequest } from '../../session/tokens.ts'
import type { BrokerContext } from '../http/context.ts'
import { keepOpener } from '../http/headers.ts'
import { popupPage } from '../http/pages.ts'

/** Where and how an authorization request is answered. */
export type AnswerTarget = Pick<AuthorizationRequest, 'redirect_uri' | 'response_mode' | 'state'>

/**
 * Sends the response to a redirect URI, which must be one of the client's.
 *
 * @see RFC 6749 §4.1.2, RFC 9207 §2 for `iss`; draft-sakimura-oauth-wmrm for `web_message`
 */
export function answerAuthorization(
  c: BrokerContext,
  { redirect_uri, response_mode, state }: AnswerTarget,
  result: { code: string } | { error: AuthorizationError; failure: Failure },
): Response | Promise<Response> {
  const iss = c.get('config').base_url
  const outcome =
    'code' in result
      ? { code: result.code }
      : { error: result.error, error_description: describe(result.failure) }
  const response = { ...outcome, ...(state === undefined ? {} : { state }), iss }
  const separator = response_mode === 'fragment' ? '#' : redirect_uri.includes('?') ? '&' : '?'
  // Its own query is not rewritten. Some libraries do not read a plus sign as a space.
  const query = new URLSearchParams(response).toString().replaceAll('+', '%20')
  const url = `${redirect_uri}${separator}${query}`
  keepOpener(c)
  if (response_mode !== 'web_message' || isFramed(c)) return c.redirect(url, 303)
  return popupPage(c, {
    message: { type: 'authorization_response', response },
    origin: new URL(redirect_uri).origin,
    is_connected: 'code' in result,
    fallback: url,
  })
}

/** A frame cannot show the page that posts the response. */
function isFramed(c: BrokerContext): boolean {
  return ['iframe', 'frame'].includes(c.req.header('Sec-Fetch-Dest') ?? '')
}
