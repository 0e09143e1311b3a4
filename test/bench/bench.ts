/** The command `npm run bench`: measures speed, work and size of the production build, beside other Workers in one run. */

import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildProduction, type Production } from './bundles.ts'
import { ACCESS_TOKEN } from './frontend.ts'
import { BENCH, describeMachine, versionOf } from './machine.ts'
import { logProgress } from './progress.ts'
import { type Provider, startProvider } from './provider.ts'
import { type Results, toMarkdown, verdictOn } from './report.ts'
import type { Plan, Section } from './section.ts'
import { measureBurst, REFRESH_MS } from './sections/burst.ts'
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

  --quick   measures a little of everything, in a few minutes, and writes no file
  --cost    counts what a user costs, in half a minute, and writes no file
  --help    this text

Exit code: 0; 1 if an answer was wrong. A missed budget is reported, and is no error.`

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  cost: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const FULL: Plan = {
  rounds: 7,
  seconds: 3,
  connections: 16,
  bursts: 9,
  subjects: 100_000,
  large_bytes: 500_000_000,
  starts: 25,
}

const QUICK: Plan = {
  rounds: 3,
  seconds: 0.5,
  connections: 16,
  bursts: 3,
  subjects: 2_000,
  large_bytes: 100_000_000,
  starts: 5,
}

const { values } = parseArgs({ options: OPTIONS })
if (values.help) process.stdout.write(`${USAGE}\n`)
else await main(values)

async function main({ quick, cost }: { quick: boolean; cost: boolean }): Promise<void> {
  if (!cost) installPeers()
  const began_at = performance.now()
  const sections = cost ? await measureCosts() : await measure(quick ? QUICK : FULL)
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    minutes: Math.round((performance.now() - began_at) / 60_000),
    sections,
  }
  if (!quick && !cost) await writeFile(join(BENCH, 'RESULTS.md'), toMarkdown(results))
  else process.stdout.write(toMarkdown(results))
  for (const budget of sections.flatMap(({ budgets }) => budgets))
    logProgress(`${budget.what}: ${verdictOn(budget).replaceAll('*', '')}`)
}

async function measure(plan: Plan): Promise<Section[]> {
  const production = await buildProduction()
  logProgress('built the Worker')
  const provider = await startProvider({ access_token: ACCESS_TOKEN, refresh_ms: REFRESH_MS })
  try {
    return [
      ...(await onStage(production, provider, plan)),
      await measureUserCost(production),
      await measureStored(production, provider, plan),
      await measureMedia(production, provider, plan),
      await measureStart(production, plan),
      await measureSize(production),
    ]
  } finally {
    await provider.stop()
    await rm(dirname(production.path), { recursive: true })
  }
}

/** Only what can be counted. */
async function measureCosts(): Promise<Section[]> {
  const production = await buildProduction()
  try {
    return [await measureUserCost(production)]
  } finally {
    await rm(dirname(production.path), { recursive: true })
  }
}

async function onStage(production: Production, provider: Provider, plan: Plan): Promise<Section[]> {
  const stage = await startStage(production, provider)
  try {
    return [
      await measureTokenIssuance(stage, plan),
      await measureCost(stage, provider),
      await measureBurst(stage, provider, plan),
    ]
  } finally {
    await stage.runtime[Symbol.asyncDispose]()
  }
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
