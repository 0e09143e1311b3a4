/** This file is the operator's commands: rotate, list, forget. They see metadata and never a token (TMB-79). */

import { userInfo } from 'node:os'
import { createInterface } from 'node:readline/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import type { OperatorCalls } from '../protocol/operator.ts'
import { connectOperator } from './operator-link.ts'
import { listSubjects } from './operator-list.ts'
import { formatRotation, type Progress, rotate } from './operator-rotate.ts'

const USAGE = `Usage: npm run rotate
       npm run list -- [--json]
       npm run forget -- SUBJECT_KEY | --client ID --sub SUB [--yes]

  rotate    seal every record with the first of ENCRYPTION_KEYS, while the broker
            goes on working, and say which keys may be retired
  list      subjects by pseudonym: bundles, times, sessions; never a token
  forget    disconnect one: forgotten here, every session ended, revoked at Google

  --local        the broker that npm start or wrangler dev runs on this machine
  --config PATH  the wrangler.toml of the broker; the one here if left out
  --as NAME      how the broker's log names you; your user name if left out
  --json         one object a line
  --client ID    with --sub: name the user as the client knows them
  --sub SUB      the user at Google, or at the client's own issuer
  --yes          do not ask
  --help         this text

Whoever may deploy the broker may do this: npx wrangler login.
Exit code: 0; 1 if something is left to do or could not be done; 2 if an option is wrong.`

const OPTIONS = {
  local: { type: 'boolean', default: false },
  config: {
    type: 'string',
    default: fileURLToPath(new URL('../../wrangler.toml', import.meta.url)),
  },
  as: { type: 'string', default: userInfo().username },
  json: { type: 'boolean', default: false },
  client: { type: 'string' },
  sub: { type: 'string' },
  yes: { type: 'boolean', default: false },
  help: { type: 'boolean', short: 'h', default: false },
} as const

type Line = ReturnType<typeof parseLine>
type Command = (calls: OperatorCalls, line: Line) => Promise<number>

const COMMANDS: Readonly<Record<string, Command>> = {
  rotate: runRotate,
  list: runList,
  forget: runForget,
}

/** A subject key, as `list` and the log name it. */
const SUBJECT_KEY = /^[\w-]{43}$/

process.exitCode = await main(process.argv.slice(2))

/** @returns the exit code */
async function main(args: string[]): Promise<number> {
  const line = readLine(args)
  if (typeof line === 'string') return fail(2, line, '', USAGE)
  if (line.values.help) return say(0, USAGE)
  const [name = '', ...names] = line.positionals
  const command = COMMANDS[name]
  const problem = command ? problemOf(name, names, line.values) : 'Which command?'
  if (!command || problem !== undefined) return fail(2, problem ?? '', '', USAGE)
  try {
    await using link = await connectOperator(line.values)
    return await command(link.calls, line)
  } catch (error) {
    return fail(1, messageOf(error))
  }
}

async function runRotate(calls: OperatorCalls, { values }: Line): Promise<number> {
  const rotation = await rotate(calls, values.as, createProgress())
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  return say(rotation.left.size === 0 ? 0 : 1, ...formatRotation(rotation))
}

async function runList(calls: OperatorCalls, { values }: Line): Promise<number> {
  return listSubjects(calls, values.as, values.json, (text) => process.stdout.write(`${text}\n`))
}

async function runForget(calls: OperatorCalls, { values, positionals }: Line): Promise<number> {
  const { client, sub } = values
  const isNamed = client !== undefined && sub !== undefined
  const subject = isNamed ? await calls.subjectKey(client, sub) : positionals[1]
  if (subject === undefined) return fail(1, 'There is no such client.')
  if (!values.yes && !(await isSure(subject)))
    return fail(1, 'Nothing was done. Say --yes to do it.')
  const isForgotten = await calls.forget(values.as, subject)
  return say(0, isForgotten ? `${subject} is forgotten.` : `Nothing was kept of ${subject}.`)
}

/** What is wrong with the arguments of a command. */
function problemOf(
  name: string,
  names: string[],
  { client, sub }: Line['values'],
): string | undefined {
  if (name !== 'forget') return names.length === 0 ? undefined : `${name} takes no names.`
  const isNamed = client !== undefined && sub !== undefined
  const isKey = names.length === 1 && SUBJECT_KEY.test(names[0] ?? '')
  if ((client === undefined) !== (sub === undefined)) return '--client and --sub go together.'
  if (isNamed ? names.length === 0 : isKey) return undefined
  return 'Name one subject: by its key, as npm run list tells it, or by --client and --sub.'
}

/** Asks, where there is somebody to ask. */
async function isSure(subject: string): Promise<boolean> {
  if (!process.stdin.isTTY) return false
  const terminal = createInterface({ input: process.stdin, output: process.stderr })
  const answer = await terminal.question(`Disconnect ${subject}, here and at Google? [y/N] `)
  terminal.close()
  return /^y(es)?$/i.test(answer.trim())
}

/** A line that changes on a terminal; a line a second anywhere else. */
function createProgress(): Progress {
  let told_at = 0
  return (done, left) => {
    const text = `rotate: ${done} subjects resealed${left > 0 ? `, ${left} to be tried again` : ''}`
    if (process.stderr.isTTY) return void process.stderr.write(`\r\x1b[K${text}`)
    if (Date.now() < told_at + 1000) return
    told_at = Date.now()
    process.stderr.write(`${text}\n`)
  }
}

/** Reads the command line; gives what is wrong with it as text. */
function readLine(args: string[]): Line | string {
  try {
    return parseLine(args)
  } catch (error) {
    return messageOf(error)
  }
}

function parseLine(args: string[]) {
  return parseArgs({ args, options: OPTIONS, allowPositionals: true })
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function say(code: number, ...lines: string[]): number {
  process.stdout.write(`${lines.join('\n')}\n`)
  return code
}

/** Writes lines to stderr. @returns the exit code */
function fail(code: number, ...lines: string[]): number {
  process.stderr.write(`${lines.join('\n')}\n`)
  return code
}
