/** `npm run browsers`: drives the demo page, the SDK and the web component in Chromium, Firefox and WebKit. */

import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Line, runCommand, say, UsageError } from '../../src/tools/command-line.ts'
import { onceNpmEnds } from '../../src/tools/npm-parent.ts'
import { type Kind, KINDS, type Surroundings } from './browsers.ts'
import { findProgram } from './child.ts'
import { drive, type Tally } from './run.ts'
import { openScreen } from './screen.ts'
import { type Servers, startServers } from './servers.ts'
import type { Step } from './step.ts'
import { COMPONENT_STEPS } from './steps/component.ts'
import { DEMO_STEPS } from './steps/demo.ts'
import { SDK_STEPS } from './steps/sdk.ts'
import { makeCertificate } from './tls.ts'

const USAGE = `Usage: npm run browsers [-- chromium] [firefox] [webkit]

Drives the demo page, the SDK and the web component in the browsers that are here, or
in those that are named, against the servers of npm start on free ports. Firefox and
WebKit run on a screen of their own, which nobody sees.

  --help   this text

Exit code: 0 when all steps hold, also if no browser is here; 1 when a step does not,
or a browser that is named is not here; 2 if a name is wrong.`

const OPTIONS = {} as const

await runCommand({ usage: USAGE, options: OPTIONS, takesNames: true, run })

async function run({ positionals }: Line<typeof OPTIONS>): Promise<number> {
  const wrong = positionals.find((name) => !KINDS.some(({ word }) => word === name))
  if (wrong) throw new UsageError(`There is no browser "${wrong}".`)
  endWhenAsked()
  const wanted = KINDS.filter(({ word }) => positionals.length === 0 || positionals.includes(word))
  const found = wanted.flatMap((kind) => {
    const start = kind.find()
    if (!start) say(`${kind.word} is not here: ${kind.advice}`)
    return start ? [{ kind, start }] : []
  })
  if (found.length === 0) say('There is no browser to drive.')
  const missing = positionals.length > 0 ? wanted.length - found.length : 0
  const total = found.length > 0 ? await driveAll(found) : { held: 0, failed: 0 }
  if (found.length > 0) say('', `${total.held} steps hold, ${total.failed} do not.`)
  return total.failed + missing > 0 ? 1 : 0
}

type Start = NonNullable<ReturnType<Kind['find']>>

async function driveAll(found: readonly { kind: Kind; start: Start }[]): Promise<Tally> {
  const temporary = mkdtempSync(join(tmpdir(), 'photos-token-broker-'))
  const pictures = mkdtempSync(join(tmpdir(), 'photos-token-broker-pictures-'))
  process.once('exit', () => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 }))
  say('Starting the broker, the other site and the simulator …')
  const plain = await startServers(temporary)
  const screen = found.some(({ kind }) => kind.isOnScreen) ? await openScreen() : undefined
  const steps = [...DEMO_STEPS, ...SDK_STEPS, ...(await componentSteps(plain))]
  const total: Tally = { held: 0, failed: 0 }
  let secure: Servers | undefined
  const add = ({ held, failed }: Tally): void => {
    total.held += held
    total.failed += failed
  }
  for (const { kind, start } of found) {
    const surroundings: Surroundings = { display: screen?.display ?? '', temporary }
    const browser = await start(surroundings)
    say('', browser.name)
    add(await drive(browser, { servers: plain, steps, pictures }))
    if (kind.isTriedByHttps) {
      secure ??= await startSecure(temporary)
      if (secure) add(await drive(browser, { servers: secure, steps, pictures }))
    }
    await browser.stop()
  }
  await Promise.all([plain.stop(), secure?.stop(), screen?.stop()])
  return total
}

/** The web component is served by brokers that have it. */
async function componentSteps({ broker }: Servers): Promise<readonly Step[]> {
  return (await fetch(`${broker}/picker.js`)).ok ? COMPONENT_STEPS : []
}

async function startSecure(temporary: string): Promise<Servers | undefined> {
  if (findProgram('openssl')) return startServers(temporary, await makeCertificate(temporary))
  say('  https is left out: it needs the program openssl')
  return undefined
}

/** Ends at once, and with us all that we started: each server and browser ends with this process. */
function endWhenAsked(): void {
  const end = (): never => process.exit(1)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, end)
  onceNpmEnds(end)
}
