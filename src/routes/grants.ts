/** This file is `DELETE /grants` and `DELETE /grants/NAME`: disconnecting from Google, and forgetting one bundle. */

import { askSubject } from '../subject/stub.ts'
import type { BrokerContext } from './context.ts'
import { findBundle } from './find.ts'
import { admit, admitSession, type Caller, type SessionCaller } from './guard.ts'
import { loggedOut, orLoginRequired } from './session.ts'

/** Forgets a bundle here, and with it every bundle of the same scopes; Google has no way to end one of several. */
export async function forgetGrant(c: BrokerContext): Promise<Response> {
  const caller = await admitSession(c)
  const { session, client } = caller
  const { scopes } = findBundle(c.var.config, client, c.req.param('bundle') ?? null)
  const asking = askSubject(c.env.SUBJECTS, session.subject, (subject) =>
    subject.forget(session.id, scopes.join(' ')),
  )
  await c.var.timings.measure('do', orLoginRequired(c, caller, asking))
  return c.body(null, 204)
}

/** Disconnects: has Google revoke the user's whole grant, forgets everything here and ends every session. */
export async function disconnect(c: BrokerContext): Promise<Response> {
  const caller = await admit(c)
  if (hasSession(caller)) {
    const { session } = caller
    const asking = askSubject(c.env.SUBJECTS, session.subject, (subject) =>
      subject.disconnect(session.id),
    )
    await c.var.timings.measure('do', orLoginRequired(c, caller, asking))
  }
  return loggedOut(c, caller.session?.client)
}

/** Without a session there is nothing to disconnect, or it was done before. */
function hasSession(caller: Caller): caller is SessionCaller {
  return caller.session !== undefined
}
