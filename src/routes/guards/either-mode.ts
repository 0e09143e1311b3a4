/** The guard of the endpoints that both modes share. */

import type { BrokerContext } from '../http/context.ts'
import { authenticateSession } from './cookie-mode.ts'
import { clientsAt } from './cors.ts'
import { authenticateToken } from './oauth-mode.ts'
import type { Principal } from './principal.ts'

/**
 * Authenticates a request in its mode.
 *
 * @throws {BrokerError} what `authenticateToken` or `authenticateSession` throws
 */
export async function authenticate(c: BrokerContext): Promise<Principal> {
  return isOAuthCall(c) ? authenticateToken(c) : authenticateSession(c)
}

/**
 * Whether a request is one of OAuth mode: it has an `Authorization` header, or comes from an origin of OAuth mode. From
 * an origin of cookie mode it always counts as cookie mode (TMB-39).
 */
export function isOAuthCall(c: BrokerContext): boolean {
  const origin = c.req.header('Origin')
  const isAt = (mode: 'cookie' | 'oauth'): boolean =>
    origin !== undefined && clientsAt(c, origin, mode).length > 0
  return c.req.header('Authorization') === undefined ? isAt('oauth') : !isAt('cookie')
}
