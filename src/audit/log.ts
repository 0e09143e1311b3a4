/** The operator's log: one line of JSON for each event, without secrets, query strings or names of users. */

import { failureOf } from '../errors.ts'

/** The members of a line: fixed words, numbers and pseudonyms (TMB-75). */
export interface LogFields {
  request_id?: string
  subject?: string
  client?: string
  bundle?: string
  route?: string
  reason?: string
  /** The sentence of the reason: what is wrong, and what to do about it. */
  description?: string
  /** The name that an operator gave; not verified. */
  operator?: string
  /** The number of subjects of an operator's call. */
  subjects?: number
  /** Names of configuration variables and what to write instead; never a value. */
  problems?: readonly string[]
  status?: number
}

/** One line of the log. */
export interface LogRecord extends LogFields {
  /** UTC; ISO 8601. */
  at: string
  level: 'info' | 'warn' | 'error'
  event: string
}

/** Control characters that `JSON.stringify` does not escape: DEL, the C1 controls, Unicode's line separators. */
const UNESCAPED = /[\u007f-\u009f\u2028\u2029]/g

const escaped = (character: string): string =>
  `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`

/** The longest text of a line's member, in characters; the rest is cut off. */
const MAX_TEXT_LENGTH = 200

/** Writes one event. @returns the written record */
export function log(level: LogRecord['level'], event: string, fields: LogFields = {}): LogRecord {
  const record: LogRecord & Record<string, unknown> = { at: new Date().toISOString(), level, event }
  for (const [name, value] of Object.entries(fields))
    record[name] = typeof value === 'string' ? value.slice(0, MAX_TEXT_LENGTH) : value
  console[level](JSON.stringify(record).replace(UNESCAPED, escaped))
  return record
}

/** Writes an error as its fixed reason and the codes or classes of its causes, without messages: those of libraries may contain secrets. */
export function logError(event: string, error: unknown, fields: LogFields = {}): LogRecord {
  const causes: string[] = []
  let cause = error
  while (cause instanceof Error && causes.length < 5) {
    const { code } = cause as { code?: unknown }
    causes.push(typeof code === 'string' && /^[A-Z0-9_]{1,60}$/.test(code) ? code : cause.name)
    cause = cause.cause
  }
  return log('error', event, {
    ...fields,
    reason: `${failureOf(error).reason} (${causes.join(' < ')})`,
  })
}
