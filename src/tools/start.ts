/** This file is `npm start`: the broker, two demo pages, and Google on your laptop, in one command. */

import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { gatherAssets } from './dev-assets.ts'
import {
  assetsFolder,
  originAt,
  type Places,
  planWithGoogle,
  planWithSimulator,
  secretsFile,
} from './dev-plans.ts'
import { findTaken, runTogether } from './dev-run.ts'
import { ensureDevSecrets } from './dev-secrets.ts'
import type { Plan } from './dev-server.ts'
import { elsewhereAt } from './elsewhere.ts'

const USAGE = `Usage: npm start [-- OPTIONS]

Runs the broker with its demo page, a demo page on another site, and a simulated
Google, on this machine.
With GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET in .dev.vars: with the real Google.

  --port N             of the broker and its demo page; 8787 if left out
  --simulator-port N   of the simulator; 8788 if left out
  --elsewhere-port N   of the demo page on another site; 8789 if left out
  --home FOLDER        of .dev.vars and .wrangler/state; this one if left out
  --help               this text

Exit code: 0 when stopped; 1 if it cannot run; 2 if an option is wrong.`

const OPTIONS = {
  port: { type: 'string', default: '8787' },
  'simulator-port': { type: 'string', default: '8788' },
  'elsewhere-port': { type: 'string', default: '8789' },
  home: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
  help: { type: 'boolean', short: 'h', default: false },
} as const

/** Which option moves which server. */
const PORT_OPTIONS: Readonly<Record<string, string>> = {
  broker: '--port',
  simulator: '--simulator-port',
  'other site': '--elsewhere-port',
}

process.exitCode = await main(process.argv.slice(2))

/** @returns the exit code */
async function main(args: string[]): Promise<number> {
  const line = readLine(args)
  if (typeof line === 'string') return fail(2, line, '', USAGE)
  if (line.help) {
    say(USAGE)
    return 0
  }
  const { places } = line
  await gatherAssets(assetsFolder(places))
  const file = nameOf(secretsFile(places))
  const { values, made } = await ensureDevSecrets(secretsFile(places))
  if (made.length > 0) say(`Made ${made.join(' and ')} in ${file}, for this machine only.`)
  const { GOOGLE_CLIENT_ID: client_id = '', GOOGLE_CLIENT_SECRET: client_secret = '' } = values
  if ((client_id === '') !== (client_secret === '')) {
    return fail(
      1,
      `${file} has only one of GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.`,
      'Write both to talk to the real Google, or neither to talk to the simulator.',
    )
  }
  const isReal = client_id !== ''
  const plans = isReal ? planWithGoogle(places, values) : planWithSimulator(places, values)
  const taken = await findTaken(plans)
  if (taken) return fail(1, ...formatTaken(taken))
  say(...(isReal ? formatGoogle(places, file) : formatSimulator()))
  return runTogether(plans, {
    starting: () => say(`Starting ${enumerate(plans.map(({ name }) => `the ${name}`))} …`),
    ready: () => say(...formatReady(places, plans)),
    failed: (sentence) => fail(1, sentence),
  })
}

/** Reads the command line; gives what is wrong with it as text. */
function readLine(args: string[]): { places: Places; help: boolean } | string {
  try {
    const { values } = parseArgs({ args, options: OPTIONS })
    const ports = {
      port: Number(values.port),
      simulator_port: Number(values['simulator-port']),
      elsewhere_port: Number(values['elsewhere-port']),
    }
    const numbers = Object.values(ports)
    if (!numbers.every((one) => Number.isInteger(one) && one >= 1 && one <= 65_535))
      return 'A port is a number up to 65535.'
    if (new Set(numbers).size < numbers.length)
      return 'The broker, the simulator and the other site need a port each.'
    return { places: { ...ports, home: resolve(values.home) }, help: values.help }
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

/** Names a file as a person in this folder would. */
function nameOf(path: string): string {
  const name = relative(process.cwd(), path)
  return name.startsWith('..') ? path : name
}

function formatTaken({ name, port }: Plan): string[] {
  const option = PORT_OPTIONS[name]
  return [
    `Port ${port}, where the ${name} should answer, is taken: another program listens there.`,
    `End that program, or choose another port: npm start -- ${option} ${port + 100}`,
  ]
}

function formatSimulator(): string[] {
  return ['Google is simulated here: no account is needed, and nothing leaves this machine.']
}

function formatGoogle({ port }: Places, file: string): string[] {
  return [
    `This talks to the real Google, with the client of ${file}.`,
    'In the Google Cloud console, that client needs this redirect URI:',
    `  ${originAt(port)}/callback`,
  ]
}

function formatReady(places: Places, plans: readonly Plan[]): string[] {
  const { port, simulator_port, elsewhere_port } = places
  const isSimulated = plans.some(({ name }) => name === 'simulator')
  return [
    '',
    `  Demo page    ${originAt(port)}`,
    `  Other site   ${elsewhereAt(elsewhere_port)}`,
    ...(isSimulated ? [`  Simulator    ${originAt(simulator_port)}`] : []),
    '',
    'Ctrl-C stops it.',
  ]
}

function enumerate(names: readonly string[]): string {
  return new Intl.ListFormat('en-GB').format(names)
}

function say(...lines: string[]): void {
  process.stdout.write(`${lines.join('\n')}\n`)
}

/** Writes lines to stderr. @returns the exit code */
function fail(code: number, ...lines: string[]): number {
  process.stderr.write(`${lines.join('\n')}\n`)
  return code
}
