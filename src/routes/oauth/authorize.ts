/** `GET /authorize`: starts a consent for a client of OAuth mode. */

import type { Client } from '../../config/clients.ts'
import { sha256 } from '../../crypto/digest.ts'
import { BrokerError, failureOf } from '../../errors.ts'
import type { AuthorizationError, ErrorCode } from '../../protocol/http.ts'
import { useOnce } from '../../session/one-time-use.ts'
import {
  type AuthorizationRequest,
  openBrowserToken,
  type PushedRequest,
} from '../../session/tokens.ts'
import { askSubject } from '../../subject/stub.ts'
import {
  readAnswerTarget,
  readAuthorizationRequest,
  readRedirectUri,
} from '../consent/authorization-request.ts'
import { type AnswerTarget, answerAuthorization } from '../consent/authorization-response.ts'
import {
  type AuthorizationStart,
  keepOpener,
  requireTopLevelNavigation,
  startAuthorization,
} from '../consent/authorization-start.ts'
import { limitAddress } from '../guards/limits.ts'
import { findBundle, findOAuthClient } from '../guards/lookup.ts'
import { auditFailure, type BrokerContext, setAuditFields } from '../http/context.ts'
import { confirmationPage } from '../http/pages.ts'
import { readParameters } from '../http/read-request.ts'

/** A pushed request and its reference. */
type Pushed = PushedRequest & { reference: string }

/** The prefix of a `request_uri`; RFC 9126 §2.2. */
export const REQUEST_URI_PREFIX = 'urn:ietf:params:oauth:request_uri:'

/**
 * Starts a consent. Errors are shown as a page of the broker until the client and its redirect URI are known, and
 * are sent to the redirect URI after that.
 *
 * @see RFC 6749 §4.1.1, RFC 9126 §4
 */
export async function authorize(c: BrokerContext): Promise<Response> {
  requireTopLevelNavigation(c)
  await limitAddress(c, 'START_LIMIT')
  const config = c.get('config')
  const { parameters, repeated } = readParameters(new URL(c.req.url).search)
  const client = findOAuthClient(config, parameters.get('client_id'))
  setAuditFields(c, { client: client.id })
  const request_uri = parameters.get('request_uri')
  if (request_uri !== undefined) {
    const pushed = await openPushed(c, client, request_uri)
    setAuditFields(c, { subject: pushed.app_user.subject })
    return withErrorRedirect(c, pushed.request, () => start(c, client, pushed.request, pushed))
  }
  const redirect_uri = readRedirectUri(client, parameters)
  return withErrorRedirect(c, readAnswerTarget(redirect_uri, parameters), () => {
    if (repeated.size > 0) throw new BrokerError('invalid_request', 'parameter_repeated')
    if (client.app_issuer) throw new BrokerError('invalid_request', 'request_not_pushed')
    return start(c, client, readAuthorizationRequest(config, client, redirect_uri, parameters))
  })
}

/** Sends errors to the redirect URI; RFC 6749 §4.1.2.1. */
async function withErrorRedirect(
  c: BrokerContext,
  target: AnswerTarget,
  work: () => Promise<Response>,
): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    auditFailure(c, error)
    return answerAuthorization(c, target, { error: toAuthorizationError(failureOf(error).code) })
  }
}

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
  if (isUnsolicited(c)) {
    const app = new URL(request.redirect_uri).host
    return confirmationPage(c, { app, reason: bundle.reason, href: new URL(c.req.url).search })
  }
  const { state, code_challenge, dpop_jkt, prompt, login_hint } = request
  const authorizationStart: AuthorizationStart = {
    ...{ client, bundle, display, return_to: request.redirect_uri, login_hint },
    select_account: prompt === 'select_account',
    needs_refresh_token: prompt === 'consent',
    authorization: {
      code_challenge,
      ...(state === undefined ? {} : { state }),
      ...(dpop_jkt === undefined ? {} : { dpop_jkt }),
      ...(pushed ? { app_user: pushed.app_user } : {}),
    },
  }
  return startAuthorization(
    c,
    pushed ? await consumePushedRequest(c, authorizationStart, pushed) : authorizationStart,
  )
}

/** Uses a pushed request, once, and adds what the subject of its user knows: the account and whether it has a grant. */
async function consumePushedRequest(
  c: BrokerContext,
  start: AuthorizationStart,
  { app_user, exp, reference }: Pushed,
): Promise<AuthorizationStart> {
  const name = `request/${await sha256(reference)}`
  if (!(await useOnce(c.env, name, exp)))
    throw new BrokerError('invalid_request', 'request_uri_used')
  const { granted, account } = await askSubject(c.env.SUBJECTS, app_user.subject, (stub) =>
    stub.beginConsent({ kind: 'app_user' }, start.bundle.scopes.join(' ')),
  )
  return {
    ...start,
    login_hint: account ?? start.login_hint,
    needs_refresh_token: start.needs_refresh_token || !granted,
  }
}

async function openPushed(c: BrokerContext, client: Client, request_uri: string): Promise<Pushed> {
  const reference = request_uri.startsWith(REQUEST_URI_PREFIX)
    ? request_uri.slice(REQUEST_URI_PREFIX.length)
    : ''
  const pushed = await openBrowserToken(c.get('config'), 'request', reference)
  if (!pushed || pushed.request.client !== client.id)
    throw new BrokerError('invalid_request', 'request_uri_unknown')
  return { ...pushed, reference }
}

/** Whether another site sent the user here without a click; W3C Fetch Metadata §2.4 (TMB-09). */
function isUnsolicited(c: BrokerContext): boolean {
  return c.req.header('Sec-Fetch-Site') === 'cross-site' && c.req.header('Sec-Fetch-User') !== '?1'
}

function toAuthorizationError(code: ErrorCode): AuthorizationError {
  switch (code) {
    case 'invalid_request':
    case 'invalid_scope':
    case 'unsupported_response_type':
    case 'access_denied':
    case 'temporarily_unavailable':
      return code
    default:
      return 'server_error'
  }
}
