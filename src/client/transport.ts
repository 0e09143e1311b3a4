/** What cookie mode and OAuth mode have in common: their interface, and a request with a time limit and retries. */

import type { ErrorResponse, TokenResponse } from '../protocol/http.ts'
import { BrokerError } from './broker-error.ts'
import type { PendingConsent } from './memo.ts'
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

/** How a consent begins. */
export interface ConnectRequest extends Pick<PendingConsent, 'state' | 'bundle' | 'code_verifier'> {
  /** Whether the user chooses a Google account. */
  choose: boolean
  login_hint?: string | undefined
}

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
  ): Promise<unknown>
  /** Makes the URL where a consent begins. */
  connectUrl(request: ConnectRequest): Promise<string>
  /** Finishes a consent: in OAuth mode it redeems the code. */
  finish(outcome: Outcome, pending: PendingConsent): Promise<void>
  /** Ends the session in this browser and at the broker. */
  signOut(signal: AbortSignal): Promise<void>
}

/** How long an answer may take, in milliseconds. */
export const LIMIT_MS = 30_000
/** How often a request is sent at most. */
const MAX_TRIES = 3
/** The longest `Retry-After` that is waited for, in seconds. */
const MAX_WAIT_SECONDS = 30

/**
 * Sends a request, and again after `Retry-After` if the broker asks for it.
 *
 * @param attempt sends the request once, until its signal is aborted
 * @param lost_tries how often it is sent again, every two seconds, when the network is lost
 * @returns the JSON of the answer; `undefined` for an empty one
 * @throws {BrokerError} the error of the broker; `temporarily_unavailable` if it cannot be reached in time, or if something
 *   else answers in its place; the reason of `signal`
 */
export async function send<T>(
  attempt: (signal: AbortSignal) => Promise<Response>,
  signal: AbortSignal | undefined,
  lost_tries = 0,
): Promise<T> {
  for (let [tries, lost] = [1, 0]; ; ) {
    const result = await sendOnce<T>(attempt, signal)
    if ('value' in result) return result.value
    const { error, is_lost } = result
    if (is_lost && lost++ < lost_tries) await pause(2000, signal)
    else {
      const { retry_after } = error as { retry_after?: number }
      if (!retry_after || tries++ === MAX_TRIES || retry_after > MAX_WAIT_SECONDS) throw error
      await pause(retry_after * 1000 * (1 + Math.random() / 4), signal)
    }
  }
}

type Result<T> = { value: T } | { error: BrokerError; is_lost?: boolean }

async function sendOnce<T>(
  attempt: (signal: AbortSignal) => Promise<Response>,
  signal: AbortSignal | undefined,
): Promise<Result<T>> {
  signal?.throwIfAborted()
  const limited = new AbortController()
  const abort = (): void => limited.abort(signal?.reason)
  const timer = setTimeout(abort, LIMIT_MS)
  signal?.addEventListener('abort', abort)
  try {
    const response = await attempt(limited.signal)
    const text = await response.text()
    if (response.ok && text === '') return { value: undefined as T }
    const answer: unknown = JSON.parse(text)
    return response.ok ? { value: answer as T } : { error: errorOf(response, answer) }
  } catch (cause) {
    signal?.throwIfAborted()
    if (cause instanceof BrokerError) return { error: cause }
    return { error: new BrokerError('temporarily_unavailable', { cause }), is_lost: true }
  } finally {
    clearTimeout(timer)
    signal?.removeEventListener('abort', abort)
  }
}

function errorOf({ headers }: Response, answer: unknown): BrokerError {
  const { error, ...members } = (answer ?? {}) as Partial<ErrorResponse>
  if (typeof error !== 'string') return new BrokerError('temporarily_unavailable') // of something else on the way
  const retry_after = Number(headers.get('Retry-After')) || undefined
  return new BrokerError(error, { ...members, ...(retry_after ? { retry_after } : {}) })
}

/** Checks an answer with a token: a captive portal may answer in place of the broker. */
export function requireToken<T extends IssuedToken>(answer: T): T {
  const { access_token, expires_in } = (answer ?? {}) as Partial<T>
  if (typeof access_token === 'string' && Number(expires_in) > 0) return answer
  throw new BrokerError('temporarily_unavailable')
}
