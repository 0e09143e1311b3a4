/** This file is the bench as a command: how fast, how large and how costly the production build is, beside others on the same machine. */

import { execFileSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { parseArgs } from 'node:util'
import { buildProduction, type Production } from './bundles.ts'
import { ACCESS_TOKEN } from './frontend.ts'
import { BENCH, describeMachine } from './machine.ts'
import { type Provider, startProvider } from './provider.ts'
import { type Results, toMarkdown, verdictOn } from './report.ts'
import { say } from './say.ts'
import type { Plan, Section } from './section.ts'
import { measureBurst, REFRESH_MS } from './sections/burst.ts'
import { measureCost } from './sections/cost.ts'
import { measureHandOut } from './sections/hand-out.ts'
import { measureMedia } from './sections/media.ts'
import { measureSdk } from './sections/sdk.ts'
import { measureSize } from './sections/size.ts'
import { measureStart } from './sections/start.ts'
import { measureStored } from './sections/stored.ts'
import { startStage } from './stage.ts'

const USAGE = `Usage: npm run bench [-- OPTIONS]

Measures the production build and writes test/bench/RESULTS.md; in under 20 minutes on two cores.

  --quick   measures a little of everything, in a few minutes, and writes no file
  --json    prints the results as JSON on stdout; npm run --silent keeps the rest off it
  --help    this text

Exit code: 0; 1 if anything answered wrongly. A missed budget is told, and is no error.`

const OPTIONS = {
  quick: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
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
  asks_an_hour: 360,
}

const QUICK: Plan = {
  rounds: 3,
  seconds: 0.5,
  connections: 16,
  bursts: 3,
  subjects: 2_000,
  large_bytes: 100_000_000,
  starts: 5,
  asks_an_hour: 60,
}

const { values } = parseArgs({ options: OPTIONS })
/** npm takes an option for its own where nobody wrote `--` before it, and says so. */
const json = values.json || process.env['npm_config_json'] === 'true'
if (values.help) process.stdout.write(`${USAGE}\n`)
else await main({ ...values, json })

async function main({ quick, json }: { quick: boolean; json: boolean }): Promise<void> {
  installPeers()
  const began_at = performance.now()
  const sections = await measure(quick ? QUICK : FULL)
  const results: Results = {
    date: new Date().toISOString().slice(0, 10),
    machine: describeMachine(),
    minutes: Math.round((performance.now() - began_at) / 60_000),
    sections,
  }
  if (!quick) await writeFile(join(BENCH, 'RESULTS.md'), toMarkdown(results))
  if (json) process.stdout.write(`${JSON.stringify(results, null, 2)}\n`)
  else if (quick) process.stdout.write(toMarkdown(results))
  for (const budget of sections.flatMap(({ budgets }) => budgets))
    say(`${budget.what}: ${verdictOn(budget).replaceAll('*', '')}`)
}

async function measure(plan: Plan): Promise<Section[]> {
  const sdk = await measureSdk(plan) // first: a browser that does not start should not cost a run
  const production = await buildProduction()
  say('the production build is there')
  const provider = await startProvider({ access_token: ACCESS_TOKEN, refresh_ms: REFRESH_MS })
  try {
    return [
      ...(await onStage(production, provider, plan)),
      await measureMedia(production, provider, plan),
      await measureStart(production, plan),
      await measureSize(production),
      sdk,
    ]
  } finally {
    await provider.stop()
    await rm(dirname(production.path), { recursive: true })
  }
}

async function onStage(production: Production, provider: Provider, plan: Plan): Promise<Section[]> {
  const stage = await startStage(production, provider)
  try {
    return [
      await measureHandOut(stage, plan),
      await measureCost(stage, provider),
      await measureBurst(stage, provider, plan),
      await measureStored(stage, production, provider, plan),
    ]
  } finally {
    await stage.runtime[Symbol.asyncDispose]()
  }
}

/** Installs what only the bench needs, unless it is there as its lock file has it. */
function installPeers(): void {
  const [wanted, there] = ['package-lock.json', 'node_modules/.package-lock.json'].map((name) =>
    existsSync(join(BENCH, name)) ? packagesOf(join(BENCH, name)) : '',
  )
  if (wanted === there) return
  say('installing what the bench compares with')
  execFileSync('npm', ['ci', '--prefix', BENCH, '--no-audit', '--no-fund'], {
    stdio: ['ignore', 'ignore', 'inherit'],
  })
}

/** Names and versions in a lock file, but of what is optional. */
function packagesOf(path: string): string {
  const { packages } = JSON.parse(readFileSync(path, 'utf8')) as {
    packages: Record<string, { version?: string; optional?: boolean }>
  }
  return Object.entries(packages)
    .filter(([name, { optional }]) => name !== '' && !optional)
    .map(([name, { version }]) => `${name} ${version}`)
    .sort()
    .join('\n')
}
