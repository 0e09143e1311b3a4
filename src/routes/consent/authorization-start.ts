/** This file is the errand on which a browser is sent to Google: what it asks for, sealed into its own cookie meanwhile. */

import { now } from '../../clock.ts'
import type { Bundle } from '../../config/bundles.ts'
import type { Client } from '../../config/clients.ts'
import { BrokerError } from '../../errors.ts'
import { createAuthorizationRequest } from '../../google/authorization-endpoint.ts'
import { readCookies } from '../../session/cookies.ts'
import { type PendingAuthorization, sealPending } from '../../session/pending-authorization.ts'
import { audit, type BrokerContext, isPrefetch, setAuditFields } from '../http/context.ts'

/** A consent to be asked for. */
export interface AuthorizationStart
  extends Pick<PendingAuthorization, 'return_to' | 'display' | 'session' | 'authorization'> {
  client: Client
  bundle: Bundle
  select_account: boolean
  /** The account that should be offered. */
  login_hint?: string | undefined
  /** Whether Google has to issue a refresh token even if the user consented before; design.md §6.6. */
  needs_refresh_token: boolean
}

/** Redirects to Google, and remembers the errand in the browser. */
export async function startAuthorization(
  c: BrokerContext,
  start: AuthorizationStart,
): Promise<Response> {
  const config = c.get('config')
  const { select_account, login_hint, needs_refresh_token, session, authorization } = start
  keepOpener(c)
  setAuditFields(c, { client: start.client.id, bundle: start.bundle.name })
  const request = await createAuthorizationRequest(config, {
    scopes: start.bundle.scopes,
    prompt: [
      ...(needs_refresh_token ? (['consent'] as const) : []),
      ...(select_account ? (['select_account'] as const) : []),
    ],
    ...(login_hint === undefined || select_account ? {} : { login_hint }),
  })
  const pending: PendingAuthorization = {
    state: request.state,
    nonce: request.nonce,
    code_verifier: request.code_verifier,
    client: start.client.id,
    bundle: start.bundle.name,
    return_to: start.return_to,
    display: start.display,
    ...(session === undefined ? {} : { session }),
    ...(authorization === undefined ? {} : { authorization }),
    consent_prompted: needs_refresh_token,
    iat: now(),
  }
  for (const cookie of await sealPending(config, pending, readCookies(c.req.header('Cookie')))) {
    c.header('Set-Cookie', cookie, { append: true })
  }
  audit(c, 'connect_started')
  return c.redirect(request.url, 303)
}

/**
 * Leaves a window tied to the page that opened it, which may be waiting for what comes of this: browsers heed the
 * policy on redirects too, which have no document that it could protect.
 *
 * @see https://html.spec.whatwg.org/multipage/browsers.html#cross-origin-opener-policies
 */
export function keepOpener(c: BrokerContext): void {
  c.header('Cross-Origin-Opener-Policy', 'unsafe-none')
}

/** Only a top-level navigation may begin a consent; W3C Fetch Metadata §2 (TMB-09). */
export function requireTopLevelNavigation(c: BrokerContext): void {
  const isTopLevel = (c.req.header('Sec-Fetch-Dest') ?? 'document') === 'document'
  if (!isTopLevel || isPrefetch(c)) throw new BrokerError('access_denied', 'not_a_navigation')
}
