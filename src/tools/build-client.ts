/** This file is the build of the browser modules as a command; wrangler runs it before every build of the Worker. */

import { parseArgs } from 'node:util'
import { buildClient, buildClientTypes } from './client-modules.ts'

const USAGE = `Usage: node src/tools/build-client.ts [OPTIONS]

Makes dist/client/client.js and photos.js of src/client.

  --types   makes dist/types as well, for the npm package
  --check   fails if a module is larger than 4 KiB of brotli
  --help    this text

Exit code: 0; 1 if a module is too large.`

/** design.md §9. */
const MAX_BROTLI_BYTES = 4 * 1024

const OPTIONS = {
  types: { type: 'boolean', default: false },
  check: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

const { values } = parseArgs({ options: OPTIONS })
if (values.help) process.stdout.write(`${USAGE}\n`)
else await main()

async function main(): Promise<void> {
  const modules = await buildClient()
  if (values.types) await buildClientTypes()
  for (const { name, brotli_bytes } of modules)
    process.stdout.write(`${name}: ${brotli_bytes} bytes of brotli\n`)
  if (!values.check || modules.every(({ brotli_bytes }) => brotli_bytes <= MAX_BROTLI_BYTES)) return
  process.stderr.write(`A module may have ${MAX_BROTLI_BYTES} bytes.\n`)
  process.exitCode = 1
}
