/** `npm run soak`: plays the fault suite for a given time, or one seed of it again. */

import { spawn } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import { type Line, runCommand, UsageError } from './command-line.ts'

const USAGE = `Usage: npm run soak -- [--minutes N] [--seed S]

  --minutes N  play one seed after the other for N minutes
  --seed S     begin with this seed; without --minutes, play it alone and print every step
  --help       this text

Exit code: 0; 1 when something did not hold, with its seed and its steps; 2 if an
option is wrong.`

const OPTIONS = { minutes: { type: 'string' }, seed: { type: 'string', default: '' } } as const

await runCommand({ usage: USAGE, options: OPTIONS, run })

async function run({ values }: Line<typeof OPTIONS>): Promise<number> {
  const { seed, minutes = seed === '' ? '1' : '0' } = values
  if (!/^(\d{1,10})?$/.test(seed) || !/^\d{1,5}(\.\d+)?$/.test(minutes))
    throw new UsageError('Minutes and seed are numbers.')
  const vitest = fileURLToPath(new URL('vitest.mjs', import.meta.resolve('vitest/package.json')))
  const output = ['--silent=false', '--disable-console-intercept', '--reporter=dot']
  const args = ['run', '--config', 'test/vitest.config.ts', '--project', 'faults', ...output]
  const child = spawn(process.execPath, [vitest, ...args], {
    cwd: fileURLToPath(new URL('../..', import.meta.url)),
    stdio: 'inherit',
    env: { ...process.env, FAULTS_SEED: seed, FAULTS_MINUTES: minutes },
  })
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
    process.once(signal, () => child.kill(signal))
  return new Promise((resolve) => child.once('exit', (code) => resolve(code === 0 ? 0 : 1)))
}
