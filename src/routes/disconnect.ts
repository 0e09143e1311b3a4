/** This file is `DELETE /grants` and `DELETE /grants/NAME`: disconnecting from Google, and forgetting one bundle. */

import { askSubject } from '../subject/stub.ts'
import { principalOf, readCookieRequest } from './guards/cookie-mode.ts'
import { authenticate, isOAuthCall } from './guards/either-mode.ts'
import { findBundle } from './guards/lookup.ts'
import { type Principal, withClientErrors } from './guards/principal.ts'
import { audit, type BrokerContext, setAuditFields } from './http/context.ts'
import { loggedOut } from './session.ts'

/** Forgets a bundle here, and with it every bundle of the same scopes; Google has no way to end one of several. */
export async function forgetGrant(c: BrokerContext): Promise<Response> {
  const principal = await authenticate(c)
  const { name, scopes } = findBundle(c.get('config'), principal.client, c.req.param('bundle'))
  setAuditFields(c, { bundle: name })
  const call = askSubject(c.env.SUBJECTS, principal.subject, (subject) =>
    subject.forgetGrant(principal.credential, scopes.join(' ')),
  )
  await c.get('timings').measure('do', withClientErrors(principal, call))
  audit(c, 'bundle_forgotten')
  return c.body(null, 204)
}

/** Disconnects: has Google revoke the user's whole grant, forgets everything here and ends every session. */
export async function disconnect(c: BrokerContext): Promise<Response> {
  if (isOAuthCall(c)) {
    await disconnectCaller(c, await authenticate(c))
    return c.body(null, 204)
  }
  const cookieRequest = await readCookieRequest(c)
  const principal = principalOf(c, cookieRequest)
  if (principal) await disconnectCaller(c, principal) // else there is nothing to disconnect, or it was done before
  return loggedOut(c, principal?.client.id)
}

async function disconnectCaller(c: BrokerContext, principal: Principal): Promise<void> {
  const call = askSubject(c.env.SUBJECTS, principal.subject, (subject) =>
    subject.disconnect(principal.credential),
  )
  await c.get('timings').measure('do', withClientErrors(principal, call))
  audit(c, 'disconnected')
}
