/** This file is `GET /connect`: a browser is sent to Google, with what it has to bring back sealed into its own cookie. */

import type { Bundle } from '../config/bundles.ts'
import type { Client } from '../config/clients.ts'
import { BrokerError } from '../errors.ts'
import { readCookies } from '../session/cookies.ts'
import { openSession } from '../session/session-cookie.ts'
import { askSubject } from '../subject/stub.ts'
import {
  type AuthorizationStart,
  keepOpener,
  requireTopLevelNavigation,
  startAuthorization,
} from './consent/authorization-start.ts'
import { limitAddress } from './guards/limits.ts'
import { findBundle, findCookieClient, findReturnTo } from './guards/lookup.ts'
import { type BrokerContext, readQuery } from './http/context.ts'
import { confirmationPage } from './http/pages.ts'

/** Begins a consent. A navigation of the user's own goes on at once; one that another site began is asked about first. */
export async function connect(c: BrokerContext): Promise<Response> {
  requireTopLevelNavigation(c)
  await limitAddress(c, 'START_LIMIT')
  const query = readQuery(c)
  if (query.has('scope')) throw new BrokerError('invalid_request', 'scope_not_choosable')
  const client = findCookieClient(c.get('config'), query.get('client'))
  const bundle = findBundle(c.get('config'), client, query.get('bundle'))
  const return_to = findReturnTo(c.get('config'), client, query.get('return_to'))
  const display = oneOf(query.get('display'), 'popup') ? 'popup' : 'page'
  const select_account = oneOf(query.get('prompt'), 'select_account')
  if (display === 'popup') keepOpener(c)
  if (c.req.header('Sec-Fetch-Site') === 'cross-site') {
    return confirmationPage(c, {
      app: new URL(return_to).host,
      reason: bundle.reason,
      href: `?${query}`,
    })
  }
  return startAuthorization(c, {
    client,
    bundle,
    return_to,
    display,
    select_account,
    ...(await sessionOf(c, client, bundle)),
  })
}

/** A live session binds the consent to its subject; without one, the user is whoever consents. */
async function sessionOf(
  c: BrokerContext,
  client: Client,
  { scopes }: Bundle,
): Promise<Pick<AuthorizationStart, 'session' | 'login_hint' | 'needs_refresh_token'>> {
  const session = await openSession(c.get('config'), client.id, readCookies(c.req.header('Cookie')))
  if (!session) return { needs_refresh_token: false }
  try {
    const { family_id = '', granted } = await askSubject(
      c.env.SUBJECTS,
      session.subject,
      (subject) => subject.beginConsent({ kind: 'session', id: session.id }, scopes.join(' ')),
    )
    return {
      session: { family_id, subject: session.subject },
      login_hint: session.sub,
      needs_refresh_token: !granted,
    }
  } catch (error) {
    if (error instanceof BrokerError && error.failure.code === 'login_required')
      return { needs_refresh_token: false }
    throw error
  }
}

function oneOf(value: string | null, allowed: string): boolean {
  if (value !== null && value !== allowed)
    throw new BrokerError('invalid_request', 'parameter_value')
  return value === allowed
}
