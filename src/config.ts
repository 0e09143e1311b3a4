/** This file is the configuration: the environment read once, as a whole, or every fault of it at once. */

import type { Client } from './clients.ts'
import { parseClients } from './clients.ts'
import { createKeyring, type Keyring, parseEncryptionKeys, parseSecret } from './crypto/keyring.ts'
import { createPseudonyms, type Pseudonyms } from './crypto/pseudonym.ts'
import { log } from './log.ts'
import { type Bundle, parseBundles } from './scope/bundles.ts'

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
  readonly session_ttl_seconds: number
  readonly session_idle_seconds: number
}

const GOOGLE_ISSUER = 'https://accounts.google.com'
const DAY_SECONDS = 24 * 60 * 60
const BINDINGS = ['TOKENS', 'SUBJECTS', 'CALLBACK_LIMIT']

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
  const issuer = readIssuer(vars['ISSUER'], fault)
  const client_id = readClientId(vars['GOOGLE_CLIENT_ID'], fault)
  const client_secret = readClientSecret(vars['GOOGLE_CLIENT_SECRET'], fault)
  const consistency = readConsistency(vars['CONSISTENCY'], fault)
  const session_ttl_seconds = readSeconds('SESSION_TTL_SECONDS', vars, 30 * DAY_SECONDS, fault)
  const session_idle_seconds = readSeconds('SESSION_IDLE_SECONDS', vars, 7 * DAY_SECONDS, fault)
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

/** Whether a URL is this machine's own, where http is as good as https. */
export function isLoopback({ hostname }: URL): boolean {
  return hostname === 'localhost' || hostname === '[::1]' || /^127(\.\d{1,3}){3}$/.test(hostname)
}

type Fault = (name: string, problem: string) => undefined

function readBaseUrl(
  value: unknown,
  fault: Fault,
): { href: string; origin: string; host: string; path: string } | undefined {
  const url = typeof value === 'string' ? URL.parse(value) : null
  if (!url)
    return fault(
      'BASE_URL',
      'is not a URL. Write the public URL of this broker, such as https://broker.example.com.',
    )
  if (url.protocol !== 'https:' && !(url.protocol === 'http:' && isLoopback(url))) {
    return fault('BASE_URL', 'must begin with https:// (http:// is for localhost only).')
  }
  if (url.search || url.hash || url.username || url.password) {
    return fault(
      'BASE_URL',
      'must not carry a query, a fragment or a user name. Write origin and path only.',
    )
  }
  const path = url.pathname.replace(/\/+$/, '')
  return { href: url.origin + path, origin: url.origin, host: url.host, path }
}

function readIssuer(value: unknown, fault: Fault): string | undefined {
  if (value === undefined || value === '') return GOOGLE_ISSUER
  const url = typeof value === 'string' ? URL.parse(value) : null
  const allowed =
    url && (url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url)))
  const isAsWritten = typeof value === 'string' && [value, `${value}/`].includes(url?.href ?? '')
  if (!allowed || !isAsWritten || url.search || url.hash || url.username || url.password) {
    return fault(
      'ISSUER',
      `is not an issuer identifier. Write the "issuer" of the provider's discovery document, or leave it out for ${GOOGLE_ISSUER}.`,
    )
  }
  return value as string
}

function readClientId(value: unknown, fault: Fault): string | undefined {
  if (typeof value !== 'string' || value === '' || value.startsWith('your-client-id')) {
    return fault(
      'GOOGLE_CLIENT_ID',
      'is missing. Write the client ID of an OAuth client of type "Web application" from the Google Cloud console.',
    )
  }
  if (value.endsWith('.iam.gserviceaccount.com') || value.trimStart().startsWith('{')) {
    return fault(
      'GOOGLE_CLIENT_ID',
      'is of a service account or a key file. The Photos APIs do not support service accounts: write the client ID of a "Web application" client.',
    )
  }
  if (/\s/.test(value)) {
    return fault('GOOGLE_CLIENT_ID', 'has white space in it. Write the client ID alone.')
  }
  return value
}

function readClientSecret(value: unknown, fault: Fault): string | undefined {
  const how =
    'Write only the client secret of the "Web application" client: wrangler secret put GOOGLE_CLIENT_SECRET.'
  if (typeof value !== 'string' || value === '')
    return fault('GOOGLE_CLIENT_SECRET', `is missing. ${how}`)
  if (value.includes('service_account') || value.includes('PRIVATE KEY')) {
    return fault(
      'GOOGLE_CLIENT_SECRET',
      `is a service-account key. The Photos APIs do not support service accounts, only a signed-in user can authorize. ${how}`,
    )
  }
  if (/[\s{}]/.test(value))
    return fault('GOOGLE_CLIENT_SECRET', `is a whole file, not a secret. ${how}`)
  return value
}

function readEncryptionKeys(
  value: unknown,
  fault: Fault,
): ReadonlyMap<string, Uint8Array<ArrayBuffer>> | undefined {
  const how =
    'Write kid:base64url(32 random bytes), comma-separated, the sealing key first: wrangler secret put ENCRYPTION_KEYS.'
  if (typeof value !== 'string' || value === '')
    return fault('ENCRYPTION_KEYS', `is missing. ${how}`)
  const secrets = parseEncryptionKeys(value)
  return typeof secrets === 'string' ? fault('ENCRYPTION_KEYS', `${secrets}. ${how}`) : secrets
}

function readPseudonymKey(value: unknown, fault: Fault): Uint8Array<ArrayBuffer> | undefined {
  const how = 'Write 32 random bytes as base64url: wrangler secret put PSEUDONYM_KEY.'
  if (typeof value !== 'string' || value === '') return fault('PSEUDONYM_KEY', `is missing. ${how}`)
  const secret = parseSecret(value)
  return typeof secret === 'string' ? fault('PSEUDONYM_KEY', `${secret}. ${how}`) : secret
}

function readConsistency(value: unknown, fault: Fault): 'edge' | 'strict' | undefined {
  if (value === undefined || value === '' || value === 'edge') return 'edge'
  if (value === 'strict') return 'strict'
  return fault(
    'CONSISTENCY',
    'is neither "edge" nor "strict". Write one of them, or leave it out for "edge".',
  )
}

function readSeconds(
  name: 'SESSION_TTL_SECONDS' | 'SESSION_IDLE_SECONDS',
  vars: Readonly<Record<string, unknown>>,
  fallback: number,
  fault: Fault,
): number | undefined {
  const value = vars[name]
  if (value === undefined || value === '') return fallback
  const seconds = typeof value === 'string' && /^\d{1,9}$/.test(value) ? Number(value) : value
  if (
    typeof seconds === 'number' &&
    Number.isInteger(seconds) &&
    seconds >= 60 &&
    seconds <= 400 * DAY_SECONDS
  )
    return seconds
  return fault(
    name,
    `must be a whole number of seconds from 60 to ${400 * DAY_SECONDS}; left out, it is ${fallback}.`,
  )
}
