/** This file is `DELETE /grants` and `DELETE /grants/NAME`: disconnecting from Google, and forgetting one bundle. */

import { askSubject } from '../subject/stub.ts'
import { admit, callerOf } from './guards/cookie-mode.ts'
import { admitAny, isBearerCall } from './guards/either-mode.ts'
import { findBundle } from './guards/lookup.ts'
import { type Caller, inWordsFor } from './guards/principal.ts'
import { about, type BrokerContext, record } from './http/context.ts'
import { loggedOut } from './session.ts'

/** Forgets a bundle here, and with it every bundle of the same scopes; Google has no way to end one of several. */
export async function forgetGrant(c: BrokerContext): Promise<Response> {
  const caller = await admitAny(c)
  const { name, scopes } = findBundle(c.get('config'), caller.client, c.req.param('bundle'))
  about(c, { bundle: name })
  const asking = askSubject(c.env.SUBJECTS, caller.subject, (subject) =>
    subject.forget(caller.asker, scopes.join(' ')),
  )
  await c.get('timings').measure('do', inWordsFor(caller, asking))
  record(c, 'bundle_forgotten')
  return c.body(null, 204)
}

/** Disconnects: has Google revoke the user's whole grant, forgets everything here and ends every session. */
export async function disconnect(c: BrokerContext): Promise<Response> {
  if (isBearerCall(c)) {
    await disconnectCaller(c, await admitAny(c))
    return c.body(null, 204)
  }
  const visitor = await admit(c)
  const caller = callerOf(c, visitor)
  if (caller) await disconnectCaller(c, caller) // else there is nothing to disconnect, or it was done before
  return loggedOut(c, caller?.client.id)
}

async function disconnectCaller(c: BrokerContext, caller: Caller): Promise<void> {
  const asking = askSubject(c.env.SUBJECTS, caller.subject, (subject) =>
    subject.disconnect(caller.asker),
  )
  await c.get('timings').measure('do', inWordsFor(caller, asking))
  record(c, 'disconnected')
}
