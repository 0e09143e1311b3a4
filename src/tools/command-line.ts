/** What all commands share: options, usage, output, questions and exit codes. */

import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { type ParseArgsOptionsConfig, parseArgs } from 'node:util'

/** The options and the names that a command was given. */
export type Line<T extends ParseArgsOptionsConfig> = ReturnType<
  typeof parseArgs<{ options: T; allowPositionals: true }>
>

interface Command<T extends ParseArgsOptionsConfig> {
  /** What `--help` prints, and each mistake of the command line after its own sentence. */
  readonly usage: string
  readonly options: T
  /** Whether words without `--` are allowed; they are not by default. */
  readonly takesNames?: boolean
  /** Does the work and returns the exit code. What it throws is printed without a trace, and ends with 1. */
  run(line: Line<T>): Promise<number>
}

/** A mistake on the command line, which ends with 2. */
export class UsageError extends Error {}

/** The `wrangler.toml` of this repository. */
export const WRANGLER_TOML: string = fileURLToPath(new URL('../../wrangler.toml', import.meta.url))

/** Runs a command with the arguments of this process, and sets its exit code. */
export async function runCommand<T extends ParseArgsOptionsConfig>(
  command: Command<T>,
): Promise<void> {
  // The reader of an output has ended, as in `npm run list | head -1`; the work goes on.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => {})
  try {
    const line = readLine(command)
    process.exitCode = line ? await command.run(line) : say(command.usage)
  } catch (error) {
    const { message } = error instanceof Error ? error : new Error(String(error))
    process.exitCode =
      error instanceof UsageError ? fail(2, message, '', command.usage) : fail(1, message)
  }
}

/** Writes lines to stdout. @returns the exit code of success */
export function say(...lines: string[]): 0 {
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

/** Writes lines to stderr. @returns the exit code */
export function fail(code: number, ...lines: string[]): number {
  process.stderr.write(`${lines.join('\n')}\n`)
  return code
}

/**
 * Asks a question.
 *
 * @param isSecret does not show what is typed
 * @returns the answer; `undefined` where stdin is no terminal
 */
export async function ask(question: string, isSecret = false): Promise<string | undefined> {
  const { stdin: input, stderr } = process
  if (!input.isTTY) return undefined
  if (isSecret) stderr.write(question)
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const output = isSecret ? silent : stderr
  const terminal = createInterface({ input, output, terminal: true })
  const answer = await terminal.question(isSecret ? '' : question)
  terminal.close()
  if (isSecret) stderr.write('\n')
  return answer
}

/** Parses the arguments of this process. @returns `undefined` for `--help` */
function readLine<T extends ParseArgsOptionsConfig>(command: Command<T>): Line<T> | undefined {
  const help = { type: 'boolean', short: 'h' } as const
  const config = { options: { ...command.options, help }, allowPositionals: command.takesNames }
  try {
    const line: { values: { help?: unknown } } = parseArgs(config)
    return line.values.help ? undefined : (line as Line<T>)
  } catch (error) {
    throw new UsageError((error as Error).message)
  }
}
