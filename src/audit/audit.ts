/** This file is the audit trail: what happened to whose consent and session, one record an event, to the log and to a queue. */

import { type LogFields, log, logError } from './log.ts'

/** What is recorded (TMB-76). */
export type AuditEvent =
  | 'connect_started'
  | 'connect_finished'
  | 'token_issued'
  | 'media_issued'
  | 'session_ended'
  | 'bundle_forgotten'
  | 'disconnected'
  | 'request_refused'
  | 'request_failed'
  | 'refresh_failed'
  | 'grant_ended'
  | 'revocation_failed'
  | 'pending_grant_dropped'
  | 'record_unreadable'
  | 'security_event'
  | 'operator_list'
  | 'operator_stats'
  | 'operator_reseal'
  | 'operator_forget'

/** What a record says besides its time and event. */
export interface AuditFields extends LogFields {
  /** `ok`, or the `error` of the answer. */
  outcome?: string
  /** Whom the browser says the request is from; its word alone. */
  origin?: string
}

/** Where records go; the queue is optional, as the binding `AUDIT`. */
export interface AuditLog {
  record(event: AuditEvent, fields: AuditFields, error?: unknown): void
}

/** Longer untrusted texts are cut off. */
const MAX_TEXT_LENGTH = 200

/**
 * Opens the trail of a request, or of a Durable Object.
 *
 * A queue that fails never fails what is recorded: the record is in the log as well, and so is that failure.
 *
 * @param waitUntil keeps the runtime alive while a record is on its way
 */
export function openAuditLog(env: object, waitUntil: (work: Promise<void>) => void): AuditLog {
  const { AUDIT } = env as { AUDIT?: Queue }
  return {
    record(event, fields, error) {
      const texts = capped(fields)
      const record = error === undefined ? log('info', event, texts) : logError(event, error, texts)
      if (AUDIT)
        waitUntil(
          AUDIT.send(record).then(
            () => undefined,
            (cause: unknown) => void logError('audit_queue_failed', cause),
          ),
        )
    },
  }
}

function capped(fields: AuditFields): AuditFields {
  const isLong = (value: unknown): value is string =>
    typeof value === 'string' && value.length > MAX_TEXT_LENGTH
  if (!Object.values(fields).some(isLong)) return fields
  return Object.fromEntries(
    Object.entries(fields).map(([name, value]) => [
      name,
      isLong(value) ? value.slice(0, MAX_TEXT_LENGTH) : value,
    ]),
  )
}
