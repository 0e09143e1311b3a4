/** The check before a deployment: what the Worker would refuse, placeholders, and settings that do nothing. */

import type { Unstable_Config } from 'wrangler'
import './as-worker.ts'
import { readConfig } from '../config/config.ts'
import { nearest } from '../config/nearest.ts'
import { SETTINGS } from '../config/settings.ts'
import { isLoopback } from '../config/urls.ts'
import { makeMissingKeys, type Secrets } from './secrets-file.ts'

/** The secrets without which the Worker cannot work. */
export const REQUIRED_SECRETS = [
  'GOOGLE_CLIENT_SECRET',
  'ENCRYPTION_KEYS',
  'PSEUDONYM_KEY',
] as const

/** What a check found, a sentence each. */
export interface Findings {
  /** What has to be mended before a deployment. */
  problems: readonly string[]
  /** What is allowed but odd. */
  warnings: readonly string[]
}

/**
 * Checks a configuration as the Worker does, and what only a deployment shows.
 *
 * @param secrets those that are known here; for all others a right value is assumed
 */
export function checkDeployment(config: Unstable_Config, secrets: Secrets): Findings {
  const { problems, warnings } = checkAsWorker(config, secrets)
  return {
    problems: [
      ...problems,
      ...addressProblems(config),
      ...Object.keys(config.vars).flatMap(varProblem),
      ...(config.assets?.directory && config.assets.binding === 'ASSETS'
        ? []
        : [
            '[assets]: is missing or has another binding than ASSETS, so pages cannot load /client.js. Copy the section of wrangler.toml from the repository.',
          ]),
    ],
    warnings,
  }
}

function checkAsWorker(config: Unstable_Config, secrets: Secrets): Findings {
  const { vars, kv_namespaces, durable_objects, ratelimits } = config
  const bindings = [
    ...kv_namespaces.map(({ binding }) => binding),
    ...durable_objects.bindings.map(({ name }) => name),
    ...ratelimits.map(({ name }) => name),
  ]
  const assumed = { GOOGLE_CLIENT_SECRET: 'assumed', ...makeMissingKeys(secrets, 'k1') }
  const given = Object.entries(secrets).filter(([, value]) => value)
  try {
    const { warnings } = readConfig({
      ...vars,
      ...assumed,
      ...Object.fromEntries(given),
      ...Object.fromEntries(bindings.map((name) => [name, {}])),
    })
    return { problems: [], warnings }
  } catch (error) {
    const { cause } = error as TypeError
    if (!Array.isArray(cause)) throw error
    return { problems: cause, warnings: [] }
  }
}

/** Says what is wrong with a name in `[vars]`. */
function varProblem(name: string): string[] {
  const known = [...Object.keys(SETTINGS.entries), 'BUNDLES', 'CLIENTS']
  if (known.includes(name)) return []
  const [near] = nearest(name, known, 1)
  return [
    `${name}: is no setting, so it does nothing. ${near ? `Write ${near}, or` : 'Write none:'} take it out of [vars].`,
  ]
}

/** Says what keeps the Worker from answering at `BASE_URL`; nothing about a `BASE_URL` that is no URL. */
function addressProblems({
  name = '',
  vars,
  workers_dev,
  routes,
  route,
}: Unstable_Config): string[] {
  const url = URL.parse(String(vars['BASE_URL']))
  if (!url) return []
  const { hostname } = url
  if (isLoopback(url) || /(\.name\.workers\.dev|\bexample\.(com|net|org))$/.test(hostname))
    return [
      'BASE_URL: is a placeholder, or an address of this machine. Write the public https URL of the broker.',
    ]
  const patterns = [...(routes ?? []), ...(route ? [route] : [])].map((one) =>
    typeof one === 'string' ? one : one.pattern,
  )
  if (!hostname.endsWith('.workers.dev'))
    return patterns.some((pattern) => isServed(pattern, hostname))
      ? []
      : [
          `routes: none is for the host of BASE_URL. Write above [vars]: routes = [{ pattern = "${hostname}", custom_domain = true }]`,
        ]
  if (!hostname.startsWith(`${name}.`))
    return [
      `BASE_URL: is of another Worker. The address of this one begins with https://${name}. and ends with .workers.dev.`,
    ]
  return (workers_dev ?? patterns.length === 0)
    ? []
    : [
        'workers_dev: is off, so nothing answers at BASE_URL. Write above [vars]: workers_dev = true',
      ]
}

/** Whether a route is for a host; https://developers.cloudflare.com/workers/configuration/routing/routes/#matching-behavior. */
function isServed(pattern: string, hostname: string): boolean {
  const [host = ''] = pattern.replace(/^https?:\/\//, '').split('/')
  const parts = host.split('*').map((part) => part.replaceAll('.', '\\.'))
  return new RegExp(`^${parts.join('.*')}$`).test(hostname)
}
