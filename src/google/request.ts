/** Requests to the provider: how they are sent, and how JSON answers are read. */

import { BrokerError } from '../errors.ts'
import { cappedFetch } from '../net/outbound.ts'
import { classifyFailure, unexpectedAnswer } from './failure.ts'

/**
 * Sends a request for the OAuth library, which sees only answers with status 200.
 *
 * @throws {BrokerError} for every other status, and when the provider cannot be reached
 */
export async function send(url: string, init: object): Promise<Response> {
  const response = await cappedFetch(url, init).catch((cause: unknown) => {
    if (cause instanceof BrokerError) throw cause
    throw new BrokerError('google_unreachable', { cause })
  })
  if (response.status !== 200) throw await classifyFailure(response)
  return response
}

/**
 * Reads a JSON object. It checks the media type too, which the library does not.
 *
 * @throws {BrokerError} `temporarily_unavailable` for any other body
 */
export async function readJson(response: Response): Promise<Record<string, unknown>> {
  const type = response.headers.get('Content-Type') ?? ''
  const isJson = /^application\/json *(;|$)/i.test(type)
  const answer: unknown = isJson && (await response.json().catch(() => undefined))
  if (!answer || typeof answer !== 'object' || Array.isArray(answer)) throw unexpectedAnswer()
  return answer as Record<string, unknown>
}
