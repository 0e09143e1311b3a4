/** This file is a request to a Photos API: JSON in, JSON out, and what Google says when it refuses. */

import type { Broker } from '../index.ts'

/** Google refused; `status` is its word for why, such as `PERMISSION_DENIED` or `RESOURCE_EXHAUSTED`. */
export class PhotosError extends Error {
  override readonly name = 'PhotosError'

  /** Of the answer; 0 when there was none. */
  readonly http: number
  readonly status: string

  constructor(http: number, status: string, message: string) {
    super(message)
    this.http = http
    this.status = status
  }
}

/** Where and for which bundle to ask. */
export interface Api {
  broker: Broker
  bundle: string
  /** Base address of the API. */
  base: string
  signal?: AbortSignal | undefined
}

/**
 * Sends a request to an API.
 *
 * @throws {PhotosError} Google's refusal
 * @throws {BrokerError} what `broker.fetch` throws
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
  const answer = await response.json().catch(() => ({}))
  if (!response.ok) throw errorOf(response.status, answer)
  return answer
}

/** Reads Google's error body. */
export function errorOf(http: number, answer: unknown): PhotosError {
  const { status = 'UNKNOWN', message = `Google answered ${http}` } =
    (answer as { error?: { status?: string; message?: string } } | undefined)?.error ?? {}
  return new PhotosError(http, status, message)
}
