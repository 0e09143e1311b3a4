/** The connection from an operator's terminal to the broker: a temporary service binding to its entrypoint `Operator`. */

import { mkdir, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import type { Keys, OperatorCalls } from '../protocol/operator.ts'
import { REGISTRY } from './dev-server.ts'

/** A broker to connect to. */
export interface Target {
  /** Path of its wrangler.toml, which has its name and account. */
  config: string
  /** The broker that `npm start` of this checkout runs, instead of the deployed one. */
  local: boolean
}

/** An operator's connection. */
export interface Link extends AsyncDisposable {
  calls: OperatorCalls
}

/**
 * Connects to a broker.
 *
 * Nothing is deployed and no route is opened: wrangler binds to the broker's `Operator`, which needs a login to the
 * account (TMB-78). The broker of `npm start` is found in this checkout's registry of wrangler.
 */
export async function connectOperator({ config, local }: Target): Promise<Link> {
  process.env['WRANGLER_LOG'] ??= 'warn'
  process.env['WRANGLER_SEND_METRICS'] ??= 'false'
  process.env['WRANGLER_REGISTRY_PATH'] ??= REGISTRY
  const { getPlatformProxy, unstable_readConfig } = await import('wrangler') // a second to load: not for --help
  const { name, account_id } = unstable_readConfig({ config }, { hideWarnings: true })
  const folder = join(dirname(config), '.wrangler', 'operator')
  const configPath = join(folder, local ? 'local.json' : 'remote.json')
  const operator = { binding: 'OPERATOR', service: name, entrypoint: 'Operator', remote: !local }
  const own = { name: `${name}-operator`, compatibility_date: '2026-10-20', services: [operator] }
  await mkdir(folder, { recursive: true })
  await writeFile(configPath, JSON.stringify({ ...own, ...(account_id ? { account_id } : {}) }))
  const { dispose, env } = await getPlatformProxy<{ OPERATOR: OperatorCalls }>({
    configPath,
    persist: false,
    envFiles: [],
    remoteBindings: !local,
  })
  return { calls: env.OPERATOR, [Symbol.asyncDispose]: dispose }
}

/**
 * Returns the names of keys and bundles.
 *
 * @throws {Error} what is wrong with the broker's configuration
 */
export async function keysOf(calls: OperatorCalls): Promise<Keys> {
  const keys = await calls.keys()
  if ('problems' in keys) throw new Error(['The broker cannot work.', ...keys.problems].join('\n'))
  return keys
}
