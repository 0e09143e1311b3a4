/** The audit log: one record for each event about consents, sessions and tokens, to the log and to a queue. */

import { type LogFields, type LogRecord, log, logError } from './log.ts'

/** The events that are recorded (TMB-76). */
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

/** The members of a record besides its time and event. */
export interface AuditFields extends LogFields {
  /** `ok`, or the `error` of the answer. */
  outcome?: string
  /** The `Origin` header; not verified. */
  origin?: string
}

/** Writes records to the log; those of users, operators and verified events also to the queue bound as `AUDIT`, if any. */
export interface AuditLog {
  /** Writes one record; with `error`, its reason and the classes of its causes too. */
  record(event: AuditEvent, fields: AuditFields, error?: unknown): void
}

/**
 * Opens the audit log of a request or of a Durable Object.
 *
 * When the queue fails, the request still succeeds: the record is in the log, and so is the failure.
 *
 * @param waitUntil keeps the runtime alive until the record is sent
 */
export function openAuditLog(env: object, waitUntil: (work: Promise<void>) => void): AuditLog {
  const { AUDIT } = env as { AUDIT?: Queue }
  return {
    record(event, fields, error) {
      const record =
        error === undefined ? log('info', event, fields) : logError(event, error, fields)
      if (AUDIT && isAuthenticated(event, fields)) waitUntil(send(AUDIT, record))
    },
  }
}

/** Whether somebody with a credential caused it: strangers can fill the log, which is sampled, but not the queue. */
function isAuthenticated(event: AuditEvent, { subject, operator }: AuditFields): boolean {
  return subject !== undefined || operator !== undefined || event === 'security_event'
}

async function send(queue: Queue, record: LogRecord): Promise<void> {
  try {
    await queue.send(record)
  } catch (cause) {
    logError('audit_queue_failed', cause)
  }
}
