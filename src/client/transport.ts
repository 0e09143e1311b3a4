/** This file is what both modes do for the SDK, each in its way: one interface, and the request both are built on. */

import type { ErrorResponse } from '../protocol/http.ts'
import { BrokerError } from './broker-error.ts'
import { pause } from './pause.ts'

/** What a caller may say of the token it wants. */
export interface TokenRequest {
  bundle: string
  /** Seconds of life it has at least. */
  min_ttl?: number | undefined
  /** SHA-256, base64url, of an access token that Google refused. */
  rejected?: string | undefined
  signal?: AbortSignal | undefined
}

/** A token as the broker answers it. */
export interface IssuedToken {
  access_token: string
  /** Seconds. */
  expires_in: number
}

/** What came of a consent, as the page at the way back reads it off its URL. */
export type Outcome = Record<string, string>

/** A way to talk to the broker. */
export interface Transport {
  issue(request: TokenRequest): Promise<IssuedToken>
  /** Calls the broker itself; `ownToken` gets what it wants to be shown on another site. */
  call(
    method: string,
    path: string,
    json?: object,
    signal?: AbortSignal,
    ownToken?: () => Promise<string>,
  ): Promise<Response>
  /**
   * Where a consent begins; `state` comes back with its outcome. Told at once: only what happens in the click is
   * the user's own wish to a browser.
   */
  connectUrl(bundle: string, state: string, choose: boolean): string
  /** Finishes a consent with what came back. */
  finish(outcome: Outcome): Promise<void>
  /** Ends the session here and at the broker. */
  signOut(signal?: AbortSignal): Promise<void>
}

/** Tries of a request that the broker asks to come back with. */
const MAX_TRIES = 3

/** Longer than this nobody waits behind a button. */
const MAX_WAIT_SECONDS = 30

/**
 * Sends a request, and again after `Retry-After` where the broker is busy.
 *
 * @throws {BrokerError} the broker's refusal; `temporarily_unavailable` when it cannot be reached
 */
export async function send(
  attempt: () => Promise<Response>,
  signal: AbortSignal | undefined,
): Promise<Response> {
  for (let tries = 1; ; tries++) {
    const response = await attempt().catch(() => {
      signal?.throwIfAborted()
      throw new BrokerError('temporarily_unavailable')
    })
    if (response.ok) return response
    const refusal = await refusalOf(response)
    const { retry_after } = refusal
    if (!retry_after || tries === MAX_TRIES || retry_after > MAX_WAIT_SECONDS) throw refusal
    await pause(retry_after * 1000 * (1 + Math.random() / 4), signal)
  }
}

async function refusalOf(response: Response): Promise<BrokerError> {
  const answer: Partial<ErrorResponse> = await response.json().catch(() => ({}))
  const retry_after = Number(response.headers.get('Retry-After')) || undefined
  return new BrokerError(answer.error ?? 'server_error', { ...answer, retry_after })
}
