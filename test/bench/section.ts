/** A section of the report: tables, what they mean for an operator, and budgets. */

/** A text, a number, or how far the number beside it varies: as a part of it, or in its unit. */
export type Cell = string | number | { spread: number } | { deviation: number }

/** A table of the report. */
export interface Table {
  head: readonly string[]
  rows: readonly (readonly Cell[])[]
}

/** A limit, and the measured value. */
export interface Budget {
  what: string
  /** The limit as text. */
  limit: string
  measured: number
  /** Spread over several rounds. */
  spread?: number
  /** The limit of `measured`. */
  bound: number
  kind: 'at least' | 'at most' | 'exactly'
  unit: string
}

/** A section. */
export interface Section {
  title: string
  /** How it was measured. */
  how: string
  tables: readonly Table[]
  /** What the numbers mean, a sentence each. */
  meaning: readonly string[]
  budgets: readonly Budget[]
}

/** The size of a run. */
export interface Plan {
  /** Instead of `rounds` and `seconds` for the token requests, whose differences are small. */
  token_requests: { rounds: number; seconds: number }
  rounds: number
  /** Seconds of one side in one round, about. */
  seconds: number
  connections: number
  bursts: number
  /** Subjects in the large store. */
  subjects: number
  /** Bytes of the large media item. */
  large_bytes: number
  starts: number
}

/** Whether a budget is held. */
export function isHeld({ measured, bound, kind }: Budget): boolean {
  if (kind === 'at least') return measured >= bound
  return kind === 'at most' ? measured <= bound : measured === bound
}

/** Formats a number with two or three significant digits. */
export function number(value: number): string {
  if (Number.isNaN(value)) return '—'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
  return String(Number(value.toPrecision(value >= 100 ? 3 : 2)))
}

/** Formats a spread. */
export function percent(part: number): string {
  return Number.isNaN(part) ? '—' : `± ${Math.round(part * 100)} %`
}
