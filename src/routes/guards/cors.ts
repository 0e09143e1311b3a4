/** CORS: each origin of a client, compared exactly, in its one mode. */

import type { MiddlewareHandler } from 'hono'
import { type Client, type ClientMode, hasOrigin, modeOf } from '../../config/clients.ts'
import { BrokerError, type Reason } from '../../errors.ts'
import type { BrokerContext, BrokerEnv } from '../http/context.ts'

/** The headers that a script may send and read; only cookie mode also sends credentials (TMB-39). */
const HEADERS: Record<ClientMode, { allow: string; expose: string }> = {
  cookie: { allow: 'Content-Type, X-Requested-With', expose: 'Retry-After, Server-Timing' },
  oauth: {
    allow: 'Authorization, Content-Type, DPoP, User-Agent', // the last is set by arctic; Chromium drops it
    expose: 'Date, DPoP-Nonce, Retry-After, Server-Timing, WWW-Authenticate',
  },
}

/** How long browsers may cache a preflight, in seconds (TMB-35). */
const MAX_AGE_SECONDS = '600'

/**
 * Answers preflights, and lets scripts of allowed origins read the other answers. Nothing that the browser asks for
 * is reflected (TMB-35).
 *
 * @param modes the modes in which this path is used
 * @throws {BrokerError} access_denied: a preflight of another origin
 * @see https://fetch.spec.whatwg.org/#http-cors-protocol
 */
export function cors(
  methods: readonly string[],
  modes: readonly ClientMode[],
): MiddlewareHandler<BrokerEnv> {
  return async function cors(c, next) {
    const origin = c.req.header('Origin')
    const mode = modes.find((mode) => origin !== undefined && clientsAt(c, origin, mode).length > 0)
    if (origin !== undefined && mode) {
      c.header('Access-Control-Allow-Origin', origin)
      c.header('Access-Control-Expose-Headers', HEADERS[mode].expose)
      if (mode === 'cookie') c.header('Access-Control-Allow-Credentials', 'true')
    }
    if (c.req.method !== 'OPTIONS') return next()
    if (!mode || !c.req.header('Access-Control-Request-Method'))
      throw new BrokerError(originRefusal(c))
    return c.body(null, 204, {
      'Access-Control-Allow-Headers': HEADERS[mode].allow,
      'Access-Control-Allow-Methods': methods.join(', '),
      'Access-Control-Max-Age': MAX_AGE_SECONDS,
    })
  }
}

/** Lists the clients of a mode that have this origin. */
export function clientsAt(c: BrokerContext, origin: string, mode: ClientMode): Client[] {
  const clients = [...c.get('config').clients.values()]
  return clients.filter((client) => modeOf(client) === mode && hasOrigin(client, origin))
}

/**
 * Requires that the `Origin` header, if there is one, is an origin of an OAuth client. A request without it did not
 * come from a script of a page, and still needs a credential.
 *
 * @param client if it is known: only its own origins are allowed
 * @throws {BrokerError} access_denied (TMB-36, TMB-44)
 */
export function requireOAuthOrigin(c: BrokerContext, client?: Client): void {
  const origin = c.req.header('Origin')
  const isAllowed =
    origin === undefined ||
    (client ? hasOrigin(client, origin) : clientsAt(c, origin, 'oauth').length > 0)
  if (!isAllowed) throw new BrokerError(client ? 'origin_of_other_client' : originRefusal(c))
}

/** Says why the origin of a request may not make it. */
export function originRefusal(c: BrokerContext): Reason {
  const origin = c.req.header('Origin')
  if (origin === undefined) return 'origin_missing'
  const isKnown = [...c.get('config').clients.values()].some((client) => hasOrigin(client, origin))
  return isKnown ? 'origin_of_other_mode' : 'origin_unknown'
}
