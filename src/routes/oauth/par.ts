/** `POST /par`: pushes an authorization request; RFC 9126. */

import { now } from '../../clock.ts'
import { BrokerError } from '../../errors.ts'
import type { PushedResponse } from '../../protocol/http.ts'
import { sealToken } from '../../session/tokens.ts'
import { readAuthorizationRequest } from '../consent/authorization-request.ts'
import { requireOAuthOrigin } from '../guards/cors.ts'
import { limit } from '../guards/limits.ts'
import { findOAuthClient } from '../guards/lookup.ts'
import { authenticateAppUser, readClientForm, requireProof } from '../guards/oauth-mode.ts'
import type { BrokerContext } from '../http/context.ts'
import { REQUEST_URI_PREFIX } from './authorize.ts'

/** How long a pushed request is valid, in seconds. */
const REQUEST_SECONDS = 60

/**
 * Accepts an authorization request. Where the users of the client have a JWT, the request comes with it, and only
 * its user can redeem the code; other clients need no credential.
 *
 * Nothing is stored: the reference is the sealed request, valid for one minute.
 *
 * @see RFC 9126 §2; RFC 9449 §10.1 for a proof that binds the code to a key
 */
export async function pushRequest(c: BrokerContext): Promise<Response> {
  requireOAuthOrigin(c)
  await limit(c, 'START_LIMIT')
  const form = await readClientForm(c)
  const client = findOAuthClient(c.get('config'), form.get('client_id'))
  requireOAuthOrigin(c, client)
  const user = client.app_issuer ? await authenticateAppUser(c) : undefined
  if (user && user.client.id !== client.id) throw new BrokerError('client_of_another_issuer')
  if (form.has('request_uri')) throw new BrokerError('request_uri_pushed')
  const request = readAuthorizationRequest(c.get('config'), client, form)
  const dpop_jkt =
    c.req.header('DPoP') === undefined ? request.dpop_jkt : (await requireProof(c)).jkt
  if (request.dpop_jkt !== undefined && request.dpop_jkt !== dpop_jkt)
    throw new BrokerError('dpop_jkt_mismatch')
  const reference = await sealToken(c.get('config'), 'request', {
    request: { ...request, dpop_jkt },
    app_user: user && { subject: user.subject, sub: user.sub },
    exp: now() + REQUEST_SECONDS,
  })
  const request_uri = REQUEST_URI_PREFIX + reference
  const body: PushedResponse = { request_uri, expires_in: REQUEST_SECONDS }
  return c.json(body, 201)
}
