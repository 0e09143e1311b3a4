/** `npm run browsers`: drives the demo page, the SDK and the web component in Chromium, Firefox and WebKit. */

import { mkdtempSync, readdirSync, rmdirSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Line, runCommand, say, UsageError } from '../../src/tools/command-line.ts'
import { onceNpmEnds } from '../../src/tools/npm-parent.ts'
import { KINDS, type Kind } from './browsers.ts'
import { findProgram } from './child.ts'
import { drive, type Tally } from './run.ts'
import { openScreen } from './screen.ts'
import { type Servers, startServers } from './servers.ts'
import type { Step } from './step.ts'
import { COMPONENT_STEPS } from './steps/component.ts'
import { DEMO_STEPS } from './steps/demo.ts'
import { SDK_STEPS } from './steps/sdk.ts'
import { makeCertificate } from './tls.ts'

const USAGE = `Usage: npm run browsers [-- [chromium] [firefox] [webkit] [--only WORDS]]

Drives the demo page, the SDK and the web component in the browsers that are here, or
in those that are named, against the servers of npm start on free ports. Firefox and
WebKit run on a screen of their own, which nobody sees.

  --only WORDS  only steps with these words in their title
  --help        this text

Exit code: 0 when all steps hold, also if no browser is here; 1 when a step does not,
or a browser that is named is not here; 2 if a name is wrong.`

const OPTIONS = { only: { type: 'string', default: '' } } as const

await runCommand({ usage: USAGE, options: OPTIONS, takesNames: true, run })
process.exit() // everything that was started ends with this process

async function run({ values: { only }, positionals }: Line<typeof OPTIONS>): Promise<number> {
  const wrong = positionals.find((name) => !KINDS.some(({ word }) => word === name))
  if (wrong) throw new UsageError(`There is no browser "${wrong}".`)
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.once(signal, () => process.exit(1))
  process.setMaxListeners(0) // one for each program that ends with us
  onceNpmEnds(() => process.exit(1))

  const wanted = KINDS.filter(({ word }) => positionals.length === 0 || positionals.includes(word))
  const found = wanted.flatMap((kind) => {
    const start = kind.find()
    if (!start) say(`${kind.word} is not here: ${kind.advice}`)
    return start ? [{ kind, start }] : []
  })
  if (found.length === 0) {
    say('There is no browser to drive.')
    return positionals.length > 0 ? 1 : 0
  }
  const { held, failed } = await driveAll(found, only)
  say('', `${held} steps hold, ${failed} do not.`)
  const isMissing = positionals.length > 0 && found.length < wanted.length
  return failed > 0 || isMissing ? 1 : 0
}

async function driveAll(
  found: readonly { kind: Kind; start: NonNullable<ReturnType<Kind['find']>> }[],
  only: string,
): Promise<Tally> {
  const temporary = mkdtempSync(join(tmpdir(), 'photos-token-broker-'))
  const pictures = mkdtempSync(join(tmpdir(), 'photos-token-broker-pictures-'))
  process.once('exit', () => {
    if (readdirSync(pictures).length === 0) rmdirSync(pictures)
  })
  say('Starting the broker, the other site and the simulator …')
  const plain = await startServers(temporary)
  const remove = (): void => rmSync(temporary, { recursive: true, force: true, maxRetries: 5 })
  process.once('exit', remove)
  const display = found.some(({ kind }) => kind.isOnScreen) ? await openScreen() : ''
  const all = [...DEMO_STEPS, ...SDK_STEPS, ...(await findComponentSteps(plain))]
  const steps = all.filter(({ title }) => title.includes(only))
  if (steps.length === 0) throw new UsageError(`No step has "${only}" in its title.`)
  const total: Tally = { held: 0, failed: 0 }
  for (const { kind, start } of found) {
    const browser = await start({ display, temporary })
    say('', browser.name)
    const secure = kind.isTriedByHttps ? await startSecure(temporary) : undefined
    process.off('exit', remove).once('exit', remove) // last: what writes there is killed first
    for (const servers of secure ? [plain, secure] : [plain]) {
      const { held, failed } = await drive(browser, { servers, user: kind.user, steps, pictures })
      total.held += held
      total.failed += failed
    }
    await browser.stop()
  }
  return total
}

/** The web component is served by a broker that has it. */
async function findComponentSteps({ broker }: Servers): Promise<readonly Step[]> {
  return (await fetch(`${broker}/picker.js`)).ok ? COMPONENT_STEPS : []
}

async function startSecure(temporary: string): Promise<Servers | undefined> {
  if (findProgram('openssl')) return startServers(temporary, await makeCertificate(temporary))
  say('  https is left out: it needs the program openssl')
  return undefined
}
