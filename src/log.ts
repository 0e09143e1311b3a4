/** This file is the operator's log: one line of JSON an event, and never a secret, a query string or a user's name in it. */

import { failureOf } from './errors.ts'

/** What one line may carry; every member is a fixed word, a number, or a pseudonym (TMB-75). */
export interface LogFields {
  request_id?: string
  subject?: string
  client?: string
  bundle?: string
  route?: string
  reason?: string
  /** The name an operator goes by; their own word. */
  operator?: string
  /** How many subjects an operator asked about. */
  subjects?: number
  /** Names of configuration variables and what to write instead; never a value. */
  problems?: readonly string[]
  status?: number
}

/** One event, as it is written. */
export interface LogRecord extends LogFields {
  /** UTC; ISO 8601. */
  at: string
  level: 'info' | 'warn' | 'error'
  event: string
}

/** Writes one event. @returns what was written */
export function log(level: LogRecord['level'], event: string, fields: LogFields = {}): LogRecord {
  const record = { at: new Date().toISOString(), level, event, ...fields }
  console[level](JSON.stringify(record))
  return record
}

/** Writes an error as its fixed reason and the class names of its causes: messages of others may quote secrets. */
export function logError(event: string, error: unknown, fields: LogFields = {}): LogRecord {
  const causes: string[] = []
  for (
    let cause: unknown = error;
    cause instanceof Error && causes.length < 5;
    cause = cause.cause
  ) {
    const { code } = cause as { code?: unknown }
    causes.push(typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : cause.name)
  }
  return log('error', event, {
    ...fields,
    reason: `${failureOf(error).reason} (${causes.join(' < ')})`,
  })
}
