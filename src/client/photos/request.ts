/** Requests to the Photos APIs in JSON, and the error that Google answers. */

import type { Broker } from '../index.ts'

/** An error that Google answered. */
export class PhotosError extends Error {
  override readonly name = 'PhotosError'

  /** The HTTP status; 0 if there was no answer. */
  readonly http: number
  /** Google's status, such as `PERMISSION_DENIED`; `UNKNOWN` if it named none, `FAILED` for a file in an upload. */
  readonly status: string

  constructor(http: number, status: string, message: string) {
    super(message)
    this.http = http
    this.status = status
  }
}

/** Which API to call, and with which bundle. */
export interface Api {
  broker: Broker
  bundle: string
  /** Base address of the API. */
  base: string
  signal?: AbortSignal | undefined
}

/** Sends a request to an API. @throws {PhotosError} Google's error @throws {BrokerError} what `broker.fetch` throws */
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

/** Makes an error of Google's error body. */
export function errorOf(http: number, answer: unknown): PhotosError {
  const { status = 'UNKNOWN', message = `Google answered ${http}` } =
    (answer as { error?: { status?: string; message?: string } } | undefined)?.error ?? {}
  return new PhotosError(http, status, message)
}
