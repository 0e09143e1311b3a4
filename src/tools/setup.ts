/** `npm run setup`: makes the broker's secrets, keeps them in a file, puts them at Cloudflare, and changes keys. */

import { chmod, readFile, rename, writeFile } from 'node:fs/promises'
import { fileURLToPath } from 'node:url'
import { ask, fail, type Line, runCommand, say, UsageError, WRANGLER_TOML } from './command-line.ts'
import { connectOperator, keysOf } from './operator-link.ts'
import { formatRotation, rotate } from './operator-rotate.ts'
import {
  formatSecrets,
  makeMissingKeys,
  parseSecrets,
  readOrEmpty,
  type Secrets,
} from './secrets-file.ts'
import { clientSecretIn, kidsOf, withNewKey, withoutKey } from './setup-keys.ts'
import { deployedSecrets, putSecrets } from './setup-wrangler.ts'

const USAGE = `Usage: npm run setup -- [OPTIONS]

Makes the secrets of the broker, keeps them in .secrets, and puts them at Cloudflare.
A secret that is deployed already is replaced only by these options:

  --new-key                  put a new key in front of ENCRYPTION_KEYS
  --retire KID               remove an old key, if nothing is encrypted with it any more
  --even-if-used             with --retire: remove it although it is used; users log in again
  --client-secret-file PATH  the client secret, or the JSON file of Google's console
  --file PATH                where the secrets are kept; .secrets if left out
  --config PATH              the wrangler.toml of the broker; the one here if left out
  --help                     this text

Keep that file where you keep passwords: Cloudflare never shows a secret again.
Exit code: 0; 1 if it could not be done; 2 if an option is wrong.`

const OPTIONS = {
  'new-key': { type: 'boolean', default: false },
  retire: { type: 'string' },
  'even-if-used': { type: 'boolean', default: false },
  'client-secret-file': { type: 'string' },
  file: { type: 'string', default: fileURLToPath(new URL('../../.secrets', import.meta.url)) },
  config: { type: 'string', default: WRANGLER_TOML },
} as const

type Options = Line<typeof OPTIONS>['values']

await runCommand({ usage: USAGE, options: OPTIONS, run })

async function run({ values: options }: Line<typeof OPTIONS>): Promise<number> {
  const { retire: kid, 'new-key': isNew } = options
  if (isNew && kid !== undefined)
    throw new UsageError('First a new key, then npm run rotate, and then --retire the old one.')
  const kept = parseSecrets(await readOrEmpty(options.file))
  if (isNew) return addKey(options, kept)
  return kid === undefined ? setUp(options, kept) : retire(options, kept, kid)
}

/** Puts all secrets the first time; later only those that are missing. */
async function setUp(options: Options, kept: Secrets): Promise<number> {
  const deployed = await deployedSecrets(options.config)
  const made = makeMissingKeys(kept, 'k1')
  const lost = Object.keys(made).filter((name) => deployed.has(name))
  if (lost.length > 0)
    throw new Error(
      `The deployed broker has ${lost.join(' and ')}, which the file lacks. Use the file that the first setup wrote.`,
    )
  const isKnown = Boolean(kept['GOOGLE_CLIENT_SECRET']) || deployed.has('GOOGLE_CLIENT_SECRET')
  const given = await clientSecret(options['client-secret-file'], isKnown)
  const added = { ...made, ...(given === undefined ? {} : { GOOGLE_CLIENT_SECRET: given }) }
  const all: Secrets = { ...kept, ...added }
  if (!given && !isKnown)
    return fail(1, 'There is no client secret. Use --client-secret-file PATH.')
  if (Object.keys(added).length > 0) await keep(options.file, all)
  const names = ['GOOGLE_CLIENT_SECRET', 'ENCRYPTION_KEYS', 'PSEUDONYM_KEY'].filter(
    (name) => all[name] && (name in added || !deployed.has(name)),
  )
  if (names.length === 0) return say('Every secret is deployed already. Nothing was changed.')
  await putSecrets(options.config, Object.fromEntries(names.map((name) => [name, all[name]])))
  return say(
    `Put ${names.join(', ')}. They are kept in ${options.file}: store that file where you store passwords.`,
  )
}

async function addKey(options: Options, kept: Secrets): Promise<number> {
  const list = kept['ENCRYPTION_KEYS'] ?? ''
  const deployed = await deployedKids(options.config)
  const isKeptOnly = kidsOf(list).slice(1).join() === deployed.join() // the last put failed
  if (!isKeptOnly) checkSame(options.file, list, deployed)
  const longer = isKeptOnly ? list : withNewKey(list)
  await keep(options.file, { ...kept, ENCRYPTION_KEYS: longer })
  await putSecrets(options.config, { ENCRYPTION_KEYS: longer })
  return say(`${kidsOf(longer)[0]} seals from now on. In a minute: npm run rotate`)
}

async function retire(options: Options, kept: Secrets, kid: string): Promise<number> {
  const list = kept['ENCRYPTION_KEYS'] ?? ''
  const shorter = withoutKey(list, kid)
  if (typeof shorter === 'string') return fail(1, shorter)
  checkSame(options.file, list, await deployedKids(options.config))
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

/** @throws {Error} the keys of the file and of Cloudflare differ: putting the file would lose keys that only Cloudflare has */
function checkSame(file: string, list: string, deployed: readonly string[]): void {
  const kept = kidsOf(list).join(', ')
  if (deployed.join(', ') === kept) return
  throw new Error(
    `The deployed broker has the keys ${deployed.join(', ')}, and ${file} has ${kept || 'none'}. Make the file complete first.`,
  )
}

/** Reads the client secret from a file; without a file, asks for it if there is none yet. */
async function clientSecret(
  path: string | undefined,
  isKnown: boolean,
): Promise<string | undefined> {
  if (path !== undefined) {
    const secret = clientSecretIn(await readFile(path, 'utf8'))
    if (secret === undefined)
      throw new Error(`${path} holds no client secret of a web application.`)
    return secret
  }
  if (isKnown) return undefined
  const answer = await ask('Client secret of Google (it is not shown): ', true)
  return answer === undefined ? undefined : clientSecretIn(answer)
}

/** Replaces the file, as a whole or not at all; only its owner can read it. */
async function keep(file: string, secrets: Secrets): Promise<void> {
  await writeFile(`${file}.new`, formatSecrets(secrets), { mode: 0o600 })
  await chmod(`${file}.new`, 0o600)
  await rename(`${file}.new`, file)
}
