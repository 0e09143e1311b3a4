/** The start of a consent: a redirect to Google, with the pending authorization in a cookie of this browser. */

import { now } from '../../clock.ts'
import type { Bundle } from '../../config/bundles.ts'
import type { Client } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import { createAuthorizationRequest } from '../../google/authorization-endpoint.ts'
import { readCookies } from '../../session/cookies.ts'
import { type PendingAuthorization, sealPending } from '../../session/pending-authorization.ts'
import { audit, type BrokerContext, setAuditFields } from '../http/context.ts'
import { keepOpener } from '../http/headers.ts'
import { isPrefetch } from '../http/read-request.ts'

/** A consent to ask Google for. */
export interface AuthorizationStart
  extends Pick<PendingAuthorization, 'return_to' | 'display' | 'session' | 'authorization'> {
  client: Client
  bundle: Bundle
  /** Whether Google asks the user which account to use. */
  select_account: boolean
  /** The `sub` of the account that Google offers first. */
  login_hint?: string | undefined
  /** Whether Google must issue a refresh token although the user may have consented before. */
  needs_refresh_token: boolean
}

/**
 * Redirects to Google and sets the cookie of the pending authorization.
 *
 * @throws {BrokerError} temporarily_unavailable: Google cannot be discovered
 */
export async function startAuthorization(
  c: BrokerContext,
  start: AuthorizationStart,
): Promise<Response> {
  const config = c.get('config')
  const { client, bundle, return_to, display, session, authorization } = start
  const { select_account, login_hint, needs_refresh_token } = start
  keepOpener(c)
  setAuditFields(c, { client: client.id, bundle: bundle.name })
  const { url, ...secrets } = await createAuthorizationRequest(config, {
    scopes: bundle.scopes,
    prompt: [
      ...(needs_refresh_token ? (['consent'] as const) : []),
      ...(select_account ? (['select_account'] as const) : []),
    ],
    ...(login_hint === undefined || select_account ? {} : { login_hint }),
  })
  const pending: PendingAuthorization = {
    ...secrets,
    ...{ client: client.id, bundle: bundle.name, return_to, display, session, authorization },
    consent_prompted: needs_refresh_token,
    iat: now(),
  }
  for (const cookie of await sealPending(
    config,
    pending,
    readCookies(config, c.req.header('Cookie')),
  )) {
    c.header('Set-Cookie', cookie, { append: true })
  }
  audit(c, 'connect_started')
  return c.redirect(url, 303)
}

/**
 * Requires a top-level navigation (TMB-09).
 *
 * @throws {BrokerError} access_denied
 * @see W3C Fetch Metadata §2
 */
export function requireTopLevelNavigation(c: BrokerContext): void {
  const isTopLevel = (c.req.header('Sec-Fetch-Dest') ?? 'document') === 'document'
  if (!isTopLevel || isPrefetch(c)) throw new BrokerError('not_a_navigation')
}
