/** `POST /session/token`: issues an access token in cookie mode. */

import * as v from 'valibot'
import type { TokenResponse } from '../protocol/http.ts'
import { authenticateSession } from './guards/cookie-mode.ts'
import { findBundle } from './guards/lookup.ts'
import { audit, type BrokerContext } from './http/context.ts'
import { BUNDLE_NAME, readJson } from './http/read-request.ts'
import { issueToken, MIN_TTL_SECONDS, TOKEN_HASH } from './issue-token.ts'

/** The messages are the reasons of the errors. */
const isSeconds = (value: number): boolean =>
  Number.isInteger(value) && value >= 0 && value <= MIN_TTL_SECONDS.max
const MIN_TTL = v.pipe(v.number('min_ttl_shape'), v.check(isSeconds, 'min_ttl_shape'))

const BODY = v.strictObject({
  bundle: BUNDLE_NAME,
  min_ttl: v.optional(MIN_TTL, MIN_TTL_SECONDS.default),
  rejected: v.optional(v.pipe(v.string('rejected_shape'), v.regex(TOKEN_HASH, 'rejected_shape'))),
})

/** Issues an access token of a bundle to a session. */
export async function sessionToken(c: BrokerContext): Promise<Response> {
  const principal = await authenticateSession(c)
  const { bundle: name, ...preferences } = await readJson(c, BODY)
  const bundle = findBundle(c.get('config'), principal.client, name)
  const { access_token, expires_in, scope } = await issueToken(c, principal, bundle, preferences)
  audit(c, 'token_issued')
  const body: TokenResponse = {
    access_token,
    token_type: 'Bearer',
    expires_in,
    scope,
    bundle: name,
  }
  return c.json(body)
}
