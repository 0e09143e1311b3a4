/** `GET /session` describes a session; `DELETE /session` ends it. */

import type { Bundle } from '../config/bundles.ts'
import { BrokerError } from '../errors.ts'
import type { BundleStatus, SessionResponse } from '../protocol/http.ts'
import { clearedCookie, SESSION_COOKIE_PREFIX } from '../session/cookies.ts'
import type { Session } from '../session/session-cookie.ts'
import type { ScopeStatus } from '../subject/grants.ts'
import { askSubject } from '../subject/stub.ts'
import { readCookieRequest } from './guards/cookie-mode.ts'
import { authenticate, isOAuthCall } from './guards/either-mode.ts'
import { askSubjectAs, connectMember, type Principal } from './guards/principal.ts'
import { audit, type BrokerContext } from './http/context.ts'
import { readQuery } from './http/read-request.ts'

/**
 * Reports the status of each bundle of the client; issues no token. With `optional=true` the answer without a session is
 * an empty 204: a page that only asks whether there is one then shows no error in the console.
 */
export async function describeSession(c: BrokerContext): Promise<Response> {
  const isOptional = readFlag(c, 'optional')
  try {
    return await describeSessionOf(c, await authenticate(c))
  } catch (error) {
    const isAbsent = error instanceof BrokerError && error.failure.code === 'login_required'
    if (isOptional && isAbsent) return c.body(null, 204)
    throw error
  }
}

async function describeSessionOf(c: BrokerContext, principal: Principal): Promise<Response> {
  const { credential, client, sub } = principal
  const bundles = [...client.bundles].flatMap((name) => c.get('config').bundles.get(name) ?? [])
  const scopes = bundles.map(({ scopes }) => scopes.join(' '))
  const statuses = await askSubjectAs(c, principal, (stub) =>
    stub.describeScopes(credential, scopes),
  )
  const entries = bundles.map((bundle, index) => {
    return [bundle.name, toBundleStatus(principal, bundle, statuses[index])] as const
  })
  const body: SessionResponse = { sub, client: client.id, bundles: Object.fromEntries(entries) }
  return c.json(body)
}

/**
 * Logs out: ends this session, or with `all=true` all sessions of its subject. Grants and issued access tokens stay.
 * The answer is the same without a session (TMB-64).
 */
export async function endSession(c: BrokerContext): Promise<Response> {
  const all = readFlag(c, 'all')
  if (isOAuthCall(c)) {
    const { client, credential, subject } = await authenticate(c)
    if (credential.kind === 'session')
      await endSessionOf(c, { id: credential.id, client: client.id, subject }, all)
    return c.body(null, 204)
  }
  const { session } = await readCookieRequest(c)
  if (session) await endSessionOf(c, session, all)
  return answerLoggedOut(c, session?.client)
}

/**
 * Ends a session, or all sessions of its subject.
 *
 * @throws {BrokerError} temporarily_unavailable: it has ended, but KV has not taken that; the cookie stays, so that the
 *   call can be repeated
 */
export async function endSessionOf(
  c: BrokerContext,
  { id, subject, client }: Pick<Session, 'id' | 'subject' | 'client'>,
  all: boolean,
): Promise<void> {
  const ending = askSubject(c.env.SUBJECTS, subject, (stub) => stub.endSession(id, all))
  await c.get('timings').measure('do', ending)
  audit(c, 'session_ended', { subject, client })
}

/** Answers 204, and has the browser delete the session cookie of a client; other data of its origin is the app's. */
export function answerLoggedOut(c: BrokerContext, client: string | undefined): Response {
  if (client !== undefined)
    c.header('Set-Cookie', clearedCookie(c.get('config'), SESSION_COOKIE_PREFIX + client), {
      append: true,
    })
  return c.body(null, 204)
}

/** Reads a parameter of the query that can only be `true`. */
function readFlag(c: BrokerContext, name: 'all' | 'optional'): boolean {
  const value = readQuery(c).get(name)
  if (value !== null && value !== 'true')
    throw new BrokerError('flag_not_true', { parameter: name })
  return value !== null
}

function toBundleStatus(
  principal: Principal,
  { name, scopes }: Bundle,
  status: ScopeStatus | undefined,
): BundleStatus {
  if (!status || status.status === 'unavailable') return { status: 'unavailable' }
  if (status.status === 'ready') return { ...status, scope: scopes.join(' ') }
  return { ...status, bundle: name, ...connectMember(principal, name) }
}
