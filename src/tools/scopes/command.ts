/** This file is the scope tool: which scopes API methods need, and which bundle gives them. */

import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { parseBundles } from '../../config/bundles.ts'
import { METHODS } from '../../scope/catalog.ts'
import { explain, review } from './explain.ts'
import { tellExplanation, tellMethods, tellReview } from './prose.ts'

const USAGE = `Usage: npm run scopes -- [METHOD...] [--methods] [--json] [--config PATH]

  METHOD         say which scopes these methods need, and which bundle has them:
                 npm run scopes -- mediaItems.list albums.create
  (none)         list the configured bundles and what each allows
  --methods      list every method of the Photos APIs
  --json         answer in JSON
  --config PATH  read the bundles from there instead of wrangler.toml
  --help         this text

Exit code: 0; 1 if the bundles cannot be read or are faulty; 2 if a method or
an option is unknown.`

const OPTIONS = {
  methods: { type: 'boolean', default: false },
  json: { type: 'boolean', default: false },
  config: {
    type: 'string',
    default: fileURLToPath(new URL('../../../wrangler.toml', import.meta.url)),
  },
  help: { type: 'boolean', short: 'h', default: false },
} as const

process.exitCode = await main(process.argv.slice(2))

/** @returns the exit code */
async function main(args: string[]): Promise<number> {
  const line = readLine(args)
  if (typeof line === 'string') return fail(2, line, '', USAGE)
  const { values, positionals: names } = line
  const print = (answer: unknown, text: string): void => {
    process.stdout.write(values.json ? `${JSON.stringify(answer, null, 2)}\n` : text)
  }
  if (values.help) {
    process.stdout.write(`${USAGE}\n`)
    return 0
  }
  if (values.methods) {
    print({ methods: METHODS }, tellMethods(METHODS))
    return 0
  }
  const table = await readTable(values.config)
  if (typeof table === 'string') return fail(1, table)
  const { bundles, problems, warnings } = parseBundles(table.bundles)
  const code = fail(problems.length > 0 ? 1 : 0, ...problems, ...warnings)
  if (names.length === 0) {
    const reviews = review(bundles)
    print({ bundles: reviews }, [tellReview(reviews), `${USAGE}\n`].filter(Boolean).join('\n'))
    return code
  }
  const explanation = explain(names, bundles)
  const text = tellExplanation(explanation)
  if (explanation.unknown.length > 0 && !values.json) return fail(2, text.trimEnd())
  print(explanation, text)
  return explanation.unknown.length > 0 ? 2 : code
}

/** Reads the command line; gives what is wrong with it as text. */
function readLine(args: string[]): ReturnType<typeof parseLine> | string {
  try {
    return parseLine(args)
  } catch (error) {
    return messageOf(error)
  }
}

function parseLine(args: string[]) {
  return parseArgs({ args, options: OPTIONS, allowPositionals: true })
}

/** Reads `vars.BUNDLES` of a wrangler.toml; gives what is wrong with the file as text. */
async function readTable(config: string): Promise<{ bundles: unknown } | string> {
  const { unstable_readConfig } = await import('wrangler') // a second to load: not for --help
  try {
    const { BUNDLES: bundles } = unstable_readConfig({ config }, { hideWarnings: true }).vars
    return { bundles }
  } catch (error) {
    return messageOf(error)
  }
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

/** Writes lines to stderr. @returns the exit code */
function fail(code: number, ...lines: string[]): number {
  process.stderr.write(lines.map((line) => `${line}\n`).join(''))
  return code
}
