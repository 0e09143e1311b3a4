/** `GET /authorize`: starts a consent for a client of OAuth mode. */

import type { Bundle } from '../../config/bundles.ts'
import type { Client } from '../../config/clients.ts'
import { sha256 } from '../../crypto/digest.ts'
import { BrokerError, failureOf } from '../../errors.ts'
import { useOnce } from '../../session/one-time-use.ts'
import { type AuthorizationRequest, openToken, type PushedRequest } from '../../session/tokens.ts'
import { askSubject } from '../../subject/stub.ts'
import type { ConsentContext } from '../../subject/subject.ts'
import { readAnswerTarget, readAuthorizationRequest } from '../consent/authorization-request.ts'
import { answerAuthorization } from '../consent/authorization-response.ts'
import { requireTopLevelNavigation, startAuthorization } from '../consent/authorization-start.ts'
import { limit } from '../guards/limits.ts'
import { findBundle, findOAuthClient } from '../guards/lookup.ts'
import { auditFailure, type BrokerContext, setAuditFields } from '../http/context.ts'
import { keepOpener } from '../http/headers.ts'
import { confirmationPage } from '../http/pages.ts'
import { readParameters } from '../http/read-request.ts'

/** A pushed request and its reference. */
type Pushed = PushedRequest & { reference: string }

/** The prefix of a `request_uri`; RFC 9126 §2.2. */
export const REQUEST_URI_PREFIX = 'urn:ietf:params:oauth:request_uri:'

/** The errors that the client gets as they are; all others become `server_error`. */
const AUTHORIZATION_ERRORS = [
  'invalid_request',
  'invalid_scope',
  'unsupported_response_type',
  'access_denied',
  'temporarily_unavailable',
] as const

/**
 * Starts a consent. Errors are sent to the redirect URI (RFC 6749 §4.1.2.1), except when the client, the redirect URI
 * or the pushed request is not known.
 *
 * @throws {BrokerError} invalid_request, access_denied, slow_down
 * @see RFC 6749 §4.1.1, RFC 9126 §4
 */
export async function authorize(c: BrokerContext): Promise<Response> {
  requireTopLevelNavigation(c)
  await limit(c, 'START_LIMIT')
  const config = c.get('config')
  const { parameters, repeated } = readParameters(new URL(c.req.url).search)
  const client = findOAuthClient(config, parameters.get('client_id'))
  setAuditFields(c, { client: client.id })
  const pushed = await openPushed(c, client, parameters.get('request_uri'))
  if (pushed) setAuditFields(c, { subject: pushed.app_user.subject })
  const target = pushed?.request ?? readAnswerTarget(client, parameters)
  try {
    if (pushed) return await start(c, client, pushed.request, pushed)
    if (repeated.size > 0) throw new BrokerError('invalid_request', 'parameter_repeated')
    if (client.app_issuer) throw new BrokerError('invalid_request', 'request_not_pushed')
    return await start(c, client, readAuthorizationRequest(config, client, parameters))
  } catch (error) {
    auditFailure(c, error)
    const { code } = failureOf(error)
    const known = AUTHORIZATION_ERRORS.find((error) => error === code)
    return answerAuthorization(c, target, { error: known ?? 'server_error' })
  }
}

/** Asks the user first if another site sent them here without a click (TMB-09). */
async function start(
  c: BrokerContext,
  client: Client,
  request: AuthorizationRequest,
  pushed?: Pushed,
): Promise<Response> {
  const bundle = findBundle(c.get('config'), client, request.bundle)
  setAuditFields(c, { bundle: bundle.name })
  const display = request.response_mode === 'web_message' ? 'popup' : 'page'
  if (display === 'popup') keepOpener(c)
  const hasClicked = c.req.header('Sec-Fetch-User') === '?1' // W3C Fetch Metadata §2.4
  if (c.req.header('Sec-Fetch-Site') === 'cross-site' && !hasClicked) {
    const app = new URL(request.redirect_uri).host
    return confirmationPage(c, { app, reason: bundle.reason, href: new URL(c.req.url).search })
  }
  const { state, code_challenge, dpop_jkt, prompt, login_hint } = request
  const { granted = true, account } = pushed ? await consumePushed(c, pushed, bundle) : {}
  return startAuthorization(c, {
    ...{ client, bundle, display, return_to: request.redirect_uri },
    login_hint: account ?? login_hint,
    select_account: prompt === 'select_account',
    needs_refresh_token: prompt === 'consent' || !granted,
    authorization: { state, code_challenge, dpop_jkt, app_user: pushed?.app_user },
  })
}

/** Uses a pushed request once, and reads the account of its user and whether there is a grant. */
async function consumePushed(
  c: BrokerContext,
  { app_user, exp, reference }: Pushed,
  { scopes }: Bundle,
): Promise<ConsentContext> {
  const name = `request/${await sha256(reference)}`
  if (!(await useOnce(c.env, name, exp)))
    throw new BrokerError('invalid_request', 'request_uri_used')
  return askSubject(c.env.SUBJECTS, app_user.subject, (stub) =>
    stub.beginConsent({ kind: 'app_user' }, scopes.join(' ')),
  )
}

async function openPushed(
  c: BrokerContext,
  client: Client,
  request_uri: string | undefined,
): Promise<Pushed | undefined> {
  if (request_uri === undefined) return undefined
  const isReference = request_uri.startsWith(REQUEST_URI_PREFIX)
  const reference = isReference ? request_uri.slice(REQUEST_URI_PREFIX.length) : ''
  const pushed = await openToken(c.get('config'), 'request', reference)
  if (!pushed || pushed.request.client !== client.id)
    throw new BrokerError('invalid_request', 'request_uri_unknown')
  return { ...pushed, reference }
}
