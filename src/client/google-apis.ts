/** The addresses that an access token may be sent to: Google's Photos APIs, or a simulator on this machine (TMB-86). */

import type { BundlesResponse } from '../protocol/http.ts'
import { BrokerError } from './broker-error.ts'
import { LIMIT_MS, send } from './transport.ts'

/** Base addresses of the Photos APIs without a version, such as `https://photospicker.googleapis.com`. */
export type GoogleApis = NonNullable<BundlesResponse['photos_apis']>

const GOOGLE: GoogleApis = {
  picker: 'https://photospicker.googleapis.com',
  library: 'https://photoslibrary.googleapis.com',
}

/**
 * Finds the APIs. Only a broker on this machine is asked, and only addresses on this machine are taken from it.
 *
 * @throws {BrokerError} if that broker does not answer
 */
export async function findApis(base: string): Promise<GoogleApis> {
  if (!isLoopback(base)) return GOOGLE
  const attempt = (signal: AbortSignal) => fetch(`${base}/bundles`, { signal })
  const { photos_apis = GOOGLE } = await send<BundlesResponse>(attempt, undefined)
  return Object.values(photos_apis).every(isLoopback) ? photos_apis : GOOGLE
}

/** Whether a URL is of this machine. */
export function isLoopback(url: string): boolean {
  return /^(localhost|127\.0\.0\.1|\[::1])$/.test(new URL(url).hostname)
}

/** Finds the address that an access token may be sent to; `undefined` for any other, and for what is none. */
export function findTarget(
  address: string | URL,
  { picker, library }: GoogleApis,
): URL | undefined {
  try {
    const url = new URL(address, location.href)
    const isApi = [picker, library].some((api) => new URL(api).origin === url.origin)
    return isApi && !url.username && !url.password ? url : undefined
  } catch {
    return undefined
  }
}

/**
 * Sends a request with an access token.
 *
 * @throws {BrokerError} `temporarily_unavailable`: the network was lost, or no answer began in 30 seconds; with a body
 *   that is not text it may take longer
 */
export async function callApi(url: URL, init: RequestInit, token: string): Promise<Response> {
  const { signal, body } = init
  const headers = new Headers(init.headers)
  headers.set('Authorization', `Bearer ${token}`)
  const limited = new AbortController()
  const abort = (): void => limited.abort(signal?.reason)
  signal?.addEventListener('abort', abort, { once: true }) // it stays, for the body of the answer
  const isShort = !body || typeof body === 'string'
  const timer = isShort ? setTimeout(abort, LIMIT_MS) : undefined
  try {
    signal?.throwIfAborted()
    return await fetch(url, { ...init, headers, redirect: 'error', signal: limited.signal })
  } catch (cause) {
    signal?.throwIfAborted()
    throw new BrokerError('temporarily_unavailable', { cause })
  } finally {
    clearTimeout(timer)
  }
}
