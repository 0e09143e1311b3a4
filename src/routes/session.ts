/** This file is `GET /session` and `DELETE /session`: what a session may have, and its end. */

import { BrokerError } from '../errors.ts'
import type { BundleStatus, SessionResponse } from '../protocol/http.ts'
import { clearedCookie, SESSION_COOKIE_PREFIX } from '../session/cookies.ts'
import type { ScopeStatus } from '../subject/grants.ts'
import { askSubject } from '../subject/stub.ts'
import { readCookieRequest } from './guards/cookie-mode.ts'
import { authenticate } from './guards/either-mode.ts'
import { type Principal, withClientErrors } from './guards/principal.ts'
import { audit, type BrokerContext, readQuery } from './http/context.ts'

/** Says for each bundle of the client whether it can be had; mints nothing. */
export async function describeSession(c: BrokerContext): Promise<Response> {
  const principal = await authenticate(c)
  const { credential, client, sub } = principal
  const bundles = [...client.bundles].flatMap((name) => c.get('config').bundles.get(name) ?? [])
  const scopes = bundles.map(({ scopes }) => scopes.join(' '))
  const call = askSubject(c.env.SUBJECTS, principal.subject, (subject) =>
    subject.describeScopes(credential, scopes),
  )
  const statuses = await c.get('timings').measure('do', withClientErrors(principal, call))
  const body: SessionResponse = {
    sub,
    client: client.id,
    bundles: Object.fromEntries(
      bundles.map(({ name, scopes }, index) => [
        name,
        toBundleStatus(principal, name, scopes.join(' '), statuses[index]),
      ]),
    ),
  }
  return c.json(body)
}

/**
 * Logs out: ends this session, or with `all=true` every session of its subject; grants stay, and so do access
 * tokens already handed out, until they expire.
 *
 * Somebody who is logged out already is told the same (TMB-64).
 */
export async function endSession(c: BrokerContext): Promise<Response> {
  const { session } = await readCookieRequest(c)
  const all = readQuery(c).get('all')
  if (all !== null && all !== 'true') throw new BrokerError('invalid_request', 'all_not_true')
  if (session) {
    const ending = askSubject(c.env.SUBJECTS, session.subject, (subject) =>
      subject.endSession(session.id, all === 'true'),
    )
    await c.get('timings').measure('do', ending)
    audit(c, 'session_ended', { subject: session.subject, client: session.client })
  }
  return loggedOut(c, session?.client)
}

/** Answers a caller whose session is over, and has the browser drop what it kept of it. */
export function loggedOut(c: BrokerContext, client: string | undefined): Response {
  if (client !== undefined)
    c.header('Set-Cookie', clearedCookie(SESSION_COOKIE_PREFIX + client), { append: true })
  c.header('Clear-Site-Data', '"cache", "storage"')
  return c.body(null, 204)
}

function toBundleStatus(
  principal: Principal,
  bundle: string,
  scope: string,
  status: ScopeStatus | undefined,
): BundleStatus {
  if (!status || status.status === 'unavailable') return { status: 'unavailable' }
  if (status.status === 'ready') return { status: 'ready', scope, granted_at: status.granted_at }
  return { ...status, bundle, connect_url: principal.connectUrl(bundle) }
}
