/** The authorization server metadata; RFC 8414. */

import { DPOP_ALGORITHMS } from '../../session/dpop.ts'
import { RESPONSE_MODES } from '../consent/authorization-request.ts'
import type { BrokerContext } from '../http/context.ts'
import { GRANT_TYPES } from './token.ts'

/** The path of the metadata, which precedes the path of the issuer; RFC 8414 §3. */
export const METADATA_PATH = '/.well-known/oauth-authorization-server'

/** Where most libraries look first; RFC 8414 §5. */
export const OPENID_METADATA_PATH = '/.well-known/openid-configuration'

/** Describes the broker to OAuth libraries, on pages of any origin. */
export function metadata(c: BrokerContext): Response {
  const { base_url, bundles } = c.get('config')
  c.header('Access-Control-Allow-Origin', '*')
  return c.json({
    issuer: base_url,
    authorization_endpoint: `${base_url}/authorize`,
    token_endpoint: `${base_url}/token`,
    pushed_authorization_request_endpoint: `${base_url}/par`,
    revocation_endpoint: `${base_url}/revoke`,
    scopes_supported: [...bundles.keys()],
    response_types_supported: ['code'],
    response_modes_supported: RESPONSE_MODES,
    grant_types_supported: GRANT_TYPES,
    token_endpoint_auth_methods_supported: ['none'],
    revocation_endpoint_auth_methods_supported: ['none'],
    code_challenge_methods_supported: ['S256'],
    dpop_signing_alg_values_supported: DPOP_ALGORITHMS,
    authorization_response_iss_parameter_supported: true,
  })
}
