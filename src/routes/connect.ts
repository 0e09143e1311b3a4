/** This file is `GET /connect`: a browser is sent to Google, with what it has to bring back sealed into its own cookie. */

import type { Client } from '../clients.ts'
import { now } from '../clock.ts'
import { BrokerError } from '../errors.ts'
import { createAuthorizationRequest } from '../google/authorize.ts'
import type { Bundle } from '../scope/bundles.ts'
import { readCookies } from '../session/cookie.ts'
import { type Pending, sealPending } from '../session/pending.ts'
import { openSession } from '../session/session.ts'
import { askSubject } from '../subject/stub.ts'
import { type BrokerContext, isPrefetch, readQuery } from './context.ts'
import { findBundle, findClient, findReturnTo } from './find.ts'
import { confirmPage } from './pages.ts'

/** Begins a consent. A navigation of the user's own goes on at once; one that another site began is asked about first. */
export async function connect(c: BrokerContext): Promise<Response> {
  refuseEmbedding(c)
  const query = readQuery(c)
  if (query.has('scope')) throw new BrokerError('invalid_request', 'scope_not_choosable')
  const client = findClient(c.var.config, query.get('client'))
  const bundle = findBundle(c.var.config, client, query.get('bundle'))
  const return_to = findReturnTo(c.var.config, client, query.get('return_to'))
  const display = oneOf(query.get('display'), 'popup') ? 'popup' : 'page'
  const select_account = oneOf(query.get('prompt'), 'select_account')
  keepOpener(c, display)
  if (c.req.header('Sec-Fetch-Site') === 'cross-site') {
    return confirmPage(c, {
      app: new URL(return_to).host,
      reason: bundle.reason,
      href: `?${query}`,
    })
  }
  return sendToGoogle(c, {
    client,
    bundle,
    return_to,
    display,
    select_account,
    ...(await whoAsks(c, client, bundle)),
  })
}

/** A consent to be asked for. */
export interface Errand {
  client: Client
  bundle: Bundle
  return_to: string
  display: Pending['display']
  select_account: boolean
  /** Line and subject of the session that asks. */
  session?: NonNullable<Pending['session']>
  /** The account that should be offered. */
  login_hint?: string
  /** Whether Google has to issue a refresh token even if the user consented before; design.md §6.6. */
  needs_refresh_token: boolean
}

/** Redirects to Google, and remembers the errand in the browser. */
export async function sendToGoogle(c: BrokerContext, errand: Errand): Promise<Response> {
  const { config } = c.var
  const { select_account, login_hint, needs_refresh_token, session } = errand
  keepOpener(c, errand.display)
  const request = await createAuthorizationRequest(config, {
    scopes: errand.bundle.scopes,
    prompt: [
      ...(needs_refresh_token ? (['consent'] as const) : []),
      ...(select_account ? (['select_account'] as const) : []),
    ],
    ...(login_hint === undefined || select_account ? {} : { login_hint }),
  })
  const pending: Pending = {
    state: request.state,
    nonce: request.nonce,
    code_verifier: request.code_verifier,
    client: errand.client.id,
    bundle: errand.bundle.name,
    return_to: errand.return_to,
    display: errand.display,
    ...(session === undefined ? {} : { session }),
    consent_prompted: needs_refresh_token,
    iat: now(),
  }
  for (const cookie of await sealPending(config, pending, readCookies(c.req.header('Cookie')))) {
    c.header('Set-Cookie', cookie, { append: true })
  }
  return c.redirect(request.url, 303)
}

/** A live session binds the consent to its subject; without one, the user is whoever consents. */
async function whoAsks(
  c: BrokerContext,
  client: Client,
  { scopes }: Bundle,
): Promise<Pick<Errand, 'session' | 'login_hint' | 'needs_refresh_token'>> {
  const session = await openSession(c.var.config, client.id, readCookies(c.req.header('Cookie')))
  if (!session) return { needs_refresh_token: false }
  try {
    const { line, granted } = await askSubject(c.env.SUBJECTS, session.subject, (subject) =>
      subject.beginConsent(session.id, scopes.join(' ')),
    )
    return {
      session: { line, subject: session.subject },
      login_hint: session.sub,
      needs_refresh_token: !granted,
    }
  } catch (error) {
    if (error instanceof BrokerError && error.failure.code === 'login_required')
      return { needs_refresh_token: false }
    throw error
  }
}

/**
 * Leaves a popup tied to the page that opened it, which waits for its message: browsers heed this policy on
 * redirects too.
 *
 * @see https://html.spec.whatwg.org/multipage/browsers.html#cross-origin-opener-policies
 */
function keepOpener(c: BrokerContext, display: Pending['display']): void {
  if (display === 'popup') c.header('Cross-Origin-Opener-Policy', 'unsafe-none')
}

/** Only a top-level navigation may begin a consent; W3C Fetch Metadata §2 (TMB-09). */
function refuseEmbedding(c: BrokerContext): void {
  const isTopLevel = (c.req.header('Sec-Fetch-Dest') ?? 'document') === 'document'
  if (!isTopLevel || isPrefetch(c)) throw new BrokerError('access_denied', 'not_a_navigation')
}

function oneOf(value: string | null, allowed: string): boolean {
  if (value !== null && value !== allowed)
    throw new BrokerError('invalid_request', 'parameter_value')
  return value === allowed
}
