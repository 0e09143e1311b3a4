/** The influence of a full store: issuing tokens with many subjects in KV and with few. */

import { brokerSides, storeTokens } from '../broker.ts'
import type { Production } from '../bundles.ts'
import { cookieTarget } from '../frontend.ts'
import type { Target } from '../load.ts'
import { logProgress } from '../progress.ts'
import type { Provider } from '../provider.ts'
import { resultsOf, runRounds, type SideResults } from '../rounds.ts'
import { freePorts, type Runtime, startRuntime } from '../runtime.ts'
import { number, type Plan, type Section } from '../section.ts'
import { ratio } from '../statistics.ts'
import { temporaryFolder } from '../temporary.ts'

/** Subjects of the small store, and how many subjects of either store send requests. */
const FEW = 10

/** This comparison runs this many times as many rounds as others, because the difference is small. */
const MORE_ROUNDS = 2

/** Subjects that are stored in one request. */
const BATCH = 2000

/** Measures both stores in turn. */
export async function measureStored(
  production: Production,
  provider: Provider,
  plan: Plan,
): Promise<Section> {
  const { few, many } = await measureStores(production, provider, plan)
  const count = plan.subjects.toLocaleString('en')
  const [rate, cpu] = [ratio(many.rate, few.rate), ratio(many.cpu_us, few.cpu_us)]
  return {
    title: 'Many subjects',
    how: `${count} subjects in KV against ${FEW}; ${FEW} of either send requests in turn.`,
    tables: [
      {
        head: ['token requests', 'rate ÷ the smaller', 'spread', 'CPU ÷ the smaller'],
        rows: [
          [`${count} subjects against ${FEW}`, rate.median, { spread: rate.spread }, cpu.median],
        ],
      },
    ],
    meaning: [
      `With ${count} subjects stored, a token request takes ${number(cpu.median)} times the CPU of one with ${FEW}: it reads one record by its key.`,
    ],
    budgets: [
      {
        what: `token requests with ${count} subjects stored against ${FEW}`,
        limit: '≥ 0.9',
        measured: rate.median,
        spread: rate.spread,
        ...{ bound: 0.9, kind: 'at least', unit: '×' },
      },
    ],
  }
}

async function measureStores(
  production: Production,
  provider: Provider,
  plan: Plan,
): Promise<{ few: SideResults; many: SideResults }> {
  const sides = await brokerSides(production, provider.issuer, { few: {}, many: {} })
  using folder = temporaryFolder()
  const kept = { folder: folder.path, ports: await freePorts(sides.length) }
  const filling = await startRuntime(sides, kept)
  const few = await store(filling, 'few', FEW)
  const many = await store(filling, 'many', plan.subjects)
  await filling[Symbol.asyncDispose]()
  await using runtime = await startRuntime(sides, kept) // a new process, without the load of the writes
  const target = (name: string, cookies: string[]): Target =>
    cookieTarget(name, { url: runtime.url(name), pid: runtime.pid }, cookies)
  const rounds = plan.rounds * MORE_ROUNDS
  const targets = [target('few', few), target('many', many)]
  const all = await runRounds('subjects', targets, { ...plan, rounds })
  return { few: resultsOf(all, 'few'), many: resultsOf(all, 'many') }
}

/** Stores a token for each of `count` subjects. @returns cookies of those who will send requests */
async function store(runtime: Runtime, name: string, count: number): Promise<string[]> {
  const cookies: string[] = []
  const cookie_each = Math.max(1, Math.floor(count / FEW))
  for (let from = 0; from < count; from += BATCH) {
    const some = { from, count: Math.min(BATCH, count - from), cookie_each }
    cookies.push(...(await storeTokens(runtime, name, some)))
  }
  logProgress(`${count} subjects stored`)
  return cookies
}
