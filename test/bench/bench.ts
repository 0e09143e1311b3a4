/** The command `npm run bench`: measures speed, work and size of the production build, beside other Workers in one run. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fail, type Line, runCommand, UsageError } from '../../src/tools/command-line.ts'
import { onceNpmEnds } from '../../src/tools/npm-parent.ts'
import { buildProduction, type Production } from './bundles.ts'
import { checkOut, findCommit, hasFile } from './checkout.ts'
import { ACCESS_TOKEN } from './frontend.ts'
import { BENCH, describeMachine, versionOf } from './machine.ts'
import { FULL, MAX_ROUNDS, QUICK } from './plans.ts'
import { logProgress } from './progress.ts'
import { type Provider, startProvider } from './provider.ts'
import { toMarkdown, verdictOn } from './report.ts'
import type { Plan, Section } from './section.ts'
import { measureBurst, REFRESH_MS } from './sections/burst.ts'
import { measureComparison } from './sections/comparison.ts'
import { measureCost } from './sections/cost.ts'
import { measureMedia } from './sections/media.ts'
import { measureSize } from './sections/size.ts'
import { measureStart } from './sections/start.ts'
import { measureStored } from './sections/stored.ts'
import { measureTokenIssuance } from './sections/token-issuance.ts'
import { measureUserCost } from './sections/user-cost.ts'
import { startStage } from './stage.ts'

const USAGE = `Usage: npm run bench [-- OPTIONS]

Measures the production build and writes test/bench/RESULTS.md; in under 20 minutes on two cores.

  --quick        measures a little of everything, in a few minutes, and writes no file
  --cost         counts what a user costs, in half a minute, and writes no file
  --compare REF  compares token requests and size of the working tree with those of a
                 commit, branch or tag, in about 6 minutes, and writes no file
  --rounds N     with --compare: N rounds instead of ${FULL.token_requests.rounds}, at most ${MAX_ROUNDS}
  --help         this text

Exit code: 0; 1 if an answer was wrong; 2 if an option is wrong. A missed budget is
reported, and is no error.`

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  cost: { type: 'boolean', default: false },
  compare: { type: 'string' },
  rounds: { type: 'string' },
} as const

/** The Worker that fills the storage of a broker; a commit without it cannot be compared. */
const SEEDER = 'test/bench/workers/seeder.ts'

await runCommand({ usage: USAGE, options: OPTIONS, run })

async function run({ values }: Line<typeof OPTIONS>): Promise<number> {
  const { quick, cost, compare, rounds } = values
  const plan = planOf(quick ? QUICK : FULL, rounds)
  if (rounds !== undefined && compare === undefined)
    throw new UsageError('--rounds is for --compare.')
  if (cost && compare !== undefined) throw new UsageError('Choose one of --cost and --compare.')
  const commit = compare === undefined ? undefined : findCommit(compare)
  if (compare !== undefined && commit === undefined)
    return fail(2, `There is no commit "${compare}" in this repository.`)
  if (commit !== undefined && !hasFile(commit, SEEDER))
    return fail(2, `Commit "${compare}" cannot be compared: it has no ${SEEDER}.`)

  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1))
  onceNpmEnds(() => process.exit(1))
  if (!cost) installPeers()
  const began_at = performance.now()
  if (commit !== undefined) {
    const name = commit.startsWith(compare ?? '') ? commit : `${compare} (${commit})`
    await report([await compareWith(commit, name, plan)], began_at, false)
  } else if (cost) await report([await measureUserCost(await buildProduction())], began_at, false)
  else await report(await measure(plan), began_at, !quick)
  return 0
}

/** Takes the rounds of a comparison into the plan. @throws {UsageError} if they are no such number */
function planOf(plan: Plan, rounds: string | undefined): Plan {
  if (rounds === undefined) return plan
  const count = Number(rounds)
  if (!/^\d+$/.test(rounds) || count < 1 || count > MAX_ROUNDS)
    throw new UsageError(`--rounds is a number from 1 to ${MAX_ROUNDS}.`)
  return { ...plan, token_requests: { ...plan.token_requests, rounds: count } }
}

async function report(sections: Section[], began_at: number, isKept: boolean): Promise<void> {
  const text = toMarkdown({
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    minutes: Math.round((performance.now() - began_at) / 60_000),
    sections,
  })
  if (isKept) await writeFile(join(BENCH, 'RESULTS.md'), text)
  else process.stdout.write(text)
  for (const budget of sections.flatMap(({ budgets }) => budgets))
    logProgress(`${budget.what}: ${verdictOn(budget).replaceAll('*', '')}`)
}

async function measure(plan: Plan): Promise<Section[]> {
  const production = await buildProduction()
  logProgress('built the Worker')
  await using provider = await startBenchProvider()
  return [
    ...(await onStage(production, provider, plan)),
    await measureUserCost(production),
    await measureStored(production, provider, plan),
    await measureMedia(production, provider, plan),
    await measureStart(production, plan),
    await measureSize(production),
  ]
}

async function compareWith(commit: string, name: string, plan: Plan): Promise<Section> {
  using checkout = checkOut(commit)
  await using provider = await startBenchProvider()
  return await measureComparison({ root: checkout.root, name }, provider, plan)
}

async function startBenchProvider(): Promise<Provider> {
  return startProvider({ access_token: ACCESS_TOKEN, refresh_ms: REFRESH_MS })
}

async function onStage(production: Production, provider: Provider, plan: Plan): Promise<Section[]> {
  const stage = await startStage(production, provider)
  await using _runtime = stage.runtime
  return [
    await measureTokenIssuance(stage, plan),
    await measureCost(stage, provider),
    await measureBurst(stage, provider, plan),
  ]
}

/** Installs the packages of this folder, if one is missing or has another version than in its package.json. */
function installPeers(): void {
  const text = readFileSync(join(BENCH, 'package.json'), 'utf8')
  const { dependencies } = JSON.parse(text) as { dependencies: Record<string, string> }
  if (Object.entries(dependencies).every(([name, version]) => versionOf(name, BENCH) === version))
    return
  logProgress('installing the packages of the bench')
  const args = ['install', '--prefix', BENCH, '--no-package-lock', '--no-audit', '--no-fund']
  execFileSync('npm', args, { stdio: ['ignore', 'ignore', 'inherit'] })
}
