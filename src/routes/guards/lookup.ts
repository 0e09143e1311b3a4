/** The lookup of what a request names: a client, a bundle, a return URL. */

import type { Bundle } from '../../config/bundles.ts'
import { type Client, hasOrigin, modeOf } from '../../config/clients.ts'
import type { Config } from '../../config/config.ts'
import { BrokerError } from '../../errors.ts'

/** The longest `return_to`, in characters: it must fit into the cookie of the pending authorization. */
const MAX_RETURN_TO_LENGTH = 1024

/** Visible ASCII, without `#` and the backslash. */
const PLAIN = /^[!"$-[\]-~]+$/

/** The longest `return_to` after parsing, which adds an origin to a path and encodes characters. */
const MAX_PARSED_LENGTH = 1280

/**
 * Finds a cookie-mode client.
 *
 * @param id `null` means the only client
 * @throws {BrokerError} invalid_request: there is no such client
 */
export function findCookieClient(config: Config, id: string | null): Client {
  const clients = cookieClients(config)
  if (id === null && clients.length > 1) throw new BrokerError('client_missing')
  const client = id === null ? clients[0] : config.clients.get(id)
  if (!client) throw new BrokerError('client_unknown')
  if (modeOf(client) !== 'cookie') throw new BrokerError('client_mode_oauth')
  return client
}

/** Finds an OAuth-mode client. @throws {BrokerError} invalid_request: there is no such client */
export function findOAuthClient(config: Config, client_id: string | undefined): Client {
  if (client_id === undefined)
    throw new BrokerError('parameter_missing', { parameter: 'client_id' })
  const client = config.clients.get(client_id)
  if (!client) throw new BrokerError('client_unknown')
  if (modeOf(client) !== 'oauth') throw new BrokerError('client_mode_cookie')
  return client
}

/**
 * Finds a bundle of a client.
 *
 * @throws {BrokerError} invalid_request: no name; invalid_scope: no such bundle; access_denied: not for this client
 */
export function findBundle(config: Config, client: Client, name?: string | null): Bundle {
  if (name === null || name === undefined)
    throw new BrokerError('parameter_missing', { parameter: 'bundle' })
  const bundle = config.bundles.get(name)
  if (!bundle) throw new BrokerError('bundle_unknown')
  if (!client.bundles.has(name)) throw new BrokerError('bundle_not_allowed')
  return bundle
}

/** Scopes that libraries add by themselves; they name no bundle. */
const ADDED_BY_LIBRARIES = ['openid', 'profile', 'email', 'offline_access']

/**
 * Reads the name of the one bundle in a `scope`; RFC 6749 §3.3.
 *
 * @throws {BrokerError} invalid_scope: none, or several
 */
export function readScope(scope: string | undefined): string {
  const names = new Set((scope ?? '').split(' '))
  const bundles = [...names].filter((name) => name !== '' && !ADDED_BY_LIBRARIES.includes(name))
  const [name] = bundles
  if (name === undefined) throw new BrokerError('scope_missing')
  if (bundles.length > 1) throw new BrokerError('scope_of_several')
  return name
}

/**
 * Refuses a client or bundle that the operator stopped with the secret `STOPPED` (TMB-80).
 *
 * @throws {BrokerError} temporarily_unavailable
 */
export function requireEnabled({ stopped }: Config, client: Client, bundle: string): void {
  if (['all', `client:${client.id}`, `bundle:${bundle}`].some((name) => stopped.includes(name)))
    throw new BrokerError('stopped', { retry_after: 60 })
}

/**
 * Reads the URL to which the user returns: a path on the broker's origin, or a URL on an origin of the client. A form
 * that parsers read differently is refused (TMB-68).
 *
 * @returns an absolute URL
 * @throws {BrokerError} invalid_request
 */
export function findReturnTo(config: Config, client: Client, text: string | null): string {
  const isPlain = text !== null && text.length <= MAX_RETURN_TO_LENGTH && PLAIN.test(text)
  const isPath = isPlain && /^\/(?!\/)/.test(text)
  const isAbsolute = isPlain && /^https?:\/\/(?!\/)/.test(text)
  const url = isPath ? URL.parse(text, config.origin) : isAbsolute ? URL.parse(text) : null
  if (text === null) throw new BrokerError('parameter_missing', { parameter: 'return_to' })
  const isShort = (url?.href.length ?? 0) <= MAX_PARSED_LENGTH
  if (url === null || !isShort || url.username !== '' || url.password !== '')
    throw new BrokerError('return_to_malformed')
  const isOurs = isPath ? url.origin === config.origin : hasOrigin(client, url.origin)
  if (!isOurs) throw new BrokerError('return_to_origin')
  return url.href
}

/**
 * Makes the URL at which consent starts in cookie mode.
 *
 * @param bundle the default is the client's first
 * @param origin where the user returns to
 */
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

/**
 * Makes the URL at which consent starts in OAuth mode; the OAuth library adds its own parameters.
 *
 * @returns `undefined` for a client whose users have a JWT: its requests are pushed, so no link can start one
 */
export function authorizeUrl(config: Config, client: Client, bundle: string): string | undefined {
  if (client.app_issuer) return undefined
  const url = new URL(`${config.base_url}/authorize`)
  url.searchParams.set('client_id', client.id)
  url.searchParams.set('scope', bundle)
  return url.href
}

function cookieClients(config: Config): Client[] {
  return [...config.clients.values()].filter((client) => modeOf(client) === 'cookie')
}
