/** `npm run modules`: builds the browser modules; wrangler runs it before every build of the Worker. */

import { buildClient } from './client-modules.ts'
import { fail, type Line, runCommand, say } from './command-line.ts'

/** The largest module, in bytes of brotli. */
const MAX_BROTLI_BYTES = 6 * 1024

const USAGE = `Usage: npm run modules -- [OPTIONS]

Builds the modules that the broker serves into dist/client.

  --check   fails if a module is larger than ${MAX_BROTLI_BYTES} bytes of brotli
  --help    this text

Exit code: 0; 1 if a module is too large.`

const OPTIONS = { check: { type: 'boolean', default: false } } as const

await runCommand({ usage: USAGE, options: OPTIONS, run })

async function run({ values }: Line<typeof OPTIONS>): Promise<number> {
  const modules = await buildClient()
  say(...modules.map(({ name, brotli_bytes }) => `${name}: ${brotli_bytes} bytes of brotli`))
  const isSmall = modules.every(({ brotli_bytes }) => brotli_bytes <= MAX_BROTLI_BYTES)
  return isSmall || !values.check ? 0 : fail(1, `A module may have ${MAX_BROTLI_BYTES} bytes.`)
}
