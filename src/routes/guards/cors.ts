/** This file is who may call from where: exact origins, each in its one mode, and the headers that let it read answers. */

import type { MiddlewareHandler } from 'hono'
import { type Client, type ClientMode, modeOf } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import type { BrokerContext, BrokerEnv } from '../http/context.ts'

/** What a script may send and read, by its mode; the cookie goes along in one of them only (TMB-39). */
const HEADERS: Record<ClientMode, { allow: string; expose: string }> = {
  cookie: {
    allow: 'Content-Type, X-Requested-With',
    expose: 'Retry-After, Server-Timing',
  },
  oauth: {
    allow: 'Authorization, Content-Type, DPoP',
    expose: 'Date, DPoP-Nonce, Retry-After, Server-Timing, WWW-Authenticate',
  },
}

/** The longest that browsers may remember a preflight (TMB-35). */
const MAX_AGE_SECONDS = '600'

/**
 * Answers preflights, and gives answers to allowed origins the headers that let them be read.
 *
 * Exact matches only; what the browser asks for is never reflected (TMB-35).
 *
 * @param modes the modes in which this path is called
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
      throw new BrokerError('access_denied', 'origin_not_allowed')
    return c.body(null, 204, {
      'Access-Control-Allow-Headers': HEADERS[mode].allow,
      'Access-Control-Allow-Methods': methods.join(', '),
      'Access-Control-Max-Age': MAX_AGE_SECONDS,
    })
  }
}

/** The clients of a mode that an origin belongs to. */
export function clientsAt(c: BrokerContext, origin: string, mode: ClientMode): Client[] {
  const clients = [...c.get('config').clients.values()]
  return clients.filter((client) => modeOf(client) === mode && client.origins.has(origin))
}

/**
 * Refuses what a browser says comes from a page that is none of an OAuth client's, before any work is done.
 *
 * Nothing but a browser's scripts names an origin; whoever names none has to show a credential like all others.
 *
 * @param client once it is known: its own origins only
 * @throws {BrokerError} `access_denied` (TMB-36, TMB-44)
 */
export function requireOAuthOrigin(c: BrokerContext, client?: Client): void {
  const origin = c.req.header('Origin')
  const isAllowed =
    origin === undefined ||
    (client ? client.origins.has(origin) : clientsAt(c, origin, 'oauth').length > 0)
  if (!isAllowed) throw new BrokerError('access_denied', 'origin_not_allowed')
}
