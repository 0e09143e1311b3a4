/** Client authentication at the token endpoint: the secret in the form or by HTTP Basic (RFC 6749 §2.3.1). */

import type { Context } from 'hono'
import type { Client, Simulation } from '../simulation.ts'
import { oauthError } from './error.ts'

/** Finds the client of a request and checks its secret. @throws {HTTPException} `invalid_client`, `invalid_request` */
export function authenticateClient(
  simulation: Simulation,
  c: Context,
  form: URLSearchParams,
): Client {
  const { client_id, client_secret } = credentials(c.req.header('Authorization'), form)
  if (client_id === undefined)
    throw oauthError('invalid_request', 'Could not determine client ID from request.')
  const client = simulation.clients.find((known) => known.client_id === client_id)
  if (!client) throw oauthError('invalid_client', 'The OAuth client was not found.')
  if (client_secret === undefined) throw oauthError('invalid_request', 'client_secret is missing.')
  if (client_secret !== client.client_secret) throw oauthError('invalid_client', 'Unauthorized')
  return client
}

interface Credentials {
  client_id: string | undefined
  client_secret: string | undefined
}

function credentials(authorization: string | undefined, form: URLSearchParams): Credentials {
  const posted = {
    client_id: form.get('client_id') ?? undefined,
    client_secret: form.get('client_secret') ?? undefined,
  }
  if (authorization === undefined) return posted
  if (posted.client_secret !== undefined)
    throw oauthError('invalid_request', 'More than one method of client authentication.')
  const basic = readBasic(authorization)
  if (posted.client_id !== undefined && posted.client_id !== basic.client_id)
    throw oauthError('invalid_request', 'client_id differs from the Authorization header.')
  return basic
}

function readBasic(authorization: string): Credentials {
  const [scheme = '', encoded = ''] = authorization.split(' ')
  try {
    if (scheme.toLowerCase() !== 'basic') throw new SyntaxError('not Basic')
    const [id = '', secret = '', ...rest] = atob(encoded).split(':').map(formDecode)
    if (id === '' || rest.length > 0) throw new SyntaxError('not id:secret')
    return { client_id: id, client_secret: secret }
  } catch {
    throw oauthError('invalid_client', 'The Authorization header is not valid.')
  }
}

/** Decodes the id or the secret: both are form-encoded before they are joined (RFC 6749 §2.3.1). */
function formDecode(text: string): string {
  return decodeURIComponent(text.replaceAll('+', ' '))
}
