/** This file is a request to the provider as its client, and an answer that is read only as JSON. */

import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { cappedFetch } from '../net/outbound.ts'
import type { Provider } from './discovery.ts'
import { refusalOf, unexpectedAnswer } from './failure.ts'

/**
 * Posts a form to an endpoint, authenticated as the client. The secret is never in a URL (TMB-18).
 *
 * @throws {BrokerError} the provider's refusal, whatever its status
 * @see RFC 6749 §2.3.1 and §3.2
 */
export async function post(
  { client_id, client_secret }: Config,
  { endpoints, takes_secret_in_form }: Provider,
  endpoint: 'token_endpoint' | 'revocation_endpoint',
  parameters: Readonly<Record<string, string>>,
): Promise<Response> {
  const url = endpoints.get(endpoint)
  if (url === undefined) throw unexpectedAnswer()
  const body = new URLSearchParams(parameters)
  if (!takes_secret_in_form)
    return send(url, { method: 'POST', body, headers: basic(client_id, client_secret) })
  body.set('client_id', client_id)
  body.set('client_secret', client_secret)
  return send(url, { method: 'POST', body })
}

/**
 * Sends a request.
 *
 * @throws {BrokerError} for every answer but 200
 */
export async function send(url: string, init: RequestInit = {}): Promise<Response> {
  const headers = new Headers(init.headers)
  headers.set('Accept', 'application/json')
  let response: Response
  try {
    response = await cappedFetch(url, { ...init, headers })
  } catch (cause) {
    if (cause instanceof BrokerError) throw cause
    throw new BrokerError('temporarily_unavailable', 'google_unreachable', { cause })
  }
  if (response.status !== 200) throw await refusalOf(response)
  return response
}

/**
 * Reads an answer that has to be a JSON object.
 *
 * @throws {BrokerError} `temporarily_unavailable` when it is not
 */
export async function readJson(response: Response): Promise<Record<string, unknown>> {
  if (!/^application\/json *(;|$)/i.test(response.headers.get('Content-Type') ?? ''))
    throw unexpectedAnswer()
  const answer: unknown = await response.json().catch(() => undefined)
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw unexpectedAnswer()
  return answer as Record<string, unknown>
}

/** The two are encoded as in a form before they are put together; RFC 6749 §2.3.1. */
function basic(client_id: string, client_secret: string): Record<string, string> {
  const [id, secret] = [client_id, client_secret].map((text) =>
    new URLSearchParams({ '': text }).toString().slice(1),
  )
  return { Authorization: `Basic ${btoa(`${id}:${secret}`)}` }
}
