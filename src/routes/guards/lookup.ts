/** This file is the look-up of what a request names: its client, its bundle, and where its user goes afterwards. */

import type { Bundle } from '../../config/bundles.ts'
import { type Client, modeOf } from '../../config/clients.ts'
import type { Config } from '../../config/config.ts'
import { BrokerError } from '../../errors.ts'

/** A longer return target would not fit into the cookie that carries it. */
const MAX_RETURN_TO_LENGTH = 1024

/** Parsing adds an origin to a path and grows what it has to encode; its cookie holds no more than this. */
const MAX_PARSED_LENGTH = 1280

/**
 * Finds the cookie-mode client of an id, which may be left out while there is only one.
 *
 * @throws {BrokerError} `invalid_request`
 */
export function findCookieClient(config: Config, id: string | null): Client {
  const clients = cookieClients(config)
  const client = clients.find((client) => client.id === id || (id === null && clients.length === 1))
  if (!client) throw new BrokerError('invalid_request', 'client_unknown')
  return client
}

/**
 * Finds the OAuth-mode client of an id.
 *
 * @throws {BrokerError} `invalid_request`
 */
export function findOAuthClient(config: Config, client_id: string | undefined): Client {
  const client = config.clients.get(client_id ?? '')
  if (!client || modeOf(client) !== 'oauth')
    throw new BrokerError('invalid_request', 'client_unknown')
  return client
}

/**
 * Finds a bundle that a client may have.
 *
 * @throws {BrokerError} `invalid_scope` when there is none of that name, `access_denied` when it is not this client's
 */
export function findBundle(
  config: Config,
  client: Client,
  name: string | null | undefined,
): Bundle {
  if (name === null || name === undefined)
    throw new BrokerError('invalid_request', 'bundle_missing')
  const bundle = config.bundles.get(name)
  if (!bundle) throw new BrokerError('invalid_scope', 'bundle_unknown')
  if (!client.bundles.has(name)) throw new BrokerError('access_denied', 'bundle_not_allowed')
  return bundle
}

/**
 * Refuses what an operator has stopped. The switch is a secret: it holds everywhere in seconds, outlives
 * deployments, and costs a hand-out nothing (TMB-80).
 *
 * @throws {BrokerError} `temporarily_unavailable`
 */
export function requireEnabled({ stopped }: Config, client: Client, bundle: string): void {
  if (['all', `client:${client.id}`, `bundle:${bundle}`].some((name) => stopped.includes(name)))
    throw new BrokerError('temporarily_unavailable', 'stopped', { retry_after: 60 })
}

/**
 * Finds where the user goes after Google: a path on the broker's own origin, or a URL on an origin of the client.
 *
 * Parsed once and compared by origin; a form that parsers read differently is refused (TMB-68).
 *
 * @returns the absolute URL
 * @throws {BrokerError} `invalid_request`
 */
export function findReturnTo(config: Config, client: Client, text: string | null): string {
  const isPlain =
    text !== null &&
    text.length <= MAX_RETURN_TO_LENGTH &&
    /^[!-~]+$/.test(text) &&
    !/[\\#]/.test(text)
  const isPath = isPlain && /^\/(?!\/)/.test(text)
  const isAbsolute = isPlain && /^https?:\/\/(?!\/)/.test(text)
  const url = isPath ? URL.parse(text, config.origin) : isAbsolute ? URL.parse(text) : null
  const isOurs =
    url !== null && (isPath ? url.origin === config.origin : client.origins.has(url.origin))
  const isShort = (url?.href.length ?? 0) <= MAX_PARSED_LENGTH
  if (!isOurs || !isShort || url.username !== '' || url.password !== '')
    throw new BrokerError('invalid_request', 'return_to_not_allowed')
  return url.href
}

/** Where a top-level navigation asks for consent to a bundle. */
export function connectUrl(
  config: Config,
  client: Client,
  bundle: string | undefined,
  origin: string,
): string {
  const url = new URL(`${config.base_url}/connect`)
  const name = bundle ?? [...client.bundles][0]
  if (name !== undefined) url.searchParams.set('bundle', name)
  if (cookieClients(config).length > 1) url.searchParams.set('client', client.id)
  url.searchParams.set('return_to', `${origin}/`)
  return url.href
}

/** Where an OAuth library begins; it adds what only the frontend knows. */
export function authorizeUrl(config: Config, client: Client, bundle: string): string {
  const url = new URL(`${config.base_url}/authorize`)
  url.searchParams.set('client_id', client.id)
  url.searchParams.set('scope', bundle)
  return url.href
}

function cookieClients(config: Config): Client[] {
  return [...config.clients.values()].filter((client) => modeOf(client) === 'cookie')
}
