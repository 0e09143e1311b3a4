/** This file is `POST /token`: which grant is meant, what may be wished for, and the one form of the answer. */

import { BrokerError } from '../../errors.ts'
import type { OAuthTokenResponse } from '../../protocol/http.ts'
import { requireOAuthOrigin } from '../guards/cors.ts'
import { audit, type BrokerContext, type Parameters, readForm } from '../http/context.ts'
import { redeemCode } from './grant-code.ts'
import { exchangeToken } from './grant-exchange.ts'
import { refreshToken } from './grant-refresh.ts'

type Grant = (c: BrokerContext, form: Parameters) => Promise<OAuthTokenResponse>

/** The grant types, by the names of RFC 6749 §4.1.3 and §6, and RFC 8693 §2.1. */
const GRANTS: ReadonlyMap<string, Grant> = new Map([
  ['authorization_code', redeemCode],
  ['refresh_token', refreshToken],
  ['urn:ietf:params:oauth:grant-type:token-exchange', exchangeToken],
])

/** The names of the grant types, for the metadata. */
export const GRANT_TYPES = [...GRANTS.keys()]

/**
 * Answers a grant with tokens.
 *
 * @see RFC 6749 §5
 */
export async function token(c: BrokerContext): Promise<Response> {
  requireOAuthOrigin(c)
  const form = await readForm(c)
  const grant_type = form.get('grant_type')
  if (grant_type === undefined) throw new BrokerError('invalid_request', 'grant_type_missing')
  const grant = GRANTS.get(grant_type)
  if (!grant) throw new BrokerError('unsupported_grant_type', 'grant_type_unknown')
  c.header('Pragma', 'no-cache') // RFC 6749 §5.1, for caches that know nothing newer
  const answer = await grant(c, form)
  audit(c, 'token_issued', { bundle: answer.scope })
  return c.json(answer)
}
