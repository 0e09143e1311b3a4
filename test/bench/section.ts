/** This file is what a part of the bench hands in: tables, what they mean for somebody who uses the broker, and the budgets they are held against. */

/** A word, a figure, or how much chance is in the figure beside it. */
export type Cell = string | number | { spread: number }

/** A table of the report. */
export interface Table {
  head: readonly string[]
  rows: readonly (readonly Cell[])[]
}

/** One line of design.md §9. */
export interface Budget {
  what: string
  /** The limit in words. */
  limit: string
  measured: number
  /** How much chance there is in it, where it is of several rounds. */
  spread?: number
  /** What `measured` has to be, and how it is written. */
  bound: number
  kind: 'at least' | 'at most' | 'exactly'
  unit: string
}

/** A part of the bench. */
export interface Section {
  title: string
  /** What was done, in a sentence or two. */
  how: string
  tables: readonly Table[]
  /** What the figures mean, a sentence each. */
  meaning: readonly string[]
  budgets: readonly Budget[]
}

/** How much a run takes its time. */
export interface Plan {
  rounds: number
  /** Seconds of one side in one round, about. */
  seconds: number
  connections: number
  bursts: number
  /** Subjects stored, where they are many. */
  subjects: number
  /** Bytes of the large media item. */
  large_bytes: number
  starts: number
  /** How often each tab of the SDK's hour asks for a token. */
  asks_an_hour: number
}

/** Whether a budget is held. */
export function isHeld({ measured, bound, kind }: Budget): boolean {
  if (kind === 'at least') return measured >= bound
  return kind === 'at most' ? measured <= bound : measured === bound
}

/** Writes a number with as many digits as it is worth. */
export function number(value: number): string {
  if (Number.isNaN(value)) return '—'
  if (Math.abs(value) >= 1000) return Math.round(value).toLocaleString('en').replaceAll(',', ' ')
  return String(Number(value.toPrecision(value >= 100 ? 3 : 2)))
}

/** Writes a spread. */
export function percent(part: number): string {
  return Number.isNaN(part) ? '—' : `± ${Math.round(part * 100)} %`
}
