/** This file is the guard of the cookie-mode calls: who may call at all, and whose session calls. */

import type { Client } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import { clearedCookie, readCookies, SESSION_COOKIE_PREFIX } from '../../session/cookies.ts'
import { openSession, type Session } from '../../session/session-cookie.ts'
import { type BrokerContext, setAuditFields } from '../http/context.ts'
import { clientsAt } from './cors.ts'
import { connectUrl } from './lookup.ts'
import type { Principal } from './principal.ts'

/** The header that no cross-site form can send (TMB-37). */
const REQUESTED_WITH = 'photos-token-broker'

/** A script of an allowed origin, with a session or without. */
export interface CookieRequest {
  /** Exactly as the browser wrote it, or the broker's own where a browser leaves it out. */
  origin: string
  /** The clients this origin belongs to. */
  clients: readonly Client[]
  /** The session of one of them, as far as its cookie tells. */
  session?: Session
}

/**
 * Lets a cookie-mode call in, before any work is done for it.
 *
 * @throws {BrokerError} `access_denied` for an origin that is not listed or not told (TMB-36, TMB-38),
 *   `invalid_request` without the custom header (TMB-37) or with a second credential (TMB-39)
 */
export async function readCookieRequest(c: BrokerContext): Promise<CookieRequest> {
  const origin = originOf(c)
  const clients = origin === undefined ? [] : clientsAt(c, origin, 'cookie')
  if (origin === undefined || clients.length === 0 || !isScriptCall(c))
    throw new BrokerError('access_denied', 'origin_not_allowed')
  if (c.req.header('X-Requested-With') !== REQUESTED_WITH)
    throw new BrokerError('invalid_request', 'custom_header_missing')
  if (c.req.header('Authorization') !== undefined)
    throw new BrokerError('invalid_request', 'two_credentials')
  const cookies = readCookies(c.req.header('Cookie'))
  for (const { id } of clients) {
    const session = await openSession(c.get('config'), id, cookies)
    if (session) return { origin, clients, session }
  }
  const unusable = clients
    .map(({ id }) => SESSION_COOKIE_PREFIX + id)
    .filter((name) => cookies.names.includes(name))
  for (const name of unusable) c.header('Set-Cookie', clearedCookie(name), { append: true })
  return { origin, clients }
}

/**
 * Lets in whoever has a session, as far as its cookie tells: whether it lives, the Durable Object says.
 *
 * @throws {BrokerError} what `admit` throws, or `login_required`
 */
export async function authenticateSession(c: BrokerContext, bundle?: string): Promise<Principal> {
  const cookieRequest = await readCookieRequest(c)
  const principal = principalOf(c, cookieRequest)
  if (!principal) throw loginRequired(c, cookieRequest, bundle)
  return principal
}

/** The caller a visitor is, if it has a session. */
export function principalOf(c: BrokerContext, cookieRequest: CookieRequest): Principal | undefined {
  const { clients, origin, session } = cookieRequest
  const client = clients.find(({ id }) => id === session?.client)
  if (!session || !client) return undefined
  const { id, sub, subject } = session
  setAuditFields(c, { subject, client: client.id })
  return {
    client,
    sub,
    subject,
    credential: { kind: 'session', id },
    connectUrl: (bundle) => connectUrl(c.get('config'), client, bundle, origin),
    toClientError: (refusal, bundle) =>
      refusal.failure.code === 'login_required' ? loginRequired(c, cookieRequest, bundle) : refusal,
  }
}

/**
 * Refuses a caller without a session, and says where one begins.
 *
 * The cookie of a session that ended is left alone: by the time this answer arrives, another tab may have
 * brought a new session, and its cookie has the same name.
 */
function loginRequired(
  c: BrokerContext,
  { origin, clients, session }: CookieRequest,
  bundle?: string,
): BrokerError {
  const client = clients.find(({ id }) => id === session?.client) ?? clients[0]
  const connect_url = client && connectUrl(c.get('config'), client, bundle, origin)
  return new BrokerError('login_required', 'no_session', {
    members: connect_url === undefined ? {} : { connect_url },
  })
}

/** Browsers leave `Origin` out of a same-origin GET, but say `Sec-Fetch-Site` then. */
function originOf(c: BrokerContext): string | undefined {
  return (
    c.req.header('Origin') ??
    (c.req.header('Sec-Fetch-Site') === 'same-origin' ? c.get('config').origin : undefined)
  )
}

/** Neither a navigation nor an image nor a call from another site; W3C Fetch Metadata §2. */
function isScriptCall(c: BrokerContext): boolean {
  const is = (name: string, ...values: string[]): boolean =>
    values.includes(c.req.header(name) ?? (values[0] as string))
  return (
    is('Sec-Fetch-Site', 'same-origin', 'same-site') &&
    is('Sec-Fetch-Mode', 'cors', 'same-origin') &&
    is('Sec-Fetch-Dest', 'empty')
  )
}
