/** The report: the results of a run as `RESULTS.md`. */

import type { Machine } from './machine.ts'
import {
  type Budget,
  type Cell,
  isHeld,
  number,
  percent,
  type Section,
  type Table,
} from './section.ts'

/** A run. */
export interface Results {
  /** `date` of RFC 3339. */
  date: string
  machine: Machine
  minutes: number
  sections: readonly Section[]
}

const INTRODUCTION = `Written by \`npm run bench\`; every figure comes from one run on one machine. Absolute figures vary from machine to machine, so read the ratios. Sides take turns in each round, a ratio is the median of the rounds' ratios, and a spread is half the distance of the quartiles. CPU times are those of the whole server process with its storage (Linux only).`

/** Writes the report. */
export function toMarkdown({ date, machine, minutes, sections }: Results): string {
  const { os, cores, cpu, memory_gib, versions } = machine
  const on = `${date}, ${minutes} minutes on ${cores} cores of ${cpu}, ${memory_gib} GiB, ${os}.`
  const software = Object.entries(versions).map(([name, version]) => `${name} ${version}`)
  return [
    '# Results of the bench',
    INTRODUCTION,
    `${on} ${software.join(', ')}.`,
    ...budgetsOf(sections),
    ...sections.flatMap(({ title, how, tables, meaning }) => [
      `## ${title}`,
      how,
      ...tables.map(tableOf),
      meaning.map((sentence) => `- ${sentence}`).join('\n'),
    ]),
  ]
    .join('\n\n')
    .concat('\n')
}

function budgetsOf(sections: readonly Section[]): string[] {
  const rows = sections.flatMap(({ budgets }) => budgets.map(budgetRow))
  return rows.length === 0
    ? []
    : ['## Budgets', tableOf({ head: ['what', 'budget', 'measured', ''], rows })]
}

function budgetRow(budget: Budget): string[] {
  const { what, limit, measured, spread, unit } = budget
  const spreadText = spread === undefined ? '' : percent(spread)
  return [what, limit, `${number(measured)} ${unit} ${spreadText}`.trim(), verdictOn(budget)]
}

/** Describes by how much a budget is held or missed, and whether the spread is larger. */
export function verdictOn(budget: Budget): string {
  const { measured, bound, kind, spread = 0 } = budget
  const word = isHeld(budget) ? 'held' : '**missed**'
  if (kind === 'exactly' || Number.isNaN(measured)) return Number.isNaN(measured) ? '—' : word
  const gap = Math.abs(measured - bound)
  const isChance = gap < spread * measured
  return `${word} by ${Math.round((gap / bound) * 100)} %${isChance ? ', within the spread' : ''}`
}

function tableOf({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(head),
    line(head.map((_, column) => (column === 0 ? '---' : '---:'))),
    ...rows.map((cells) => line(cells.map(textOf))),
  ].join('\n')
}

function textOf(cell: Cell): string {
  if (typeof cell === 'string') return cell
  if (typeof cell === 'number') return number(cell)
  return 'spread' in cell ? percent(cell.spread) : `± ${number(cell.deviation)}`
}
