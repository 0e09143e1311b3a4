/** The context of a request, and its audit records. */

import type { Context } from 'hono'
import { type AuditEvent, type AuditFields, openAuditLog } from '../../audit/audit.ts'
import type { Config } from '../../config/config.ts'
import { describe, failureOf } from '../../errors.ts'
import type { Timings } from './timings.ts'

/** Bindings and per-request values, for Hono. */
export interface BrokerEnv {
  Bindings: Env
  Variables: {
    config: Config
    request_id: string
    timings: Timings
    /** What is known about the request, for its audit records. */
    audit: AuditFields
  }
}

/** The context of a request to the broker. */
export type BrokerContext = Context<BrokerEnv>

/** A web origin, or `null`; RFC 6454 §6.2. */
const ORIGIN = /^(?:null|https?:\/\/(?:[a-z0-9._-]+|\[[0-9a-f:.]+\])(?::\d{1,5})?)$/

/** Begins the audit records of a request. A malformed `Origin` may hold a secret, and is not recorded (TMB-75). */
export function startAudit(c: BrokerContext, request_id: string): void {
  const origin = c.req.header('Origin')
  const fields: AuditFields = { request_id }
  if (origin !== undefined) fields.origin = ORIGIN.test(origin) ? origin : 'malformed'
  c.set('audit', fields)
}

/** Adds verified fields to every audit record of this request from now on (TMB-76). */
export function setAuditFields(c: BrokerContext, fields: AuditFields): void {
  Object.assign(c.get('audit'), fields)
}

/** Records an event with all that is known about the request (TMB-76). */
export function audit(
  c: BrokerContext,
  event: AuditEvent,
  fields: AuditFields = {},
  error?: unknown,
): void {
  const log = openAuditLog(c.env, (work) => c.executionCtx.waitUntil(work))
  log.record(event, { ...c.get('audit'), ...fields }, error)
}

/** Records why a request was refused or failed (TMB-76). */
export function auditFailure(c: BrokerContext, error: unknown, more: AuditFields = {}): void {
  const failure = failureOf(error)
  const { code, reason } = failure
  const description = describe(failure)
  const fields = { route: c.req.routePath, outcome: code, description, ...more }
  const isFailed = code === 'server_error' || code === 'temporarily_unavailable'
  if (isFailed) audit(c, 'request_failed', fields, error)
  else audit(c, 'request_refused', { ...fields, reason })
}
