/** The configuration: the environment read once and as a whole, or every problem of it at once. */

import { log } from '../audit/log.ts'
import { createKeyring, type Keyring } from '../crypto/keyring.ts'
import { createPseudonyms, type Pseudonyms } from '../crypto/pseudonym.ts'
import { type Bundle, parseBundles } from './bundles.ts'
import { type Client, parseClients } from './clients.ts'
import { nearest } from './nearest.ts'
import { readValue } from './read.ts'
import { SETTINGS } from './settings.ts'

/** The broker's settings, parsed. */
export interface Config {
  /** Public URL of the broker, without a slash at its end. */
  readonly base_url: string
  /** Origin of `base_url`. */
  readonly origin: string
  /** `host[:port]` of `base_url`; no other is served (TMB-83). */
  readonly host: string
  /** Path of `base_url`: empty, or with a slash at its start and none at its end. */
  readonly base_path: string
  /** Whether `base_url` is on this machine. */
  readonly is_loopback: boolean
  /** Issuer identifier of the OpenID provider; OpenID Connect Core §1.2. */
  readonly issuer: string
  readonly client_id: string
  readonly client_secret: string
  readonly keyring: Keyring
  readonly pseudonyms: Pseudonyms
  readonly bundles: ReadonlyMap<string, Bundle>
  readonly clients: ReadonlyMap<string, Client>
  /** When a logout or disconnect takes effect at all locations: when KV has it there (usually 60 s), or at once. */
  readonly consistency: 'edge' | 'strict'
  /** Whether security events of the provider are received. */
  readonly security_events: boolean
  /** For what an operator stopped issuing tokens: `all`, `client:ID`, `bundle:NAME` (TMB-80). */
  readonly stopped: readonly string[]
  readonly session_ttl_seconds: number
  readonly session_idle_seconds: number
}

/**
 * Reads and checks every setting.
 *
 * @returns the configuration, and in `warnings` what is allowed but odd
 * @throws {TypeError} with every problem in `cause`: the variable, what is wrong, what to write instead;
 *   never a value (TMB-81)
 */
export function readConfig(env: object): { config: Config; warnings: readonly string[] } {
  const vars = env as Readonly<Record<string, unknown>>
  const names = Object.keys(SETTINGS.entries)
  const set = names.map((name) => [name, vars[name] === '' ? undefined : vars[name]])
  const settings = readValue(SETTINGS, Object.fromEntries(set), '', '')
  const bundles = parseBundles(vars['BUNDLES'], settings.output?.OTHER_SCOPES)
  const bundle_names = [...bundles.bundles.keys()]
  const origin = settings.output?.BASE_URL.origin
  const clients = parseClients(vars['CLIENTS'], origin, bundle_names)
  const problems = [...settings.problems, ...bundles.problems, ...clients.problems]
  if (problems.length === 0)
    problems.push(...stopProblems(settings.output?.STOPPED ?? [], clients.clients, bundle_names))
  if (!settings.output || problems.length > 0)
    throw new TypeError('the configuration is faulty', { cause: problems })
  const { BASE_URL, ISSUER, GOOGLE_CLIENT_ID, GOOGLE_CLIENT_SECRET, ...others } = settings.output
  return {
    config: Object.freeze({
      ...BASE_URL,
      issuer: ISSUER,
      client_id: GOOGLE_CLIENT_ID,
      client_secret: GOOGLE_CLIENT_SECRET,
      keyring: createKeyring(others.ENCRYPTION_KEYS),
      pseudonyms: createPseudonyms(others.PSEUDONYM_KEY),
      bundles: bundles.bundles,
      clients: clients.clients,
      consistency: others.CONSISTENCY,
      security_events: others.SECURITY_EVENTS === 'on',
      stopped: others.STOPPED,
      session_ttl_seconds: others.SESSION_TTL_SECONDS,
      session_idle_seconds: others.SESSION_IDLE_SECONDS,
    }),
    warnings: [...bundles.warnings, ...clients.warnings, ...idleWarnings(vars, others)],
  }
}

/** Says which entries of `STOPPED` stop nothing. */
function stopProblems(
  stopped: readonly string[],
  clients: ReadonlyMap<string, Client>,
  bundle_names: readonly string[],
): string[] {
  const ids = [...clients.keys()].map((id) => `client:${id}`)
  const names = ['all', ...ids, ...bundle_names.map((name) => `bundle:${name}`)]
  return stopped
    .filter((name) => !names.includes(name))
    .map((name) => {
      const [near = names.join(', ')] = nearest(name, names, 1)
      return `STOPPED: names a client or bundle that there is not, and so stops nothing. Write ${near}.`
    })
}

function idleWarnings(
  { SESSION_IDLE_SECONDS: idle }: Readonly<Record<string, unknown>>,
  {
    SESSION_IDLE_SECONDS,
    SESSION_TTL_SECONDS,
  }: Record<'SESSION_IDLE_SECONDS' | 'SESSION_TTL_SECONDS', number>,
): string[] {
  if (!idle || SESSION_IDLE_SECONDS <= SESSION_TTL_SECONDS) return []
  return [
    'SESSION_IDLE_SECONDS: is longer than SESSION_TTL_SECONDS, so it ends no session. Write a shorter time, or leave it out.',
  ]
}

/** Read once in each isolate, for the Worker and its Durable Objects alike. */
const configs = new WeakMap<object, Config | TypeError>()

/** Reads the configuration of an environment once; returns the error of a faulty one, so that each caller can report it. */
export function configOf(env: object): Config | TypeError {
  const known = configs.get(env) ?? readAndWarn(env)
  configs.set(env, known)
  return known
}

function readAndWarn(env: object): Config | TypeError {
  try {
    const { config, warnings } = readConfig(env)
    for (const warning of warnings) log('warn', 'configuration_odd', { problems: [warning] })
    return config
  } catch (error) {
    if (error instanceof TypeError) return error
    throw error
  }
}
