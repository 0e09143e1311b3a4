/** Strict readers of a request: its query, its parameters and its body, all of limited size. */

import * as v from 'valibot'
import { BrokerError, isReason } from '../../errors.ts'
import { readUpTo } from '../../net/outbound.ts'
import type { BrokerContext } from './context.ts'

/** The longest URL that is served, in characters (TMB-73). */
export const MAX_URL_LENGTH = 8 * 1024
const MAX_JSON_BYTES = 4 * 1024
const MAX_FORM_BYTES = 16 * 1024

/** The name of a bundle in a JSON body. */
export const BUNDLE_NAME = v.pipe(v.string('bundle_shape'), v.maxLength(64, 'bundle_unknown'))

const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

/** The content types of bodies, and the reason for any other. */
const CONTENT_TYPES = {
  'application/json': 'content_type_json',
  'application/x-www-form-urlencoded': 'content_type_form',
  'application/secevent+jwt': 'content_type_event',
} as const

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
  requireNoneRepeated(readParameters(query).repeated)
  return query
}

/**
 * Reads a JSON body.
 *
 * @param schema the message of a check can be a reason, which is then that of the error
 * @param maxBytes the default is 4 KiB
 * @throws {BrokerError} invalid_request: the body has another type or shape, is no JSON, or is too long
 */
export async function readJson<T extends v.GenericSchema>(
  c: BrokerContext,
  schema: T,
  maxBytes: number = MAX_JSON_BYTES,
): Promise<v.InferOutput<T>> {
  const parsed = v.safeParse(schema, parseJson(await readBody(c, 'application/json', maxBytes)))
  if (parsed.success) return parsed.output
  const [{ message, expected, path }] = parsed.issues
  if (isReason(message)) throw new BrokerError(message)
  if (expected === 'never') throw new BrokerError('member_unknown')
  const [member] = path ?? []
  const isMissing = typeof member?.key === 'string' && member.value === undefined
  if (isMissing) throw new BrokerError('parameter_missing', { parameter: String(member.key) })
  throw new BrokerError('body_shape')
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
  requireNoneRepeated(repeated)
  return parameters
}

/**
 * Reads OAuth parameters: an empty one is treated as omitted, a repeated one has no value.
 *
 * @see RFC 6749 §3.1
 */
export function readParameters(text: string | URLSearchParams): {
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

/** Refuses parameters that came more than once. @throws {BrokerError} invalid_request, which names one of them */
export function requireNoneRepeated([parameter]: ReadonlySet<string>): void {
  if (parameter !== undefined) throw new BrokerError('parameter_repeated', { parameter })
}

/** Reads a required parameter. @throws {BrokerError} invalid_request: it is missing */
export function required(parameters: Parameters, name: string): string {
  const value = parameters.get(name)
  if (value === undefined) throw new BrokerError('parameter_missing', { parameter: name })
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
export async function readBody(
  c: BrokerContext,
  type: keyof typeof CONTENT_TYPES,
  maxBytes: number,
): Promise<string> {
  const [mediaType = ''] = (c.req.header('Content-Type') ?? '').split(';')
  if (mediaType.trim().toLowerCase() !== type) throw new BrokerError(CONTENT_TYPES[type])
  const length = c.req.header('Content-Length')
  if (Number(length ?? 0) > maxBytes) throw new BrokerError('body_length')
  // A body is never longer than its Content-Length (RFC 9112 §6.3), and is faster to read at once.
  const isLimited = length !== undefined && /^\d+$/.test(length)
  try {
    const bytes = isLimited ? await c.req.raw.bytes() : await readUpTo(c.req.raw.body, maxBytes)
    if (!bytes) throw new BrokerError('body_length')
    return UTF_8.decode(bytes)
  } catch (cause) {
    if (cause instanceof BrokerError) throw cause
    throw new BrokerError('body_encoding', { cause })
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BrokerError('body_syntax', { cause })
  }
}
