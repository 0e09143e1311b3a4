/** This file is `POST /revoke`: a frontend gives a token of the broker back, and the session of it ends. */

import { BrokerError } from '../../errors.ts'
import { openToken } from '../../session/tokens.ts'
import { askSubject } from '../../subject/stub.ts'
import { requireOAuthOrigin } from '../guards/cors.ts'
import { findOAuthClient } from '../guards/lookup.ts'
import { audit, type BrokerContext, readForm } from '../http/context.ts'
import { required } from './token-response.ts'

/**
 * Ends the session of a refresh token; one that is unknown or over is no error. Google's grant stays.
 *
 * Whoever holds the token may give it up: no proof is asked for, as RFC 7009 knows none.
 *
 * @throws {BrokerError} `invalid_grant` for a token of another client
 * @see RFC 7009 §2
 */
export async function revoke(c: BrokerContext): Promise<Response> {
  requireOAuthOrigin(c)
  const [config, timings] = [c.get('config'), c.get('timings')]
  const form = await readForm(c)
  const client = findOAuthClient(config, required(form, 'client_id'))
  requireOAuthOrigin(c, client)
  const token = required(form, 'token')
  const session =
    (await openToken(config, 'refresh', token)) ?? (await openToken(config, 'access', token))
  if (session) {
    if (session.client !== client.id) throw new BrokerError('invalid_grant', 'other_client')
    const ending = askSubject(c.env.SUBJECTS, session.subject, (subject) =>
      subject.endSession(session.id, false),
    )
    await timings.measure('do', ending)
    audit(c, 'session_ended', { subject: session.subject, client: session.client })
  }
  return c.body(null, 200)
}
