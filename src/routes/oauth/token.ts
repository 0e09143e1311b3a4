/** `POST /token`: the token endpoint, with one function for each grant type. */

import { BrokerError, failureOf, type Reason } from '../../errors.ts'
import type { OAuthTokenResponse } from '../../protocol/http.ts'
import { requireOAuthOrigin } from '../guards/cors.ts'
import { readClientForm } from '../guards/oauth-mode.ts'
import { audit, type BrokerContext } from '../http/context.ts'
import { type Parameters, required } from '../http/read-request.ts'
import { redeemCode } from './grant-code.ts'
import { exchangeToken } from './grant-exchange.ts'
import { refreshToken } from './grant-refresh.ts'

type Grant = (c: BrokerContext, form: Parameters) => Promise<OAuthTokenResponse>

/** By `grant_type`; RFC 6749 §4.1.3 and §6, RFC 8693 §2.1. */
const GRANTS: ReadonlyMap<string, Grant> = new Map([
  ['authorization_code', redeemCode],
  ['refresh_token', refreshToken],
  ['urn:ietf:params:oauth:grant-type:token-exchange', exchangeToken],
])

/** The supported values of `grant_type`. */
export const GRANT_TYPES = [...GRANTS.keys()]

/**
 * Answers a token request.
 *
 * @throws {BrokerError} unsupported_grant_type; else what the function of the grant type throws
 * @see RFC 6749 §5
 */
export async function token(c: BrokerContext): Promise<Response> {
  requireOAuthOrigin(c)
  const form = await readClientForm(c)
  const grant = GRANTS.get(required(form, 'grant_type'))
  if (!grant) throw new BrokerError('grant_type_unknown')
  c.header('Pragma', 'no-cache') // RFC 6749 §5.1
  const response = await grant(c, form).catch(refuseGrant)
  audit(c, 'token_issued', { bundle: response.scope })
  return c.json(response)
}

/** What refuses a grant is 400 at this endpoint, whatever its status is elsewhere; RFC 6749 §5.2. */
function refuseGrant(error: unknown): never {
  const { code, reason, ...more } = failureOf(error)
  const isRefusal = code === 'consent_required' || REFUSALS.includes(reason)
  throw isRefusal ? new BrokerError(reason, { ...more, code, status: 400, cause: error }) : error
}

const REFUSALS: readonly Reason[] = ['bundle_not_allowed', 'code_of_another_user']
