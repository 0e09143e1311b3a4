/** This file is `npm run setup`: the broker's secrets made, kept in a file of yours, and put; and the keys that come and go. */

import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { createInterface } from 'node:readline/promises'
import { Writable } from 'node:stream'
import { fileURLToPath } from 'node:url'
import { parseArgs, parseEnv } from 'node:util'
import { connectOperator, keysOf } from './operator-link.ts'
import { formatRotation, rotate } from './operator-rotate.ts'
import {
  clientSecretIn,
  kidsOf,
  makeMissing,
  type Secrets,
  withNewKey,
  withoutKey,
} from './setup-keys.ts'
import { deployedSecrets, putSecrets } from './setup-wrangler.ts'

const USAGE = `Usage: npm run setup -- [OPTIONS]

Makes the secrets the broker needs, keeps them in .secrets, and puts them.
What is deployed already is never replaced, but for what these say:

  --new-key                  put a new key in front of ENCRYPTION_KEYS
  --retire KID               take an old key out, once nothing is left under it
  --even-if-used             … or although something is: who is there logs in again
  --client-secret-file PATH  the client secret, or the JSON file of Google's console
  --file PATH                where the secrets are kept; .secrets if left out
  --config PATH              the wrangler.toml of the broker; the one here if left out
  --help                     this text

Keep that file where you keep passwords: Cloudflare never shows a secret again.
Exit code: 0; 1 if it could not be done; 2 if an option is wrong.`

const ROOT = new URL('../..', import.meta.url)
const OPTIONS = {
  'new-key': { type: 'boolean', default: false },
  retire: { type: 'string' },
  'even-if-used': { type: 'boolean', default: false },
  'client-secret-file': { type: 'string' },
  file: { type: 'string', default: fileURLToPath(new URL('.secrets', ROOT)) },
  config: { type: 'string', default: fileURLToPath(new URL('wrangler.toml', ROOT)) },
  help: { type: 'boolean', short: 'h', default: false },
} as const

type Options = ReturnType<typeof parseLine>

process.exitCode = await main(process.argv.slice(2))

/** @returns the exit code */
async function main(args: string[]): Promise<number> {
  const options = readLine(args)
  if (typeof options === 'string') return fail(2, options, '', USAGE)
  if (options.help) return say(USAGE)
  if (options['new-key'] && options.retire !== undefined)
    return fail(2, 'First a new key, then npm run rotate, and then --retire the old one.')
  try {
    const kept = parseEnv(await readOrEmpty(options.file))
    if (options['new-key']) return await addKey(options, kept)
    if (options.retire !== undefined) return await retire(options, kept, options.retire)
    return await setUp(options, kept)
  } catch (error) {
    return fail(1, messageOf(error))
  }
}

/** The first time, or what a first time left undone. */
async function setUp(options: Options, kept: Secrets): Promise<number> {
  const deployed = await deployedSecrets(options.config)
  const made = makeMissing(kept, deployed)
  if (typeof made === 'string') return fail(1, made)
  const given = await clientSecret(options, kept, deployed)
  const added = { ...made, ...(given === undefined ? {} : { GOOGLE_CLIENT_SECRET: given }) }
  const all: Secrets = { ...kept, ...added }
  if (!all['GOOGLE_CLIENT_SECRET'] && !deployed.has('GOOGLE_CLIENT_SECRET'))
    return fail(1, 'There is no client secret. Say --client-secret-file PATH.')
  if (Object.keys(added).length > 0) await keep(options.file, all)
  const names = ['GOOGLE_CLIENT_SECRET', 'ENCRYPTION_KEYS', 'PSEUDONYM_KEY'].filter(
    (name) => all[name] && (!deployed.has(name) || (given && name === 'GOOGLE_CLIENT_SECRET')),
  )
  if (names.length === 0) return say('Every secret is deployed already. Nothing was changed.')
  await putSecrets(options.config, Object.fromEntries(names.map((name) => [name, all[name]])))
  return say(`Put ${names.join(', ')}. They are kept in ${options.file}: guard it.`)
}

