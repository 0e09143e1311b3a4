/** This file is the door of the calls that both modes share: each caller is sent to the guard of its mode. */

import type { BrokerContext } from '../http/context.ts'
import { authenticateSession } from './cookie-mode.ts'
import { clientsAt } from './cors.ts'
import { authenticateToken } from './oauth-mode.ts'
import type { Principal } from './principal.ts'

/**
 * Lets in a caller of either mode.
 *
 * @throws {BrokerError} what `admitSession` or `admitBearer` throws
 */
export async function authenticate(c: BrokerContext): Promise<Principal> {
  return isOAuthCall(c) ? authenticateToken(c) : authenticateSession(c)
}

/** Whether a call has to show a token; an origin of the other mode never does (TMB-39). */
export function isOAuthCall(c: BrokerContext): boolean {
  const origin = c.req.header('Origin')
  const isAt = (mode: 'cookie' | 'oauth'): boolean =>
    origin !== undefined && clientsAt(c, origin, mode).length > 0
  return c.req.header('Authorization') === undefined ? isAt('oauth') : !isAt('cookie')
}
