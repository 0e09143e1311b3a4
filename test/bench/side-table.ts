/** The table of sides that were loaded in turn, each beside a bare Worker of the same rounds. */

import { type AllResults, resultsOf } from './rounds.ts'
import type { Cell, Table } from './section.ts'
import { differences, figure, ratio } from './statistics.ts'

/** Computes the CPU time of a side's answer beyond that of a bare Worker, in microseconds by round. */
export function cpuBeyond(all: AllResults, name: string, bare: string): number[] {
  return differences(resultsOf(all, name).cpu_us, resultsOf(all, bare).cpu_us)
}

/** Makes the table. @param title stands above the sides */
export function sideTable(title: string, all: AllResults, bare: string): Table {
  return {
    head: [
      ...[title, `CPU µs beyond ${bare}`, '± µs', 'CPU µs an answer'],
      ...[`rate ÷ ${bare}`, 'answers/s', 'spread', 'p50 ms', 'p99 ms', 'cores busy'],
    ],
    rows: [...all].map(([name, { rate, cpu_us, p50_ms, p99_ms, busy }]) => [
      ...[name, ...beyondCells(name === bare ? [] : cpuBeyond(all, name, bare))],
      ...[figure(cpu_us).median, ratio(rate, resultsOf(all, bare).rate).median],
      ...[figure(rate).median, { spread: figure(rate).spread }],
      ...[figure(p50_ms).median, figure(p99_ms).median, figure(busy).median],
    ]),
  }
}

/** Makes the cells of values by round: their median, and how far they vary. */
export function beyondCells(values: readonly number[]): Cell[] {
  if (values.length === 0) return ['', '']
  const { median, deviation } = figure(values)
  return [median, { deviation }]
}