async function addKey(options: Options, kept: Secrets): Promise<number> {
  const list = kept['ENCRYPTION_KEYS'] ?? ''
  const deployed = await deployedKids(options.config)
  const isKeptOnly = kidsOf(list).slice(1).join() === deployed.join() // the last put did not come through
  const problem = isKeptOnly ? undefined : mismatch(options, deployed, list)
  if (problem !== undefined) return fail(1, problem)
  const longer = isKeptOnly ? list : withNewKey(list)
  await keep(options.file, { ...kept, ENCRYPTION_KEYS: longer })
  await putSecrets(options.config, { ENCRYPTION_KEYS: longer })
  return say(`${kidsOf(longer)[0]} seals from now on. In a minute: npm run rotate`)
}

async function retire(options: Options, kept: Secrets, kid: string): Promise<number> {
  const list = kept['ENCRYPTION_KEYS'] ?? ''
  const shorter = withoutKey(list, kid)
  if (typeof shorter === 'string') return fail(1, shorter)
  const problem = mismatch(options, await deployedKids(options.config), list)
  if (problem !== undefined) return fail(1, problem)
  if (!options['even-if-used']) {
    await using link = await connectOperator({ config: options.config, local: false })
    const rotation = await rotate(link.calls, 'setup', () => {})
    const { left, records, sessions } = rotation
    const isUsed = [records[kid], sessions[kid], left.size].some(Boolean)
    if (isUsed) return fail(1, ...formatRotation(rotation), `${kid} was not retired.`)
  }
  await putSecrets(options.config, { ENCRYPTION_KEYS: shorter.list })
  await keep(options.file, { ...kept, ENCRYPTION_KEYS: shorter.list })
  return say(`${kid} is gone.`)
}

async function deployedKids(config: string): Promise<readonly string[]> {
  await using link = await connectOperator({ config, local: false })
  return [...(await keysOf(link.calls)).kids]
}

/** Keys that are deployed and not in the file would be lost for ever by putting what the file has. */
function mismatch(
  { file }: Options,
  deployed: readonly string[],
  list: string,
): string | undefined {
  const kept = kidsOf(list).join(', ')
  if (deployed.join(', ') === kept) return undefined
  return `The deployed broker has the keys ${deployed.join(', ')}, and ${file} has ${kept || 'none'}. Bring them together first.`
}

async function clientSecret(
  options: Options,
  kept: Secrets,
  deployed: ReadonlySet<string>,
): Promise<string | undefined> {
  const path = options['client-secret-file']
  if (path !== undefined) {
    const secret = clientSecretIn(await readFile(path, 'utf8'))
    if (secret === undefined)
      throw new Error(`${path} holds no client secret of a web application.`)
    return secret
  }
  const isKnown = kept['GOOGLE_CLIENT_SECRET'] || deployed.has('GOOGLE_CLIENT_SECRET')
  if (isKnown || !process.stdin.isTTY) return undefined
  process.stderr.write('Client secret of Google (it is not shown): ')
  const silent = new Writable({ write: (_chunk, _encoding, done) => done() })
  const terminal = createInterface({ input: process.stdin, output: silent, terminal: true })
  const answer = clientSecretIn(await terminal.question(''))
  terminal.close()
  process.stderr.write('\n')
  return answer
}

/** Writes the file anew, whole or not at all, and for nobody else's eyes. */
async function keep(file: string, secrets: Secrets): Promise<void> {
  const lines = Object.entries(secrets).map(([name, value]) => `${name}=${value ?? ''}\n`)
  await writeFile(`${file}.new`, lines.join(''), { mode: 0o600 })
  await chmod(`${file}.new`, 0o600)
  await rename(`${file}.new`, file)
}

async function readOrEmpty(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return ''
    throw error
  }
}

/** Reads the command line; gives what is wrong with it as text. */
function readLine(args: string[]): Options | string {
  try {
    return parseLine(args)
  } catch (error) {
    return messageOf(error)
  }
}

function parseLine(args: string[]) {
  return parseArgs({ args, options: OPTIONS }).values
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error)
}

function say(...lines: string[]): number {
  process.stdout.write(`${lines.join('\n')}\n`)
  return 0
}

/** Writes lines to stderr. @returns the exit code */
function fail(code: number, ...lines: string[]): number {
  process.stderr.write(`${lines.join('\n')}\n`)
  return code
}
