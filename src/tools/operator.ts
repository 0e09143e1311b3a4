/** The operator's commands: rotate, list, forget. They show metadata and never a token (TMB-79). */

import { userInfo } from 'node:os'
import type { OperatorCalls } from '../protocol/operator.ts'
import { ask, fail, type Line, runCommand, say, UsageError, WRANGLER_TOML } from './command-line.ts'
import { connectOperator } from './operator-link.ts'
import { listSubjects } from './operator-list.ts'
import { formatRotation, type Progress, rotate } from './operator-rotate.ts'

const USAGE = `Usage: npm run rotate
       npm run list -- [--json]
       npm run forget -- SUBJECT_KEY | --client ID --sub SUB [--yes]

  rotate    encrypt every record with the first of ENCRYPTION_KEYS, while the broker
            runs, and say which keys may be retired
  list      subjects by pseudonym: bundles, times, sessions; never a token
  forget    disconnect a subject: forget it, end its sessions, revoke at Google

  --local        the broker that npm start of this checkout runs
  --config PATH  the wrangler.toml of the broker; the one here if left out
  --as NAME      your name in the broker's log; your user name if left out
  --json         one object a line
  --client ID    with --sub: the client of the user
  --sub SUB      the user at Google, or at the client's own issuer
  --yes          do not ask
  --help         this text

This needs the right to deploy the broker: npx wrangler login.
Exit code: 0; 1 if something is left to do or could not be done; 2 if an option is wrong.`

const OPTIONS = {
  local: { type: 'boolean', default: false },
  config: { type: 'string', default: WRANGLER_TOML },
  as: { type: 'string', default: userInfo().username },
  json: { type: 'boolean', default: false },
  client: { type: 'string' },
  sub: { type: 'string' },
  yes: { type: 'boolean', default: false },
} as const

type OperatorLine = Line<typeof OPTIONS>
type Action = (calls: OperatorCalls, line: OperatorLine) => Promise<number>

const ACTIONS: Readonly<Record<string, Action>> = {
  rotate: runRotate,
  list: (calls, { values }) => listSubjects(calls, values.as, values.json),
  forget: runForget,
}

/** A subject key, as `list` and the log show it. */
const SUBJECT_KEY = /^[\w-]{43}$/

await runCommand({ usage: USAGE, options: OPTIONS, takesNames: true, run })

async function run(line: OperatorLine): Promise<number> {
  const [name = '', ...names] = line.positionals
  const action = ACTIONS[name]
  if (!action) throw new UsageError('Name a command: rotate, list or forget.')
  checkNames(name, names, line.values)
  await using link = await connectOperator(line.values)
  return await action(link.calls, line)
}

async function runRotate(calls: OperatorCalls, { values }: OperatorLine): Promise<number> {
  const rotation = await rotate(calls, values.as, createProgress())
  if (process.stderr.isTTY) process.stderr.write('\r\x1b[K')
  say(...formatRotation(rotation))
  return rotation.left.size === 0 ? 0 : 1
}

async function runForget(
  calls: OperatorCalls,
  { values, positionals }: OperatorLine,
): Promise<number> {
  const { client, sub } = values
  const isNamed = client !== undefined && sub !== undefined
  const subject = isNamed ? await calls.subjectKey(client, sub) : positionals[1]
  if (subject === undefined) return fail(1, 'There is no such client.')
  const question = `Disconnect ${subject}, here and at Google? [y/N] `
  const answer = values.yes ? 'yes' : await ask(question) // no answer where there is no terminal
  if (!/^y(es)?$/i.test(answer?.trim() ?? ''))
    return fail(1, 'Nothing was done. Use --yes to do it.')
  const isForgotten = await calls.forget(values.as, subject)
  return say(isForgotten ? `${subject} is forgotten.` : `Nothing was kept of ${subject}.`)
}

/** @throws {UsageError} the names do not fit the command */
function checkNames(name: string, names: string[], { client, sub }: OperatorLine['values']): void {
  if (name !== 'forget') {
    if (names.length > 0) throw new UsageError(`${name} takes no names.`)
    return
  }
  if ((client === undefined) !== (sub === undefined))
    throw new UsageError('--client and --sub go together.')
  const isKey = names.length === 1 && SUBJECT_KEY.test(names[0] ?? '')
  if (client === undefined ? !isKey : names.length > 0)
    throw new UsageError(
      'Name one subject: by its key from npm run list, or by --client and --sub.',
    )
}

/** Shows progress: in one line on a terminal, in a line a second anywhere else. */
function createProgress(): Progress {
  let shown_at = 0
  return (done, left) => {
    const text = `rotate: ${done} subjects resealed${left > 0 ? `, ${left} to retry` : ''}`
    if (process.stderr.isTTY) return void process.stderr.write(`\r\x1b[K${text}`)
    if (Date.now() < shown_at + 1000) return
    shown_at = Date.now()
    process.stderr.write(`${text}\n`)
  }
}
