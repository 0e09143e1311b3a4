/** This file is what every route is given, and how it reads a request: strictly, and within limits. */

import type { Context } from 'hono'
import { type GenericSchema, type InferOutput, safeParse } from 'valibot'
import type { Config } from '../config.ts'
import { BrokerError } from '../errors.ts'
import type { Timings } from './timings.ts'

/** Bindings and per-request values, for Hono. */
export interface BrokerEnv {
  Bindings: Env
  Variables: { config: Config; request_id: string; timings: Timings }
}

/** The context of a request to the broker. */
export type BrokerContext = Context<BrokerEnv>

/** Longer requests are refused before anything else is done with them (TMB-73). */
export const MAX_URL_LENGTH = 8 * 1024
const MAX_BODY_BYTES = 4 * 1024

/**
 * Reads a query, of which no parameter may come twice.
 *
 * @throws {BrokerError} `invalid_request`
 * @see RFC 6749 §3.1
 */
export function readQuery(c: BrokerContext): URLSearchParams {
  const query = new URL(c.req.url).searchParams
  if (new Set(query.keys()).size !== query.size)
    throw new BrokerError('invalid_request', 'parameter_repeated')
  return query
}

/**
 * Reads a small JSON body of a known shape.
 *
 * @throws {BrokerError} `invalid_request` when it is of another type, too long, no JSON, or of another shape
 */
export async function readJson<T extends GenericSchema>(
  c: BrokerContext,
  schema: T,
): Promise<InferOutput<T>> {
  const [type = ''] = (c.req.header('Content-Type') ?? '').split(';')
  if (type.trim().toLowerCase() !== 'application/json')
    throw new BrokerError('invalid_request', 'content_type')
  const parsed = safeParse(schema, parse(await readText(c.req.raw)))
  if (!parsed.success) throw new BrokerError('invalid_request', 'body_shape')
  return parsed.output
}

/** Whether the browser is only guessing that somebody may come here. */
export function isPrefetch(c: BrokerContext): boolean {
  return /prefetch|prerender/.test(
    `${c.req.header('Sec-Purpose') ?? ''} ${c.req.header('Purpose') ?? ''}`,
  )
}

async function readText({ headers, body }: Request): Promise<string> {
  if (Number(headers.get('Content-Length') ?? 0) > MAX_BODY_BYTES)
    throw new BrokerError('invalid_request', 'body_length')
  const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })
  let text = ''
  let bytes = 0
  try {
    for await (const chunk of body ?? []) {
      bytes += chunk.length
      if (bytes > MAX_BODY_BYTES) break
      text += decoder.decode(chunk, { stream: true })
    }
    text += decoder.decode()
  } catch (cause) {
    throw new BrokerError('invalid_request', 'body_encoding', { cause })
  }
  if (bytes > MAX_BODY_BYTES) throw new BrokerError('invalid_request', 'body_length')
  return text
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BrokerError('invalid_request', 'body_syntax', { cause })
  }
}
