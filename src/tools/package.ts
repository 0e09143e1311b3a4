/** `npm run package`: makes the npm package of the browser modules, in a folder of its own. */

import { rm } from 'node:fs/promises'
import { resolve } from 'node:path'
import { type Line, runCommand, say } from './command-line.ts'
import { buildPackage, PACKAGE_FOLDER } from './package-files.ts'

const USAGE = `Usage: npm run package -- [OPTIONS]

Makes the npm package: the browser modules, their types, README.md and LICENSE.
In its folder, \`npm pack\` makes a tarball, and \`npm publish\` publishes it.

  --out FOLDER  where to make it, a folder that is not there yet; default: dist/package, which is replaced
  --help        this text

Exit code: 0; 1 if the package cannot be made; 2 for a mistake of the command line.`

const OPTIONS = { out: { type: 'string', default: PACKAGE_FOLDER } } as const

await runCommand({ usage: USAGE, options: OPTIONS, run })

async function run({ values }: Line<typeof OPTIONS>): Promise<number> {
  const folder = resolve(values.out)
  if (folder === PACKAGE_FOLDER) await rm(folder, { recursive: true, force: true })
  await buildPackage(folder)
  return say(`The package is in ${folder}.`)
}
