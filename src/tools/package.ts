/** `npm run package`: makes the npm package of the browser modules, in a folder of its own. */

import { runCommand, say } from './command-line.ts'
import { buildPackage, PACKAGE_FOLDER } from './package-files.ts'

const USAGE = `Usage: npm run package

Makes the npm package in dist/package: the browser modules, their types, README.md and LICENSE.
There, \`npm pack\` makes a tarball of it, and \`npm publish\` publishes it.

  --help  this text

Exit code: 0; 1 if the package cannot be made.`

await runCommand({ usage: USAGE, options: {}, run })

async function run(): Promise<number> {
  await buildPackage(PACKAGE_FOLDER)
  return say(`The package is in ${PACKAGE_FOLDER}.`)
}
