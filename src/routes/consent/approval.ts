/** The approval of OAuth mode: before Google, the user is told which app asks, and lets it go on (TMB-90, TMB-91). */

import { now } from '../../clock.ts'
import type { Bundle } from '../../config/bundles.ts'
import type { Client } from '../../config/clients.ts'
import { sha256 } from '../../crypto/digest.ts'
import { BrokerError } from '../../errors.ts'
import {
  ASKED_SECONDS,
  askedBrowser,
  isApproved,
  markAsked,
  rememberApproval,
} from '../../session/approvals.ts'
import { readCookies } from '../../session/cookies.ts'
import { useOnce } from '../../session/one-time-use.ts'
import {
  type AskedRequest,
  openToken,
  type PushedRequest,
  sealToken,
} from '../../session/tokens.ts'
import type { BrokerContext } from '../http/context.ts'
import { keepOpener } from '../http/headers.ts'
import { approvalPage } from './approval-page.ts'

/** A request to `/authorize`, with the reference under which it was pushed. */
export type Asking = Omit<PushedRequest, 'exp'> & { reference?: string }

/** The parameters of the links of the approval page. */
export const APPROVAL_PARAMETER = 'approval'
export const REFUSED_PARAMETER = 'refused'

/**
 * Whether the request can go on without the page: the user of this browser approved its key before. The same key then
 * has to redeem the code, so nobody else gains anything by the request.
 */
export async function isApprovedBefore(
  c: BrokerContext,
  client: Client,
  { request: { dpop_jkt }, app_user }: Asking,
): Promise<boolean> {
  if (dpop_jkt === undefined || app_user) return false
  return isApproved(c.get('config'), cookiesOf(c), client.id, dpop_jkt)
}

/** Shows the page. Its links carry the request, sealed for this browser. */
export async function askForApproval(
  c: BrokerContext,
  client: Client,
  bundle: Bundle,
  { request, app_user, reference }: Asking,
): Promise<Response> {
  const { browser, cookie } = markAsked(c.get('config'), cookiesOf(c))
  c.header('Set-Cookie', cookie, { append: true })
  keepOpener(c)
  const approval = await sealToken(c.get('config'), 'approval', {
    ...{ request, app_user, browser },
    used_as: app_user && reference && `request/${await sha256(reference)}`,
    exp: now() + ASKED_SECONDS,
  })
  const query = new URLSearchParams({ client_id: client.id, [APPROVAL_PARAMETER]: approval })
  return approvalPage(c, {
    name: client.name ?? client.id,
    origin: new URL(request.redirect_uri).origin,
    bundle,
    go_on: `?${query}`,
    refuse: `?${query}&${REFUSED_PARAMETER}=true`,
  })
}

/**
 * Opens the request of a page that was answered.
 *
 * @throws {BrokerError} invalid_request: the page is older than ten minutes, or was shown for another client
 */
export async function openAsked(
  c: BrokerContext,
  client: Client,
  approval: string,
): Promise<AskedRequest> {
  const asked = await openToken(c.get('config'), 'approval', approval)
  if (!asked || asked.request.client !== client.id) throw new BrokerError('approval_unknown')
  return asked
}

/** Requires that this browser shows the page. @throws {BrokerError} invalid_request */
export function requireSameBrowser(c: BrokerContext, { browser }: AskedRequest): void {
  if (askedBrowser(cookiesOf(c)) !== browser) throw new BrokerError('approval_of_other_browser')
}

/**
 * Uses a request that the user approved, and remembers its key. A request that was pushed with a JWT is used once.
 *
 * @throws {BrokerError} invalid_request: the request was used before
 */
export async function approve(
  c: BrokerContext,
  client: Client,
  { request: { dpop_jkt }, used_as, exp }: AskedRequest,
): Promise<void> {
  if (used_as !== undefined && !(await useOnce(c.env, used_as, exp)))
    throw new BrokerError('request_uri_used')
  if (dpop_jkt === undefined) return
  const cookie = await rememberApproval(c.get('config'), cookiesOf(c), client.id, dpop_jkt)
  c.header('Set-Cookie', cookie, { append: true })
}

function cookiesOf(c: BrokerContext) {
  return readCookies(c.get('config'), c.req.header('Cookie'))
}
