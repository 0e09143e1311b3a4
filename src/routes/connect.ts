/** `GET /connect`: starts a consent in cookie mode. */

import type { Bundle } from '../config/bundles.ts'
import type { Client } from '../config/clients.ts'
import { BrokerError, failureOf, type Reason } from '../errors.ts'
import { readCookies } from '../session/cookies.ts'
import { openSession } from '../session/session-cookie.ts'
import { askSubject } from '../subject/stub.ts'
import { approvalPage } from './consent/approval-page.ts'
import type { AuthorizationStart } from './consent/authorization-start.ts'
import { requireTopLevelNavigation, startAuthorization } from './consent/authorization-start.ts'
import { limit } from './guards/limits.ts'
import { findBundle, findCookieClient, findReturnTo } from './guards/lookup.ts'
import type { BrokerContext } from './http/context.ts'
import { keepOpener } from './http/headers.ts'
import { readQuery } from './http/read-request.ts'

/** Starts a consent. A navigation from another site is confirmed by the user first. */
export async function connect(c: BrokerContext): Promise<Response> {
  requireTopLevelNavigation(c)
  await limit(c, 'START_LIMIT')
  const config = c.get('config')
  const query = readQuery(c)
  if (query.has('scope')) throw new BrokerError('scope_not_choosable')
  const client = findCookieClient(config, query.get('client'))
  const bundle = findBundle(config, client, query.get('bundle'))
  const return_to = findReturnTo(config, client, query.get('return_to'))
  const display = isGiven(query, 'display', 'popup', 'display_unknown') ? 'popup' : 'page'
  const select_account = isGiven(query, 'prompt', 'select_account', 'prompt_not_select_account')
  if (display === 'popup') keepOpener(c)
  if (c.req.header('Sec-Fetch-Site') === 'cross-site') {
    const refuse = new URL(return_to)
    for (const [name, value] of Object.entries({ connect: 'error', error: 'access_denied' }))
      refuse.searchParams.set(name, value)
    return approvalPage(c, {
      name: client.name ?? client.id,
      origin: refuse.origin,
      bundle,
      go_on: `?${query}`,
      refuse: refuse.href,
    })
  }
  const bound = await bindToSession(c, client, bundle)
  return startAuthorization(c, { client, bundle, return_to, display, select_account, ...bound })
}

/** Binds the consent to the subject of the session, if there is a live one. */
async function bindToSession(
  c: BrokerContext,
  client: Client,
  { scopes }: Bundle,
): Promise<Pick<AuthorizationStart, 'session' | 'login_hint' | 'needs_refresh_token'>> {
  const session = await openSession(
    c.get('config'),
    client.id,
    readCookies(c.get('config'), c.req.header('Cookie')),
  )
  if (!session) return { needs_refresh_token: false }
  const { id, sub, subject } = session
  try {
    const { family_id = '', granted } = await askSubject(c.env.SUBJECTS, subject, (stub) =>
      stub.beginConsent({ kind: 'session', id }, scopes.join(' ')),
    )
    return { session: { family_id, subject }, login_hint: sub, needs_refresh_token: !granted }
  } catch (error) {
    if (failureOf(error).code !== 'login_required') throw error
    return { needs_refresh_token: false }
  }
}

/** Whether a parameter has its only allowed value; `false` if it is omitted. */
function isGiven(query: URLSearchParams, name: string, allowed: string, reason: Reason): boolean {
  const value = query.get(name)
  if (value !== null && value !== allowed) throw new BrokerError(reason)
  return value === allowed
}
