/** This file is the configuration: the environment read once, as a whole, or every fault of it at once. */

import { log } from '../audit/log.ts'
import { createKeyring, isSame, type Keyring } from '../crypto/keyring.ts'
import { createPseudonyms, type Pseudonyms } from '../crypto/pseudonym.ts'
import { type Bundle, parseBundles } from './bundles.ts'
import type { Client } from './clients.ts'
import { parseClients } from './clients.ts'
import {
  readBaseUrl,
  readClientId,
  readClientSecret,
  readConsistency,
  readEncryptionKeys,
  readIssuer,
  readPseudonymKey,
  readSeconds,
  readStopped,
} from './settings.ts'

/** The broker's settings, parsed; design.md §4. */
export interface Config {
  /** Public URL of the broker, without a slash at its end. */
  readonly base_url: string
  /** Origin of `base_url`. */
  readonly origin: string
  /** `host[:port]` of `base_url`; no other is served (TMB-83). */
  readonly host: string
  /** Path of `base_url`: empty, or with a slash at its start and none at its end. */
  readonly base_path: string
  /** Issuer identifier of the OpenID provider; OpenID Connect Core §1.2. */
  readonly issuer: string
  readonly client_id: string
  readonly client_secret: string
  readonly keyring: Keyring
  readonly pseudonyms: Pseudonyms
  readonly bundles: ReadonlyMap<string, Bundle>
  readonly clients: ReadonlyMap<string, Client>
  /** When a logout or disconnect holds everywhere: within 60 s, or at once; design.md §6.8. */
  readonly consistency: 'edge' | 'strict'
  /** What an operator has stopped handing out: `all`, `client:ID`, `bundle:NAME`. */
  readonly stopped: readonly string[]
  readonly session_ttl_seconds: number
  readonly session_idle_seconds: number
}

const DAY_SECONDS = 24 * 60 * 60
const BINDINGS = ['TOKENS', 'SUBJECTS', 'ONE_TIME_USES', 'SUBJECT_INDEX', 'CALLBACK_LIMIT']

/**
 * Reads and checks every setting.
 *
 * @returns the configuration, with what is allowed but odd in `warnings`
 * @throws {TypeError} one, whose `cause` lists every fault: the variable, what is wrong, what to write instead;
 *   never a value (TMB-81)
 */
export function readConfig(env: object): { config: Config; warnings: readonly string[] } {
  const vars = env as Readonly<Record<string, unknown>>
  const problems: string[] = []
  const fault = (name: string, problem: string): undefined =>
    void problems.push(`${name}: ${problem}`)

  const base = readBaseUrl(vars['BASE_URL'], fault)
  const bundles = parseBundles(vars['BUNDLES'])
  problems.push(...bundles.problems)
  const clients = parseClients(vars['CLIENTS'], base?.origin, [...bundles.bundles.keys()])
  problems.push(...clients.problems)
  const secrets = readEncryptionKeys(vars['ENCRYPTION_KEYS'], fault)
  const pseudonymSecret = readPseudonymKey(vars['PSEUDONYM_KEY'], fault)
  if (pseudonymSecret && [...(secrets?.values() ?? [])].some((one) => isSame(one, pseudonymSecret)))
    fault('PSEUDONYM_KEY', 'is one of ENCRYPTION_KEYS, which rotate. Write a key of its own.')
  const issuer = readIssuer(vars['ISSUER'], fault)
  const client_id = readClientId(vars['GOOGLE_CLIENT_ID'], fault)
  const client_secret = readClientSecret(vars['GOOGLE_CLIENT_SECRET'], fault)
  const consistency = readConsistency(vars['CONSISTENCY'], fault)
  const session_ttl_seconds = readSeconds('SESSION_TTL_SECONDS', vars, 30 * DAY_SECONDS, fault)
  const session_idle_seconds = readSeconds('SESSION_IDLE_SECONDS', vars, 7 * DAY_SECONDS, fault)
  const stopped = readStopped(vars['STOPPED'], fault)
  for (const name of BINDINGS) {
    if (!vars[name])
      fault(name, 'the binding is missing. Copy its section of wrangler.toml from the repository.')
  }
  if (
    problems.length > 0 ||
    !base ||
    !secrets ||
    !pseudonymSecret ||
    !issuer ||
    !client_id ||
    !client_secret ||
    !consistency ||
    !stopped ||
    !session_ttl_seconds ||
    !session_idle_seconds
  ) {
    throw new TypeError('the configuration is faulty', { cause: problems })
  }
  return {
    config: Object.freeze({
      base_url: base.href,
      origin: base.origin,
      host: base.host,
      base_path: base.path,
      issuer,
      client_id,
      client_secret,
      keyring: createKeyring(secrets),
      pseudonyms: createPseudonyms(pseudonymSecret),
      bundles: bundles.bundles,
      clients: clients.clients,
      consistency,
      stopped,
      session_ttl_seconds,
      session_idle_seconds,
    }),
    warnings: bundles.warnings,
  }
}

/** Settled once in each isolate, for the Worker and its Durable Objects alike. */
const configs = new WeakMap<object, Config | TypeError>()

/** Reads the configuration of an environment once; a faulty one comes back as its error, for whoever has to tell. */
export function configOf(env: object): Config | TypeError {
  const known = configs.get(env) ?? attempt(env)
  configs.set(env, known)
  return known
}

function attempt(env: object): Config | TypeError {
  try {
    const { config, warnings } = readConfig(env)
    for (const warning of warnings) log('warn', 'configuration_odd', { problems: [warning] })
    return config
  } catch (error) {
    if (error instanceof TypeError) return error
    throw error
  }
}
