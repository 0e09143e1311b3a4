/** What cookie mode and OAuth mode have in common: their interface, and a request with retries. */

import type { ErrorResponse, TokenResponse } from '../protocol/http.ts'
import { BrokerError } from './broker-error.ts'
import { pause } from './pause.ts'

/** A request for an access token. */
export interface TokenRequest {
  bundle: string
  /** The least time that the token has left, in seconds. */
  min_ttl?: number | undefined
  /** SHA-256, in base64url, of an access token that Google refused. */
  rejected?: string | undefined
  signal?: AbortSignal | undefined
}

/** An access token, as the broker answers it in either mode. */
export type IssuedToken = Pick<TokenResponse, 'access_token' | 'expires_in'>

/** The outcome of a consent: the parameters of the URL that the user comes back to. */
export type Outcome = Record<string, string>

/** How the SDK talks to the broker in one mode. */
export interface Transport {
  /** Gets an access token. */
  issue(request: TokenRequest): Promise<IssuedToken>
  /** Calls an endpoint of the broker; `ownToken` gets the broker's own token, which OAuth mode sends. */
  call(
    method: string,
    path: string,
    json?: object,
    signal?: AbortSignal,
    ownToken?: () => Promise<string>,
  ): Promise<Response>
  /** Makes the URL where a consent begins. Synchronous, because a popup must open during the click. */
  connectUrl(bundle: string, state: string, choose: boolean): string
  /** Finishes a consent: in OAuth mode it exchanges the code. */
  finish(outcome: Outcome): Promise<void>
  /** Forgets the key of a session that has ended, in this tab or another. */
  forget(): void
  /** Ends the session in this browser and at the broker. */
  signOut(signal?: AbortSignal): Promise<void>
}

/** How often a request is sent at most. */
const MAX_TRIES = 3
/** The longest `Retry-After` that is waited for, in seconds. */
const MAX_WAIT_SECONDS = 30

/**
 * Sends a request, and again after `Retry-After` if the broker asks for it.
 *
 * @throws {BrokerError} the error of the broker; `temporarily_unavailable` if it cannot be reached; the reason of `signal`
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
    const error = await errorOf(response)
    const { retry_after } = error
    if (!retry_after || tries === MAX_TRIES || retry_after > MAX_WAIT_SECONDS) throw error
    await pause(retry_after * 1000 * (1 + Math.random() / 4), signal)
  }
}

async function errorOf(response: Response): Promise<BrokerError> {
  const answer: Partial<ErrorResponse> = await response.json().catch(() => ({}))
  const retry_after = Number(response.headers.get('Retry-After')) || undefined
  return new BrokerError(answer.error ?? 'server_error', { ...answer, retry_after })
}
