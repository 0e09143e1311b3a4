/** The build of this checkout beside that of another commit: both brokers and a bare Worker in turn, and their sizes. */

import { readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { brokerSides } from '../broker.ts'
import { buildProduction, type Production } from '../bundles.ts'
import { inMemory } from '../in-memory.ts'
import { logProgress } from '../progress.ts'
import type { Provider } from '../provider.ts'
import { type AllResults, runRounds } from '../rounds.ts'
import type { Cell, Plan, Section } from '../section.ts'
import { beyondCells, cpuBeyond, sideTable } from '../side-table.ts'
import { BARE_KV, bareSides, openStage, type Stage, withMemory } from '../stage.ts'
import { differences, figure } from '../statistics.ts'
import { bareTarget, COOKIE_MODE, modeTargets, OAUTH_MODE } from '../targets.ts'

/** A build, and the names of its side and in the tables. */
interface Build {
  side: string
  name: string
  production: Production
}

/** What is compared: this checkout and the other one. */
type Pair = readonly [ours: Build, theirs: Build]

/** Compares this checkout with the one at `root`. @param name how the report calls the other one */
export async function measureComparison(
  { root, name }: { root: string; name: string },
  provider: Provider,
  plan: Plan,
): Promise<Section> {
  const builds: Pair = [
    { side: 'ours', name: 'working tree', production: await buildProduction() },
    { side: 'theirs', name, production: await buildProduction(root) },
  ]
  logProgress('built both Workers')
  const stage = await startBoth(builds, provider)
  await using _runtime = stage.runtime
  const rounds = { ...plan, ...plan.token_requests }
  const sides = (nameOf: (side: string) => string) => targetsOf(stage, builds, nameOf)
  const [targets, memoryTargets] = [await sides((side) => side), await sides(inMemory)]
  const real = await runRounds('token requests', targets, rounds)
  const memory = await runRounds('token requests, KV in memory', memoryTargets, rounds)
  return toSection(builds, real, memory, rounds)
}

async function startBoth(builds: Pair, { issuer }: Provider): Promise<Stage> {
  const brokers = await Promise.all(
    builds.map(({ side, production }) => brokerSides(production, issuer, withMemory(side))),
  )
  return openStage([...brokers.flat(), ...(await bareSides())], builds[0].side)
}

async function targetsOf(stage: Stage, builds: Pair, nameOf: (side: string) => string) {
  const modes = builds.map(({ side, name }) => modeTargets(stage, nameOf(side), `${name}, `))
  const [ours, theirs] = await Promise.all(modes)
  const inTurn = ours?.flatMap((target, mode) => [target, theirs?.[mode] ?? target]) ?? []
  return [...inTurn, bareTarget(stage, BARE_KV, nameOf(BARE_KV))]
}

function toSection(
  builds: Pair,
  real: AllResults,
  memory: AllResults,
  { connections, rounds }: { connections: number; rounds: number },
): Section {
  const [ours, theirs] = builds
  return {
    title: `Comparison with ${theirs.name}`,
    how: `${connections} connections for one user of each side, all sides in turn, in ${rounds} rounds, all in one process. Both builds have the packages that are installed here. "Beyond" is the difference from the bare Worker in each round, and ± is half the distance of the quartiles of the rounds. With KV in memory each side reads a key from KV once.`,
    tables: [
      sideTable("with the runtime's KV", real, BARE_KV),
      sideTable('with KV in memory', memory, BARE_KV),
      {
        head: [
          ...['CPU µs of a token request', `${ours.name} beyond ${BARE_KV}`, theirs.name],
          ...['difference', '± µs', `rounds in which ${ours.name} takes less`],
        ],
        rows: [
          ...differenceRows(builds, real, "the runtime's KV"),
          ...differenceRows(builds, memory, 'KV in memory'),
        ],
      },
      sizeTable(builds),
    ],
    meaning: [
      'A difference that is less than its ± and has its sign in little more than half of the rounds is chance.',
    ],
    budgets: [],
  }
}

/** Compares both builds round by round, since they had the same disturbances then. */
function differenceRows([ours, theirs]: Pair, all: AllResults, kv: string): Cell[][] {
  return [COOKIE_MODE, OAUTH_MODE].map((mode) => {
    const [one, other] = [ours, theirs].map(({ name }) =>
      cpuBeyond(all, `${name}, ${mode}`, BARE_KV),
    )
    const each = differences(one ?? [], other ?? [])
    const less = each.filter((difference) => difference < 0).length
    return [
      ...[`${mode}, ${kv}`, figure(one ?? []).median, figure(other ?? []).median],
      ...[...beyondCells(each), `${less} of ${each.length}`],
    ]
  })
}

function sizeTable(builds: Pair) {
  const [ours, theirs] = builds.map(
    ({ production }) => gzipSync(readFileSync(production.path)).length,
  )
  return {
    head: ['size', ...builds.map(({ name }) => name), 'difference'],
    rows: [['Worker, bytes of gzip', ours ?? NaN, theirs ?? NaN, (ours ?? NaN) - (theirs ?? NaN)]],
  }
}
