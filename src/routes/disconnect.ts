/** `DELETE /grants` disconnects from Google; `DELETE /grants/NAME` forgets one bundle. */

import { readCookieRequest, toPrincipal } from './guards/cookie-mode.ts'
import { authenticate, isOAuthCall } from './guards/either-mode.ts'
import { findBundle } from './guards/lookup.ts'
import { askSubjectAs, type Principal } from './guards/principal.ts'
import { audit, type BrokerContext, setAuditFields } from './http/context.ts'
import { answerLoggedOut } from './session.ts'

/** Deletes the grant of a bundle, and so of every bundle with the same scopes. Google cannot revoke only one grant. */
export async function forgetGrant(c: BrokerContext): Promise<Response> {
  const principal = await authenticate(c)
  const { name, scopes } = findBundle(c.get('config'), principal.client, c.req.param('bundle'))
  setAuditFields(c, { bundle: name })
  const { credential } = principal
  await askSubjectAs(c, principal, (stub) => stub.forgetGrant(credential, scopes.join(' ')))
  audit(c, 'bundle_forgotten')
  return c.body(null, 204)
}

/** Has Google revoke all grants of the user, deletes them here, and ends all sessions. Without a session, does nothing. */
export async function disconnect(c: BrokerContext): Promise<Response> {
  if (isOAuthCall(c)) {
    await disconnectPrincipal(c, await authenticate(c))
    return c.body(null, 204)
  }
  const principal = toPrincipal(c, await readCookieRequest(c))
  if (principal) await disconnectPrincipal(c, principal)
  return answerLoggedOut(c, principal?.client.id)
}

async function disconnectPrincipal(c: BrokerContext, principal: Principal): Promise<void> {
  await askSubjectAs(c, principal, (stub) => stub.disconnect(principal.credential))
  audit(c, 'disconnected')
}
