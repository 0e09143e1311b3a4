/** The command `npm run mutation -- [folder [file …]]`: changes the code of a folder in small ways, and reports each change that no test notices. */

import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'

interface Folder {
  /** The tests that judge it, as globs. */
  tests: string[]
  /** Where they run. Node is faster, and works for pure code only. */
  in?: 'workerd' | 'node'
}

const SEALED = 'test/crypto/sealed-forms.test.ts'
const FOLDERS: Record<string, Folder> = {
  crypto: { tests: ['test/crypto/*.test.ts', 'test/config/*.test.ts'] },
  scope: { tests: ['test/scope/*.test.ts'], in: 'node' },
  session: { tests: ['test/session/*.test.ts', SEALED] },
  subject: { tests: ['test/subject/*.test.ts', 'test/operator/*.test.ts', 'test/flow/*.test.ts'] },
}

const STRYKER = 'node_modules/@stryker-mutator/core/bin/stryker.js'
const here = new URL('.', import.meta.url).pathname
const root = new URL('../..', import.meta.url).pathname

const [only, ...files] = process.argv.slice(2)
if (only !== undefined && !(only in FOLDERS))
  throw new TypeError(`no such folder: write one of ${Object.keys(FOLDERS).join(', ')}`)
if (!existsSync(here + STRYKER))
  run('npm', ['install', '--ignore-scripts', '--no-package-lock'], here)
for (const [name, folder] of Object.entries(FOLDERS))
  if (only === undefined || only === name) mutate(name, folder)

/** Tests the mutants of a folder, or of some files of it. Results are reused until the code or its tests change. */
function mutate(name: string, { tests, in: place = 'workerd' }: Folder): void {
  const mutated = files.length === 0 ? ['*.ts'] : files
  const args = [
    ...['run', 'test/mutation/stryker.config.json'],
    ...['--mutate', mutated.map((file) => `src/${name}/${file}`).join(',')],
    ...['--incrementalFile', `coverage/mutation/${name}.json`],
  ]
  run(process.execPath, [here + STRYKER, ...args], root, {
    MUTATION_TESTS: tests.join(' '),
    MUTATION_IN: place,
  })
}

function run(command: string, args: string[], cwd: string, env: Record<string, string> = {}): void {
  const { status } = spawnSync(command, args, {
    cwd,
    stdio: 'inherit',
    env: { ...process.env, ...env },
  })
  if (status !== 0) process.exit(status ?? 1)
}
