/** `GET /authorize`: starts a consent for a client of OAuth mode, once its user has approved it. */

import type { Client } from '../../config/clients.ts'
import { BrokerError, failureOf } from '../../errors.ts'
import type { AuthorizationError, ErrorCode } from '../../protocol/http.ts'
import { openToken } from '../../session/tokens.ts'
import { askSubject } from '../../subject/stub.ts'
import {
  APPROVAL_PARAMETER,
  type Asking,
  approve,
  askForApproval,
  isApprovedBefore,
  openAsked,
  REFUSED_PARAMETER,
  requireSameBrowser,
} from '../consent/approval.ts'
import { readAnswerTarget, readAuthorizationRequest } from '../consent/authorization-request.ts'
import { type AnswerTarget, answerAuthorization } from '../consent/authorization-response.ts'
import { requireTopLevelNavigation, startAuthorization } from '../consent/authorization-start.ts'
import { limit } from '../guards/limits.ts'
import { findBundle, findOAuthClient } from '../guards/lookup.ts'
import { auditFailure, type BrokerContext, setAuditFields } from '../http/context.ts'
import { type Parameters, readParameters, requireNoneRepeated } from '../http/read-request.ts'

/** The prefix of a `request_uri`; RFC 9126 §2.2. */
export const REQUEST_URI_PREFIX = 'urn:ietf:params:oauth:request_uri:'

/** The errors that the client gets as they are; all others become `server_error`. */
const AUTHORIZATION_ERRORS: readonly ErrorCode[] = [
  'access_denied',
  'interaction_required',
  'invalid_request',
  'invalid_scope',
  'temporarily_unavailable',
  'unsupported_response_type',
]

/**
 * Starts a consent. Errors are sent to the redirect URI (RFC 6749 §4.1.2.1), except when the client, the redirect URI,
 * the pushed request or the answer of the approval page is not known.
 *
 * @throws {BrokerError} invalid_request, access_denied, slow_down
 * @see RFC 6749 §4.1.1, RFC 9126 §4
 */
export async function authorize(c: BrokerContext): Promise<Response> {
  const { parameters, repeated } = readParameters(new URL(c.req.url).search)
  // Silent renewal asks in a frame. It is told that it needs the user; a pushed request would be read instead.
  const isSilent = parameters.get('prompt') === 'none' && !parameters.has('request_uri')
  if (!isSilent) requireTopLevelNavigation(c)
  await limit(c, 'START_LIMIT')
  const client = findOAuthClient(c.get('config'), parameters.get('client_id'))
  setAuditFields(c, { client: client.id })
  const approval = parameters.get(APPROVAL_PARAMETER)
  if (approval !== undefined)
    return answerPage(c, client, approval, parameters.has(REFUSED_PARAMETER))
  const pushed = await openPushed(c, client, parameters.get('request_uri'))
  const target = pushed?.request ?? readAnswerTarget(client, parameters)
  return withErrorRedirect(c, target, async () => {
    if (!pushed) requireNoneRepeated(repeated)
    const asking = pushed ?? { request: readRequest(c, client, parameters) }
    if (await isApprovedBefore(c, client, asking)) return start(c, client, asking)
    const bundle = findBundle(c.get('config'), client, asking.request.bundle)
    setAuditFields(c, { bundle: bundle.name })
    return askForApproval(c, client, bundle, asking)
  })
}

/** Goes on after the approval page, in the browser that shows it, or tells the client that the user refused. */
async function answerPage(
  c: BrokerContext,
  client: Client,
  approval: string,
  isRefused: boolean,
): Promise<Response> {
  requireTopLevelNavigation(c)
  const asked = await openAsked(c, client, approval)
  setAuditFields(c, { bundle: asked.request.bundle })
  if (asked.app_user) setAuditFields(c, { subject: asked.app_user.subject })
  if (!isRefused) requireSameBrowser(c, asked)
  return withErrorRedirect(c, asked.request, async () => {
    if (isRefused) throw new BrokerError('user_denied')
    await approve(c, client, asked)
    return start(c, client, asked)
  })
}

/** Answers a failure on the redirect URI. */
async function withErrorRedirect(
  c: BrokerContext,
  target: AnswerTarget,
  work: () => Promise<Response>,
): Promise<Response> {
  try {
    return await work()
  } catch (error) {
    auditFailure(c, error)
    const failure = failureOf(error)
    const isKnown = AUTHORIZATION_ERRORS.includes(failure.code)
    const code = isKnown ? (failure.code as AuthorizationError) : 'server_error'
    return answerAuthorization(c, target, { error: code, failure })
  }
}

async function start(
  c: BrokerContext,
  client: Client,
  { request, app_user }: Asking,
): Promise<Response> {
  const bundle = findBundle(c.get('config'), client, request.bundle)
  const { response_mode, state, code_challenge, dpop_jkt, prompt, login_hint } = request
  const { granted = true, account } = app_user
    ? await askSubject(c.env.SUBJECTS, app_user.subject, (stub) =>
        stub.beginConsent({ kind: 'app_user' }, bundle.scopes.join(' ')),
      )
    : {}
  const isChoosing = prompt.includes('select_account')
  // A `sub` of Google is a number. A client that names one accepts no other account (TMB-28).
  const hinted = !isChoosing && /^\d+$/.test(login_hint ?? '') ? login_hint : undefined
  return startAuthorization(c, {
    ...{ client, bundle, return_to: request.redirect_uri },
    display: response_mode === 'web_message' ? 'popup' : 'page',
    login_hint: account ?? login_hint,
    select_account: isChoosing,
    needs_refresh_token: prompt.includes('consent') || !granted,
    authorization: { response_mode, state, code_challenge, dpop_jkt, app_user, account: hinted },
  })
}

/** @throws {BrokerError} invalid_request: the users of this client have a JWT, so its requests are pushed */
function readRequest(c: BrokerContext, client: Client, parameters: Parameters) {
  if (client.app_issuer) throw new BrokerError('request_not_pushed')
  return readAuthorizationRequest(c.get('config'), client, parameters)
}

async function openPushed(
  c: BrokerContext,
  client: Client,
  request_uri: string | undefined,
): Promise<Asking | undefined> {
  if (request_uri === undefined) return undefined
  const isReference = request_uri.startsWith(REQUEST_URI_PREFIX)
  const reference = isReference ? request_uri.slice(REQUEST_URI_PREFIX.length) : ''
  const pushed = await openToken(c.get('config'), 'request', reference)
  if (!pushed || pushed.request.client !== client.id) throw new BrokerError('request_uri_unknown')
  if (pushed.app_user) setAuditFields(c, { subject: pushed.app_user.subject })
  return { ...pushed, reference }
}
