/** This file is the operator's log: one line of JSON an event, and never a secret, a query string or a user's name in it. */

import { failureOf } from '../errors.ts'

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

/** What `JSON.stringify` leaves as it is, and a terminal or a viewer of logs obeys: DEL, the C1 controls, Unicode's line ends. */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** Writes one event. @returns what was written */
export function log(level: LogRecord['level'], event: string, fields: LogFields = {}): LogRecord {
  const record = { at: new Date().toISOString(), level, event, ...fields }
  console[level](JSON.stringify(record).replace(UNESCAPED, escaped))
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
