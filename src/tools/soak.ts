/** `npm run soak`: runs the fault suite for some minutes, or one seed of it. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'

const USAGE = `Usage: npm run soak -- [--minutes N] [--seed S]

  --minutes N  run one seed after the other for N minutes
  --seed S     begin with this seed; without --minutes, run it alone and print every step
  --help       this text

Exit code: 0; 1 when a guarantee was violated, with the seed and its steps; 2 if an
option is not understood.`

process.exitCode = await main()

/** @returns the exit code */
async function main(): Promise<number> {
  const options = readOptions()
  if (!options) {
    process.stderr.write(`${USAGE}\n`)
    return 2
  }
  if (options.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  const root = fileURLToPath(new URL('../..', import.meta.url))
  const vitest = fileURLToPath(new URL('vitest.mjs', import.meta.resolve('vitest/package.json')))
  const output = ['--silent=false', '--disable-console-intercept', '--reporter=dot']
  const child = spawn(
    process.execPath,
    [vitest, 'run', '--config', 'test/vitest.config.ts', '--project', 'faults', ...output],
    {
      cwd: root,
      stdio: 'inherit',
      env: { ...process.env, FAULTS_SEED: options.seed, FAULTS_MINUTES: options.minutes },
    },
  )
  const code = await new Promise<number>((resolve) =>
    child.on('exit', (code) => resolve(code ?? 1)),
  )
  return code === 0 ? 0 : 1
}

function readOptions(): { seed: string; minutes: string; help: boolean } | undefined {
  try {
    const { values } = parseArgs({
      options: {
        minutes: { type: 'string' },
        seed: { type: 'string', default: '' },
        help: { type: 'boolean', default: false },
      },
    })
    const { seed, help, minutes = seed === '' ? '1' : '0' } = values
    const isRight = /^(\d{1,10})?$/.test(seed) && /^\d{1,5}(\.\d+)?$/.test(minutes)
    return isRight ? { seed, minutes, help } : undefined
  } catch {
    return undefined
  }
}
