/** This file is how a request leaves the broker: no redirects, in time, and its answer read only so far (TMB-18) or not at all. */

import { BrokerError } from '../errors.ts'

/** No request takes longer. */
const TIMEOUT_MS = 10_000

/** No answer is read further. */
const MAX_ANSWER_BYTES = 256 * 1024

/**
 * Sends a request and reads its answer as far as the cap; a redirect is an answer like any other.
 *
 * The timer is cleared, where `AbortSignal.timeout` would keep a Durable Object awake until it fires.
 */
export async function cappedFetch(url: string, init: object = {}): Promise<Response> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS)
  try {
    const { status, headers, body } = await fetch(url, {
      ...init,
      redirect: 'manual',
      signal: controller.signal,
    })
    const hasBody = body !== null && ![204, 205, 304].includes(status)
    return new Response(hasBody ? await readCapped(body) : null, { status, headers })
  } finally {
    clearTimeout(timer)
  }
}

/**
 * Sends a request and gives its answer as soon as the headers are there; a redirect is an answer like any other.
 *
 * Only the headers have to come in time: a body is read as fast as its reader reads, and for as long.
 */
export async function streamedFetch(url: string, init: object): Promise<Response> {
  const controller = new AbortController()
  const timer = setTimeout(() => controller.abort(), TIMEOUT_MS)
  try {
    return await fetch(url, { ...init, redirect: 'manual', signal: controller.signal })
  } finally {
    clearTimeout(timer)
  }
}

async function readCapped(body: ReadableStream): Promise<Blob> {
  const chunks: Uint8Array<ArrayBuffer>[] = []
  let bytes = 0
  for await (const chunk of body) {
    bytes += chunk.length
    if (bytes > MAX_ANSWER_BYTES)
      throw new BrokerError('temporarily_unavailable', 'answer_too_long')
    chunks.push(chunk)
  }
  return new Blob(chunks)
}
