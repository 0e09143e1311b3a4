/** `npm start`: runs the broker, two demo pages and a simulated Google on this machine. */

import { relative, resolve } from 'node:path'
import { fileURLToPath } from 'node:url'
import { fail, type Line, runCommand, say, UsageError, WRANGLER_TOML } from './command-line.ts'
import { readOwnTables, withOwnClients } from './dev-clients.ts'
import {
  assetsFolder,
  demoClients,
  elsewhereAt,
  gatherAssets,
  originAt,
  type Places,
  planWithGoogle,
  planWithSimulator,
  secretsFile,
} from './dev-plans.ts'
import { runTogether } from './dev-run.ts'
import { ensureDevSecrets } from './dev-secrets.ts'
import { isTaken, type Plan } from './dev-server.ts'

const USAGE = `Usage: npm start [-- OPTIONS]

Runs the broker with its demo page, a demo page on another site, and a simulated
Google, on this machine.
With GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET in .dev.vars: with the real Google.
It serves the clients of wrangler.toml too; CLIENTS and BUNDLES in .dev.vars (as JSON)
replace those. A page of your own, on any port of localhost, is the client "local".

  --port N             of the broker and its demo page; 8787 if left out
  --simulator-port N   of the simulator; 8788 if left out
  --elsewhere-port N   of the demo page on another site; 8789 if left out
  --home FOLDER        of .dev.vars and .wrangler/state; this one if left out
  --config PATH        the wrangler.toml with your clients and bundles; the one here if left out
  --help               this text

Exit code: 0 when stopped; 1 if it cannot run; 2 if an option is wrong.`

const OPTIONS = {
  port: { type: 'string', default: '8787' },
  'simulator-port': { type: 'string', default: '8788' },
  'elsewhere-port': { type: 'string', default: '8789' },
  home: { type: 'string', default: fileURLToPath(new URL('../..', import.meta.url)) },
  config: { type: 'string', default: WRANGLER_TOML },
} as const

await runCommand({ usage: USAGE, options: OPTIONS, run })

async function run({ values: options }: Line<typeof OPTIONS>): Promise<number> {
  const places = placesOf(options)
  const file = relative(process.cwd(), secretsFile(places))
  const { values, made } = await ensureDevSecrets(secretsFile(places))
  if (made.length > 0) say(`Made ${made.join(' and ')} in ${file}, for this machine only.`)
  const { GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET } = values
  if (!GOOGLE_CLIENT_ID !== !GOOGLE_CLIENT_SECRET) {
    return fail(
      1,
      `${file} has only one of GOOGLE_CLIENT_ID and GOOGLE_CLIENT_SECRET.`,
      'Write both to talk to the real Google, or neither to talk to the simulator.',
    )
  }
  const isReal = Boolean(GOOGLE_CLIENT_ID)
  const own = await readOwnTables(places.config, values)
  const { clients, left_out } = withOwnClients(demoClients(places), own.clients)
  for (const sentence of left_out) say(sentence)
  const plan = isReal ? planWithGoogle : planWithSimulator
  const plans = plan(places, values, { ...own, clients })
  for (const plan of plans) if (await isTaken(plan.port)) return fail(1, ...formatTaken(plan))
  await gatherAssets(assetsFolder(places))
  if (isReal) {
    say(`This talks to the real Google, with the client of ${file}.`)
    say('In the Google Cloud console, that client needs this redirect URI:')
    say(`  ${originAt(places.port)}/callback`)
  } else say('Google is simulated here: no account is needed, and nothing leaves this machine.')
  return runTogether(plans, [
    '',
    `  Demo page    ${originAt(places.port)}`,
    `  Other site   ${elsewhereAt(places.elsewhere_port)}`,
    '  Your page    any port of localhost or 127.0.0.1, as the client "local"',
    ...(isReal ? [] : [`  Simulator    ${originAt(places.simulator_port)}`]),
    '',
    'Ctrl-C stops it.',
  ])
}

function formatTaken({ name, port, option }: Plan): string[] {
  return [
    `Port ${port}, where the ${name} should answer, is taken: another program listens there.`,
    `End that program, or choose another port: npm start -- ${option} ${port + 100}`,
  ]
}

/** @throws {UsageError} a port is no port, or given twice */
function placesOf(options: Line<typeof OPTIONS>['values']): Places {
  const ports = {
    port: Number(options.port),
    simulator_port: Number(options['simulator-port']),
    elsewhere_port: Number(options['elsewhere-port']),
  }
  const numbers = Object.values(ports)
  if (!numbers.every((one) => Number.isInteger(one) && one >= 1 && one <= 65_535))
    throw new UsageError('A port is a number up to 65535.')
  if (new Set(numbers).size < numbers.length)
    throw new UsageError('The broker, the simulator and the other site need a port each.')
  return { ...ports, home: resolve(options.home), config: resolve(options.config) }
}
