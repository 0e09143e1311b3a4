/** Requests to the Photos APIs in JSON, and waiting for failures that pass. */

import pRetry from 'p-retry'
import type { Broker } from '../index.ts'
import { pause, untilAborted } from '../pause.ts'
import { errorOf, isPassing, PhotosError } from './photos-error.ts'

/** Which API to call, and with which bundle. */
export interface Api {
  broker: Broker
  bundle: string
  /** Base address of the API. */
  base: string
  signal?: AbortSignal | undefined
}

/** How long the body of an answer may take, in milliseconds. */
const BODY_MS = 30_000
/** The shortest and the longest pause before another try, in milliseconds; Google may ask for a longer one. */
const PAUSE_MS = { minTimeout: 1000, maxTimeout: 30_000 }

/**
 * Sends a request to an API once.
 *
 * @throws {PhotosError} Google's error @throws {BrokerError} what `broker.fetch` throws
 */
export async function request<T>(
  { broker, bundle, base, signal }: Api,
  method: string,
  path: string,
  json?: object,
): Promise<T> {
  const response = await broker.fetch(bundle, base + path, {
    method,
    signal: signal ?? null,
    body: json ? JSON.stringify(json) : null,
    headers: json ? { 'Content-Type': 'application/json' } : {},
  })
  const body = response.text().catch(() => undefined) // the connection was cut
  const text = await untilAborted(Promise.race([body, pause(BODY_MS)]), signal)
  const retryAfter = response.headers.get('Retry-After')
  if (!response.ok) throw errorOf(response.status, parse(text ?? ''), retryAfter)
  const answer = text === '' ? {} : parse(text ?? '')
  if (answer === undefined) throw new PhotosError(0, 'UNAVAILABLE') // cut, or of something else on the way
  return answer as T
}

/** Parses JSON; `undefined` for any other text. */
export function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** How long failures are waited out. */
export interface Patience {
  signal?: AbortSignal | undefined
  /** Milliseconds after which a failure counts, even if it would pass. */
  limit_ms: number
  /** Is called before each wait. */
  onRetry?: (() => void) | undefined
}

/**
 * Does work, and again after each failure that passes by itself, until the limit.
 *
 * @throws the first failure that does not pass, or the last one; the reason of `signal`
 */
export function patiently<T>(
  work: () => Promise<T>,
  { signal, limit_ms, onRetry }: Patience,
): Promise<T> {
  return pRetry(work, {
    ...PAUSE_MS,
    retries: Number.POSITIVE_INFINITY,
    randomize: true,
    maxRetryTime: limit_ms,
    signal,
    shouldRetry: ({ error }) => isPassing(error),
    async onFailedAttempt({ error }) {
      if (!isPassing(error)) return
      onRetry?.()
      await pause(Math.min((error.retry_after ?? 0) * 1000, limit_ms), signal)
    },
  })
}
