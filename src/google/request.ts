/** Requests to the provider: how the OAuth library sends them, and how JSON answers are read. */

import * as oauth from 'oauth4webapi'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { cappedFetch } from '../net/outbound.ts'
import { classifyFailure, unexpectedAnswer } from './failure.ts'

/** Options for the library's requests: they use `cappedFetch`, and http only where `isHttpAllowed`. */
export interface RequestOptions {
  [oauth.customFetch]: typeof send
  [oauth.allowInsecureRequests]: boolean
}

/** Makes the options for the provider of this configuration. */
export function requestOptions(config: Config): RequestOptions {
  return { [oauth.customFetch]: send, [oauth.allowInsecureRequests]: isHttpAllowed(config) }
}

/** Whether endpoints may be http: only where the issuer is, which the configuration accepts on loopback only. */
export function isHttpAllowed({ issuer }: Config): boolean {
  return issuer.startsWith('http:')
}

/** @throws {BrokerError} for every status but 200, before the library sees the answer */
async function send(url: string, init: object): Promise<Response> {
  let response: Response
  try {
    response = await cappedFetch(url, init)
  } catch (cause) {
    if (cause instanceof BrokerError) throw cause
    throw new BrokerError('temporarily_unavailable', 'google_unreachable', { cause })
  }
  if (response.status !== 200) throw await classifyFailure(response)
  return response
}

/**
 * Reads a JSON object. It checks the media type too, which the library does not.
 *
 * @throws {BrokerError} `temporarily_unavailable` for any other body
 */
export async function readJson(response: Response): Promise<Record<string, unknown>> {
  if (!/^application\/json *(;|$)/i.test(response.headers.get('Content-Type') ?? ''))
    throw unexpectedAnswer()
  const answer: unknown = await response.json().catch(() => undefined)
  if (typeof answer !== 'object' || answer === null || Array.isArray(answer))
    throw unexpectedAnswer()
  return answer as Record<string, unknown>
}
