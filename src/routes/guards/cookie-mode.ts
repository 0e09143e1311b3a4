/** The guard of cookie mode: checks that a script of an allowed origin sent the request, and finds its session. */

import type { Client } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import { clearedCookie, readCookies, SESSION_COOKIE_PREFIX } from '../../session/cookies.ts'
import { openSession, type Session } from '../../session/session-cookie.ts'
import { type BrokerContext, setAuditFields } from '../http/context.ts'
import { clientsAt, originRefusal } from './cors.ts'
import { connectUrl } from './lookup.ts'
import type { Principal } from './principal.ts'

/** The value of the custom header, which no cross-site form can send (TMB-37). */
const REQUESTED_WITH = 'photos-token-broker'

/** A request of a script of an allowed origin, with a session or without. */
export interface CookieRequest {
  origin: string
  /** The clients that have this origin. */
  clients: readonly Client[]
  /** From the cookie; only the Durable Object knows whether the session has ended. */
  session?: Session
}

/**
 * Checks a request of cookie mode before any other work, and reads its session cookie.
 *
 * @throws {BrokerError} access_denied: the origin is missing or not allowed (TMB-36, TMB-38); invalid_request: no
 *   custom header (TMB-37), or a second credential (TMB-39)
 */
export async function readCookieRequest(c: BrokerContext): Promise<CookieRequest> {
  const origin = readOrigin(c)
  const clients = origin === undefined ? [] : clientsAt(c, origin, 'cookie')
  if (origin === undefined || clients.length === 0) throw new BrokerError(originRefusal(c))
  if (!isSentByScript(c)) throw new BrokerError('sent_by_no_script')
  if (c.req.header('X-Requested-With') !== REQUESTED_WITH)
    throw new BrokerError('custom_header_missing')
  if (c.req.header('Authorization') !== undefined) throw new BrokerError('two_credentials')
  const cookies = readCookies(c.get('config'), c.req.header('Cookie'))
  for (const { id } of clients) {
    const session = await openSession(c.get('config'), id, cookies)
    if (session) return { origin, clients, session }
  }
  for (const name of clients.map(({ id }) => SESSION_COOKIE_PREFIX + id)) {
    const isUnusable = cookies.names.includes(name)
    if (isUnusable) c.header('Set-Cookie', clearedCookie(c.get('config'), name), { append: true })
  }
  return { origin, clients }
}

/**
 * Authenticates a request by its session cookie.
 *
 * @throws {BrokerError} login_required: no session; else what `readCookieRequest` throws
 */
export async function authenticateSession(c: BrokerContext): Promise<Principal> {
  const request = await readCookieRequest(c)
  const principal = toPrincipal(c, request)
  if (!principal) throw loginRequired(c, request)
  return principal
}

/** Makes the principal of a request; `undefined` without a session. */
export function toPrincipal(c: BrokerContext, request: CookieRequest): Principal | undefined {
  const { clients, origin, session } = request
  const client = clients.find(({ id }) => id === session?.client)
  if (!session || !client) return undefined
  const { id, sub, subject } = session
  setAuditFields(c, { subject, client: client.id })
  return {
    ...{ client, sub, subject, credential: { kind: 'session', id } },
    connectUrl: (bundle) => connectUrl(c.get('config'), client, bundle, origin),
    toClientError: (error, bundle) =>
      error.failure.code === 'login_required' ? loginRequired(c, request, bundle) : error,
  }
}

/**
 * Makes the error for a missing session, with the URL at which one begins.
 *
 * The cookie of an ended session is not cleared: another tab may have set a new one with the same name.
 */
function loginRequired(
  c: BrokerContext,
  { origin, clients, session }: CookieRequest,
  bundle?: string,
): BrokerError {
  const client = clients.find(({ id }) => id === session?.client) ?? clients[0]
  const members = client && { connect_url: connectUrl(c.get('config'), client, bundle, origin) }
  return new BrokerError('no_session', members ? { members } : {})
}

/**
 * Browsers omit `Origin` in a same-origin GET, but then send `Sec-Fetch-Site`, or in Safari before 16.4 only `Referer`.
 * None of these can be set by a page of another origin.
 */
function readOrigin(c: BrokerContext): string | undefined {
  const given = c.req.header('Origin')
  if (given !== undefined) return given
  const { origin } = c.get('config')
  const site = c.req.header('Sec-Fetch-Site')
  const isSameOrigin =
    site === undefined ? c.req.header('Referer')?.startsWith(`${origin}/`) : site === 'same-origin'
  return isSameOrigin ? origin : undefined
}

/** Not a navigation, an image or a request from another site; W3C Fetch Metadata §2. A missing header is allowed. */
function isSentByScript(c: BrokerContext): boolean {
  const is = (name: string, ...values: string[]): boolean =>
    values.includes(c.req.header(name) ?? (values[0] as string))
  return (
    is('Sec-Fetch-Site', 'same-origin', 'same-site') &&
    is('Sec-Fetch-Mode', 'cors', 'same-origin') &&
    is('Sec-Fetch-Dest', 'empty')
  )
}
