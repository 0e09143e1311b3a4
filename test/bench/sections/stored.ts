/** This file is what a full store does to a hand-out: many subjects against few, and one subject with many bundles. */

import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { brokerSides, makeRecords, TWENTY, write } from '../broker.ts'
import { bundle, type Production } from '../bundles.ts'
import { cookieTarget } from '../frontend.ts'
import type { Provider } from '../provider.ts'
import { type Turns, takeTurns } from '../rounds.ts'
import { type Runtime, type Side, startRuntime } from '../runtime.ts'
import { say } from '../say.ts'
import { type Cell, number, type Plan, type Section } from '../section.ts'
import type { Stage } from '../stage.ts'
import { ratio } from '../statistics.ts'
import { fillStore } from '../store.ts'

const FEW = 10

/** Rounds beyond those of other comparisons: what is looked for is small. */
const MORE_ROUNDS = 2
const RECORDS_A_TIME = 2000
const NAMES = ['few', 'many'] as const
const WITNESSES = { few: 'the few', many: 'the many' } as const

/** Measures both. */
export async function measureStored(
  stage: Stage,
  production: Production,
  provider: Provider,
  plan: Plan,
): Promise<Section> {
  const bundles = await measureBundles(stage, plan)
  const { few, many } = await measureSubjects(production, provider, plan)
  const count = plan.subjects.toLocaleString('en')
  const against = ratio(many.rate, few.rate)
  const cpu = ratio(many.cpu_us, few.cpu_us)
  const [edge = '', strict = ''] = bundles.map(([, twenty, one]) =>
    number(ratio(twenty.rate, one.rate).median),
  )
  return {
    title: 'What is stored',
    how: `${count} subjects in KV against ${FEW}; ${FEW} of either ask in turn. And one subject with 20 bundles against one with 1.`,
    tables: [
      {
        head: ['hand-out', 'rate ÷ the smaller', 'spread', 'CPU ÷ the smaller'],
        rows: [
          row(`${count} subjects against ${FEW}`, many, few),
          ...bundles.map(([name, more, one]) => row(name, more, one)),
        ],
      },
    ],
    meaning: [
      `With ${count} subjects stored, a hand-out takes ${number(cpu.median)} times the CPU of one with ${FEW}: it reads one record by its key, whoever else is there.`,
      `A user of 20 bundles gets a token at ${edge} times the rate of one with a single bundle, and at ${strict} times with \`CONSISTENCY = "strict"\`: each bundle is a record of its own.`,
    ],
    budgets: [
      {
        what: `hand-out with ${count} subjects stored against ${FEW}`,
        limit: '≥ 0.9',
        measured: against.median,
        spread: against.spread,
        ...{ bound: 0.9, kind: 'at least', unit: '×' },
      },
    ],
  }
}

function row(name: string, larger: Turns, smaller: Turns): Cell[] {
  const rate = ratio(larger.rate, smaller.rate)
  const cpu = ratio(larger.cpu_us, smaller.cpu_us)
  return [name, rate.median, { spread: rate.spread }, cpu.median]
}

async function measureBundles(stage: Stage, plan: Plan): Promise<[string, Turns, Turns][]> {
  const results: [string, Turns, Turns][] = []
  for (const broker of ['edge', 'strict']) {
    const [one, twenty] = [`1 bundle, ${broker}`, `20 bundles, ${broker}`]
    const all = await takeTurns(
      'bundles',
      [
        cookieTarget(one, stage.side(broker), [(await stage.plant(broker)).cookie]),
        cookieTarget(twenty, stage.side(broker), [
          (await stage.plant(broker, { bundles: TWENTY })).cookie,
        ]),
      ],
      plan,
    )
    results.push([`20 bundles against 1, ${broker}`, turnsOf(all, twenty), turnsOf(all, one)])
  }
  return results
}

async function measureSubjects(
  production: Production,
  provider: Provider,
  plan: Plan,
): Promise<{ few: Turns; many: Turns }> {
  const sides = await brokerSides(production, provider.issuer, { few: {}, many: {} })
  const folder = await mkdtemp(join(tmpdir(), 'photos-token-broker-bench-'))
  try {
    const cookies = await fill(sides, production, folder, plan.subjects)
    const runtime = await startRuntime(sides, folder)
    try {
      const targets = NAMES.map((name) =>
        cookieTarget(name, { url: runtime.url(name), pid: runtime.pid }, cookies[name]),
      )
      const all = await takeTurns('subjects', targets, {
        ...plan,
        rounds: plan.rounds * MORE_ROUNDS,
      })
      return { few: turnsOf(all, 'few'), many: turnsOf(all, 'many') }
    } finally {
      await runtime[Symbol.asyncDispose]()
    }
  } finally {
    await rm(folder, { recursive: true })
  }
}

/** Fills the stores of both while nobody uses them. @returns cookies of those who will ask */
async function fill(
  sides: readonly Side[],
  production: Production,
  folder: string,
  subjects: number,
): Promise<Record<'few' | 'many', string[]>> {
  const cookies = { few: [] as string[], many: [] as string[] }
  const records: Record<'few' | 'many', Parameters<typeof fillStore>[3][number][]> = {
    few: [],
    many: [],
  }
  const code = await bundle('workers/writer.ts', production.path)
  const writers = NAMES.map((name) => ({ name: `writer of ${name}`, code, kv: { TOKENS: name } }))
  const runtime = await startRuntime([...sides, ...writers], folder)
  for (const name of NAMES) {
    await write(runtime, name, WITNESSES[name], 'first') // makes the namespace's table
    const count = name === 'few' ? FEW : subjects
    const cookie_each = name === 'few' ? 1 : Math.max(1, Math.floor(subjects / FEW))
    await makeAll(runtime, name, count, cookie_each, (made) => {
      records[name].push(...made.records)
      cookies[name].push(...made.cookies)
    })
  }
  await runtime[Symbol.asyncDispose]()
  for (const name of NAMES) await fillStore(folder, name, WITNESSES[name], records[name])
  say(`${subjects} subjects stored`)
  return cookies
}

async function makeAll(
  runtime: Runtime,
  name: string,
  count: number,
  cookie_each: number,
  take: (made: Awaited<ReturnType<typeof makeRecords>>) => void,
): Promise<void> {
  for (let from = 0; from < count; from += RECORDS_A_TIME) {
    const some = { from, count: Math.min(RECORDS_A_TIME, count - from), cookie_each }
    take(await makeRecords(runtime, name, some))
  }
}

function turnsOf(all: ReadonlyMap<string, Turns>, name: string): Turns {
  const turns = all.get(name)
  if (!turns) throw new Error(`nobody measured ${name}`)
  return turns
}
