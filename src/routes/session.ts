/** This file is `GET /session` and `DELETE /session`: what a session may have, and its end. */

import { BrokerError, success } from '../errors.ts'
import type { BundleStatus, SessionResponse } from '../protocol.ts'
import { clearedCookie, SESSION_COOKIE_PREFIX } from '../session/cookie.ts'
import { askSubject } from '../subject/stub.ts'
import type { ScopeStatus } from '../subject/subject.ts'
import { type BrokerContext, readQuery } from './context.ts'
import { connectUrl } from './find.ts'
import { admit, admitSession, loginRequired, type SessionCaller } from './guard.ts'

/** Says for each bundle of the client whether it can be had; mints nothing. */
export async function describeSession(c: BrokerContext): Promise<Response> {
  const caller = await admitSession(c)
  const { session, client } = caller
  const bundles = [...client.bundles].flatMap((name) => c.var.config.bundles.get(name) ?? [])
  const scopes = bundles.map(({ scopes }) => scopes.join(' '))
  const asking = askSubject(c.env.SUBJECTS, session.subject, (subject) =>
    subject.describe(session.id, scopes),
  )
  const statuses = await c.var.timings.measure('do', orLoginRequired(c, caller, asking))
  const body: SessionResponse = {
    sub: session.sub,
    client: client.id,
    bundles: Object.fromEntries(
      bundles.map(({ name, scopes }, index) => [
        name,
        toBundleStatus(c, caller, name, scopes.join(' '), statuses[index]),
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
  const { session } = await admit(c)
  const all = readQuery(c).get('all')
  if (all !== null && all !== 'true') throw new BrokerError('invalid_request', 'all_not_true')
  if (session) {
    const ending = askSubject(c.env.SUBJECTS, session.subject, async (subject) =>
      success(await subject.endSession(session.id, all === 'true')),
    )
    await c.var.timings.measure('do', ending)
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

/** Turns the Durable Object's word that a session has ended into the answer of a caller without one. */
export async function orLoginRequired<T>(
  c: BrokerContext,
  caller: SessionCaller,
  asking: Promise<T>,
): Promise<T> {
  try {
    return await asking
  } catch (error) {
    if (error instanceof BrokerError && error.failure.code === 'login_required')
      throw loginRequired(c, caller)
    throw error
  }
}

function toBundleStatus(
  c: BrokerContext,
  { client, origin }: SessionCaller,
  bundle: string,
  scope: string,
  status: ScopeStatus | undefined,
): BundleStatus {
  if (!status || status.status === 'unavailable') return { status: 'unavailable' }
  if (status.status === 'ready') return { status: 'ready', scope, granted_at: status.granted_at }
  return { ...status, bundle, connect_url: connectUrl(c.var.config, client, bundle, origin) }
}
