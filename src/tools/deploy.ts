/** `npm run deploy`: checks the configuration, deploys the Worker, and asks it whether it works. */

import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { fail, type Line, runCommand, say, UsageError, WRANGLER_TOML } from './command-line.ts'
import { checkDeployment, REQUIRED_SECRETS } from './deploy-check.ts'
import { askHealth } from './deploy-health.ts'
import { WRANGLER } from './dev-server.ts'
import { parseSecrets, readOrEmpty, type Secrets } from './secrets-file.ts'
import { deployedSecrets } from './setup-wrangler.ts'

const USAGE = `Usage: npm run deploy -- [OPTIONS]

Checks wrangler.toml and the secrets as the Worker does, deploys the Worker, and asks
its /healthz. The first time, it brings along the secrets that npm run setup made.

  --check        only check; needs no account
  --dry-run      check, and build without deploying; needs no account
  --file PATH    where npm run setup keeps the secrets; .secrets if left out
  --wait N       how many seconds to wait for /healthz; 60 if left out
  --config PATH  the wrangler.toml of the broker; the one here if left out
  --help         this text

Exit code: 0; 1 if it cannot be deployed or does not work; 2 if an option is wrong.`

const OPTIONS = {
  check: { type: 'boolean', default: false },
  'dry-run': { type: 'boolean', default: false },
  file: { type: 'string', default: fileURLToPath(new URL('../../.secrets', import.meta.url)) },
  wait: { type: 'string', default: '60' },
  config: { type: 'string', default: WRANGLER_TOML },
} as const

await runCommand({ usage: USAGE, options: OPTIONS, run })

async function run({ values }: Line<typeof OPTIONS>): Promise<number> {
  const { check, 'dry-run': isDry, file, config: path } = values
  if (!/^\d{1,4}$/.test(values.wait)) throw new UsageError('--wait is a number of seconds.')
  const { unstable_readConfig } = await import('wrangler') // a second to load: not for --help
  const config = unstable_readConfig({ config: path }, { hideWarnings: true })
  const kept = parseSecrets(await readOrEmpty(file))
  const { problems, warnings } = checkDeployment(config, kept)
  for (const warning of warnings) fail(0, `warning: ${warning}`)
  if (problems.length > 0) return fail(1, `${path} cannot be deployed:`, ...problems)
  if (check || isDry) {
    const unknown = REQUIRED_SECRETS.filter((name) => !kept[name])
    if (unknown.length > 0)
      say(`Not checked, because they are not in ${file}: ${unknown.join(', ')}.`)
    say('The configuration can be deployed.')
    return isDry ? wrangler(['deploy', '--dry-run', '--config', path]) : 0
  }
  const secrets = await secretsOption(path, file, kept)
  if (typeof secrets === 'string') return fail(1, secrets)
  const code = await wrangler(['deploy', '--config', path, ...secrets])
  return code === 0 ? askHealth(String(config.vars['BASE_URL']), Number(values.wait)) : code
}

/** The arguments for secrets that the deployed Worker does not have. @returns as text: which are nowhere */
async function secretsOption(
  config: string,
  file: string,
  kept: Secrets,
): Promise<string[] | string> {
  const deployed = await deployedSecrets(config)
  const missing = REQUIRED_SECRETS.filter((name) => !deployed.has(name))
  const nowhere = missing.filter((name) => !kept[name])
  if (nowhere.length > 0)
    return `${nowhere.join(', ')}: neither at Cloudflare nor in ${file}. Run: npm run setup`
  return missing.length > 0 ? ['--secrets-file', file] : []
}

/**
 * Runs wrangler in this terminal, without secrets in its environment: it takes those before the ones of `--secrets-file`.
 *
 * @returns its exit code
 */
async function wrangler(args: string[]): Promise<number> {
  const env = { ...process.env }
  for (const name of REQUIRED_SECRETS) delete env[name]
  const child = spawn(process.execPath, [WRANGLER, ...args], { stdio: 'inherit', env })
  const [code] = await once(child, 'exit')
  return typeof code === 'number' ? code : 1
}
