/** This file is what every route is given, and how it reads a request: strictly, and within limits. */

import type { Context } from 'hono'
import { type GenericSchema, type InferOutput, safeParse } from 'valibot'
import { type AuditEvent, type AuditFields, openAuditLog } from '../../audit/audit.ts'
import type { Config } from '../../config/config.ts'
import { BrokerError, failureOf } from '../../errors.ts'
import { readUpTo } from '../../net/outbound.ts'
import type { Timings } from './timings.ts'

/** Bindings and per-request values, for Hono. */
export interface BrokerEnv {
  Bindings: Env
  Variables: {
    config: Config
    request_id: string
    timings: Timings
    /** What is known of whom and what a request is about, for the audit trail. */
    audit: AuditFields
  }
}

/** The context of a request to the broker. */
export type BrokerContext = Context<BrokerEnv>

/** Notes whom or what a request is about, as far as it was checked, for the audit trail (TMB-76). */
export function setAuditFields(c: BrokerContext, fields: AuditFields): void {
  Object.assign(c.get('audit'), fields)
}

/** Records what came of a request, with all that is known of it (TMB-76). */
export function audit(
  c: BrokerContext,
  event: AuditEvent,
  fields: AuditFields = {},
  error?: unknown,
): void {
  const origin = c.req.header('Origin')
  const trail = openAuditLog(c.env, (work) => c.executionCtx.waitUntil(work))
  trail.record(
    event,
    {
      request_id: c.get('request_id'),
      ...c.get('audit'),
      ...(origin === undefined ? {} : { origin: written(origin) }),
      ...fields,
    },
    error,
  )
}

/** Records what a request was refused for, or what it failed of and why, wherever that is answered (TMB-76). */
export function recordFailure(c: BrokerContext, error: unknown, more: AuditFields = {}): void {
  const { code, reason } = failureOf(error)
  const fields = { route: c.req.routePath, outcome: code, ...more }
  const isOurs = code === 'server_error' || code === 'temporarily_unavailable'
  if (isOurs) audit(c, 'request_failed', fields, error)
  else audit(c, 'request_refused', { ...fields, reason })
}

/** An origin as browsers write it; whatever else comes in its place may be a secret gone astray, and is not told (TMB-75). */
function written(origin: string): string {
  return ORIGIN.test(origin) ? origin : 'malformed'
}

/** `null`, or scheme, host and port of a page; RFC 6454 §6.2. */
const ORIGIN = /^(?:null|https?:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?)$/

/** Longer requests are refused before anything else is done with them (TMB-73). */
export const MAX_URL_LENGTH = 8 * 1024
const MAX_JSON_BYTES = 4 * 1024
const MAX_FORM_BYTES = 16 * 1024

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
 * @param maxBytes how long it may be; 4 KiB, where nothing is said
 * @throws {BrokerError} `invalid_request` when it is of another type, too long, no JSON, or of another shape
 */
export async function readJson<T extends GenericSchema>(
  c: BrokerContext,
  schema: T,
  maxBytes: number = MAX_JSON_BYTES,
): Promise<InferOutput<T>> {
  const text = await readBody(c, 'application/json', maxBytes)
  const parsed = safeParse(schema, parse(text))
  if (!parsed.success) throw new BrokerError('invalid_request', 'body_shape')
  return parsed.output
}

/**
 * Reads a small form, of which no parameter may come twice; an empty one counts as left out.
 *
 * @throws {BrokerError} `invalid_request`
 * @see RFC 6749 §3.2
 */
export async function readForm(c: BrokerContext): Promise<Parameters> {
  const text = await readBody(c, 'application/x-www-form-urlencoded', MAX_FORM_BYTES)
  const { parameters, repeated } = readParameters(text)
  if (repeated.size > 0) throw new BrokerError('invalid_request', 'parameter_repeated')
  return parameters
}

/**
 * Reads a small body of one type.
 *
 * @throws {BrokerError} `invalid_request` when it is of another, too long, or no UTF-8
 */
export async function readBody(
  c: BrokerContext,
  expected: string,
  maxBytes: number,
): Promise<string> {
  const [type = ''] = (c.req.header('Content-Type') ?? '').split(';')
  if (type.trim().toLowerCase() !== expected)
    throw new BrokerError('invalid_request', 'content_type')
  return readText(c.req.raw, maxBytes)
}

/** Parameters of an OAuth request, each of which came once. */
export type Parameters = ReadonlyMap<string, string>

/**
 * Reads OAuth parameters: one that is empty counts as left out, one that came twice has no value.
 *
 * @see RFC 6749 §3.1
 */
export function readParameters(text: string): {
  parameters: Parameters
  repeated: ReadonlySet<string>
} {
  const parameters = new Map<string, string>()
  const repeated = new Set<string>()
  const seen = new Set<string>()
  for (const [name, value] of new URLSearchParams(text)) {
    if (seen.has(name)) repeated.add(name)
    seen.add(name)
    if (value !== '') parameters.set(name, value)
  }
  for (const name of repeated) parameters.delete(name)
  return { parameters, repeated }
}

/** Whether the browser is only guessing that somebody may come here. */
export function isPrefetch(c: BrokerContext): boolean {
  return /prefetch|prerender/.test(
    `${c.req.header('Sec-Purpose') ?? ''} ${c.req.header('Purpose') ?? ''}`,
  )
}

/** Refuses what is no UTF-8; keeps nothing from one text to the next. */
const UTF_8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true })

async function readText(request: Request, maxBytes: number): Promise<string> {
  const length = request.headers.get('Content-Length')
  if (Number(length ?? 0) > maxBytes) throw new BrokerError('invalid_request', 'body_length')
  // HTTP brings no more than the length it told, and in one go a body is read much faster; RFC 9112 §6.3.
  const isTold = length !== null && /^\d+$/.test(length)
  try {
    const bytes = isTold ? await request.bytes() : await readUpTo(request.body, maxBytes)
    if (!bytes) throw new BrokerError('invalid_request', 'body_length')
    return UTF_8.decode(bytes)
  } catch (cause) {
    if (cause instanceof BrokerError) throw cause
    throw new BrokerError('invalid_request', 'body_encoding', { cause })
  }
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new BrokerError('invalid_request', 'body_syntax', { cause })
  }
}
