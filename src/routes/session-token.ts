/** This file is `POST /session/token`: the hand-out in cookie mode. */

import {
  integer,
  maxLength,
  maxValue,
  minValue,
  number,
  optional,
  pipe,
  regex,
  strictObject,
  string,
} from 'valibot'
import type { TokenResponse } from '../protocol/http.ts'
import { authenticateSession } from './guards/cookie-mode.ts'
import { findBundle } from './guards/lookup.ts'
import { audit, type BrokerContext, readJson } from './http/context.ts'
import {
  DEFAULT_MIN_TTL_SECONDS,
  issueToken,
  MAX_MIN_TTL_SECONDS,
  TOKEN_HASH,
} from './issue-token.ts'

const BODY = strictObject({
  bundle: pipe(string(), maxLength(64)),
  min_ttl: optional(
    pipe(number(), integer(), minValue(0), maxValue(MAX_MIN_TTL_SECONDS)),
    DEFAULT_MIN_TTL_SECONDS,
  ),
  rejected: optional(pipe(string(), regex(TOKEN_HASH))),
})

/** Answers a session with an access token of a bundle. */
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
