/** Strict readers of a request: its query, its parameters and its body, all of limited size. */

import { type GenericSchema, type InferOutput, safeParse } from 'valibot'
import { BrokerError } from '../../errors.ts'
import { readUpTo } from '../../net/outbound.ts'
import type { BrokerContext } from './context.ts'

/** The longest URL that is served, in characters (TMB-73). */
export const MAX_URL_LENGTH = 8 * 1024
const MAX_JSON_BYTES = 4 * 1024
const MAX_FORM_BYTES = 16 * 1024

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** Parameters of an OAuth request, by name. */
export type Parameters = ReadonlyMap<string, string>

/**
 * Reads a query.
 *
 * @throws {BrokerError} invalid_request: a parameter is repeated
 * @see RFC 6749 §3.1
 */
export function readQuery(c: BrokerContext): URLSearchParams {
  const query = new URL(c.req.url).searchParams
  if (new Set(query.keys()).size !== query.size)
    throw new BrokerError('invalid_request', 'parameter_repeated')
  return query
}

/**
 * Reads a JSON body.
 *
 * @param maxBytes the default is 4 KiB
 * @throws {BrokerError} invalid_request: the body has another type or shape, is no JSON, or is too long
 */
export async function readJson<T extends GenericSchema>(
  c: BrokerContext,
  schema: T,
  maxBytes: number = MAX_JSON_BYTES,
): Promise<InferOutput<T>> {
  const parsed = safeParse(schema, parseJson(await readBody(c, 'application/json', maxBytes)))
  if (!parsed.success) throw new BrokerError('invalid_request', 'body_shape')
  return parsed.output
}

/**
 * Reads a form of at most 16 KiB.
 *
 * @throws {BrokerError} invalid_request: the body is no form or is too long, or a parameter is repeated
 * @see RFC 6749 §3.2
 */
export async function readForm(c: BrokerContext): Promise<Parameters> {
  const text = await readBody(c, 'application/x-www-form-urlencoded', MAX_FORM_BYTES)
  const { parameters, repeated } = readParameters(text)
  if (repeated.size > 0) throw new BrokerError('invalid_request', 'parameter_repeated')
  return parameters
}

/**
 * Reads OAuth parameters: an empty one is treated as omitted, a repeated one has no value.
 *
 * @see RFC 6749 §3.1
 */
export function readParameters(text: string): {
  parameters: Parameters
  repeated: ReadonlySet<string>
} {
  const pairs = [...new URLSearchParams(text)]
  const seen = new Set<string>()
  const repeated = new Set<string>()
  for (const [name] of pairs) (seen.has(name) ? repeated : seen).add(name)
  const valid = pairs.filter(([name, value]) => value !== '' && !repeated.has(name))
  return { parameters: new Map(valid), repeated }
}

/** Reads a required parameter. @throws {BrokerError} invalid_request: it is missing */
export function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name)
  if (value === undefined) throw new BrokerError('invalid_request', `${name}_missing`)
  return value
}

/** Whether the browser loads the page in advance, before the user asks for it. */
export function isPrefetch(c: BrokerContext): boolean {
  const purpose = `${c.req.header('Sec-Purpose') ?? ''} ${c.req.header('Purpose') ?? ''}`
  return /prefetch|prerender/.test(purpose)
}

/**
 * Reads a body as text.
 *
 * @param type its `Content-Type`, without parameters
 * @throws {BrokerError} invalid_request: the body has another type, is too long, or is no UTF-8
 */
export async function readBody(c: BrokerContext, type: string, maxBytes: number): Promise<string> {
  const [mediaType = ''] = (c.req.header('Content-Type') ?? '').split(';')
  if (mediaType.trim().toLowerCase() !== type)
    throw new BrokerError('invalid_request', 'content_type')
  const length = c.req.header('Content-Length')
  if (Number(length ?? 0) > maxBytes) throw new BrokerError('invalid_request', 'body_length')
  // A body is never longer than its Content-Length (RFC 9112 §6.3), and is faster to read at once.
  const isLimited = length !== undefined && /^\d+$/.test(length)
  try {
    const bytes = isLimited ? await c.req.raw.bytes() : await readUpTo(c.req.raw.body, maxBytes)
    if (!bytes) throw new BrokerError('invalid_request', 'body_length')
    return UTF_8.decode(bytes)
  } catch (cause) {
    if (cause instanceof BrokerError) throw cause
    throw new BrokerError('invalid_request', 'body_encoding', { cause })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BrokerError('invalid_request', 'body_syntax', { cause })
  }
}
