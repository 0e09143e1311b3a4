/** Outbound requests: no redirect is followed, every request has a time limit, and every body that is read has a size limit (TMB-18). */

import { BrokerError } from '../errors.ts'

/** How long a request may take, in milliseconds. */
const TIMEOUT_MS = 10_000

/** How long the body of an answer may be, in bytes. */
const MAX_ANSWER_BYTES = 256 * 1024

/**
 * Sends a request and reads its answer, up to 256 KiB and within 10 seconds. A redirect is returned, not followed.
 *
 * @throws {BrokerError} `temporarily_unavailable` when the body is too long
 */
export async function cappedFetch(url: string, init: object = {}): Promise<Response> {
  return withTimeout(async (signal) => {
    const { status, headers, body } = await fetch(url, { ...init, redirect: 'manual', signal })
    const isEmpty = body === null || [204, 205, 304].includes(status)
    const bytes = isEmpty ? null : await readUpTo(body, MAX_ANSWER_BYTES)
    if (bytes === undefined) throw new BrokerError('answer_too_long')
    return new Response(bytes, { status, headers })
  })
}

/**
 * Sends a request and returns its answer when the headers have come, within 10 seconds. A redirect is returned, not
 * followed. The body has no limit: it is read as it is passed on.
 */
export async function streamedFetch(url: string, init: object): Promise<Response> {
  return withTimeout((signal) => fetch(url, { ...init, redirect: 'manual', signal }))
}

/**
 * Reads a body of at most `maxBytes` bytes.
 *
 * @returns `undefined` when the body is longer
 */
export async function readUpTo(
  body: ReadableStream<Uint8Array> | null,
  maxBytes: number,
): Promise<Uint8Array | undefined> {
  const chunks: Uint8Array[] = []
  let length = 0
  for await (const chunk of body ?? []) {
    length += chunk.length
    if (length > maxBytes) return undefined
    chunks.push(chunk)
  }
  return new Blob(chunks).bytes()
}

/** Clears its timer at the end: `AbortSignal.timeout` keeps a Durable Object awake until it fires. */
async function withTimeout<T>(send: (signal: AbortSignal) => Promise<T>): Promise<T> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS)
  try {
    return await send(controller.signal)
  } finally {
    clearTimeout(timer)
  }
}
