/** The provider: its metadata, and what the OAuth library needs to make requests to it. */

import * as oauth from 'oauth4webapi'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/urls.ts'
import { BrokerError } from '../errors.ts'
import { cached } from '../net/document-cache.ts'
import { unexpectedAnswer } from './failure.ts'
import { readJson, send } from './request.ts'

/** The endpoints that the broker cannot work without; OpenID Connect Discovery 1.0 §3. */
const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const

/** Metadata that has these endpoints, and names only signing algorithms with a public key. */
export type Server = oauth.AuthorizationServer &
  Record<(typeof ENDPOINTS)[number], string> & { id_token_signing_alg_values_supported: string[] }

/** What the library needs to make requests to the provider. */
export interface Provider {
  server: Server
  client: oauth.Client
  /** The secret in the form, as Google has it, or else HTTP Basic; RFC 6749 §2.3.1. Never in a URL (TMB-18). */
  clientAuth: oauth.ClientAuth
  options: { [oauth.customFetch]: typeof send; [oauth.allowInsecureRequests]: boolean }
}

/**
 * Reads the provider's discovery document, at most once in an hour.
 *
 * @throws {BrokerError} `temporarily_unavailable`
 * @see OpenID Connect Discovery 1.0 §4
 */
export const discover: (config: Config) => Promise<Provider> = cached(
  'google_unreachable',
  fetchProvider,
)

async function fetchProvider({ issuer, client_id, client_secret }: Config): Promise<Provider> {
  const isHttpAllowed = isLoopback(new URL(issuer))
  const options = { [oauth.customFetch]: send, [oauth.allowInsecureRequests]: isHttpAllowed }
  const metadata = await fetchMetadata(new URL(issuer), options)
  const protocols = isHttpAllowed ? ['https:', 'http:'] : ['https:']
  const isUsable = (url: unknown): boolean =>
    protocols.includes(URL.parse(String(url))?.protocol ?? '')
  if (!ENDPOINTS.every((name) => isUsable(metadata[name]))) throw unexpectedAnswer()
  const { revocation_endpoint, ...rest } = metadata
  const given = [metadata.id_token_signing_alg_values_supported ?? []].flat()
  const algs = given.length > 0 ? given : ['RS256']
  const methods = [metadata.token_endpoint_auth_methods_supported].flat()
  const authenticate = methods.includes('client_secret_post')
    ? oauth.ClientSecretPost
    : oauth.ClientSecretBasic
  return {
    server: {
      ...(rest as Server),
      ...(isUsable(revocation_endpoint)
        ? { revocation_endpoint: String(revocation_endpoint) }
        : {}),
      id_token_signing_alg_values_supported: algs.filter((alg) => /^(?!HS|none)/.test(alg)),
    },
    client: { client_id, [oauth.clockTolerance]: 0 },
    clientAuth: authenticate(client_secret),
    options,
  }
}

/** A failure here says nothing about the client or a grant (TMB-22). */
async function fetchMetadata(
  issuer: URL,
  options: Provider['options'],
): Promise<oauth.AuthorizationServer> {
  try {
    const response = await oauth.discoveryRequest(issuer, options)
    await readJson(response.clone())
    return await oauth.processDiscoveryResponse(issuer, response)
  } catch (error) {
    const isTemporary =
      error instanceof BrokerError && error.failure.code === 'temporarily_unavailable'
    throw isTemporary ? error : unexpectedAnswer(error)
  }
}

/** Returns the URL of a document that the provider publishes about itself; OpenID Connect Discovery 1.0 §4. */
export function wellKnown({ issuer }: Config, name: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/${name}`
}

/** Whether a value is the provider's issuer identifier, with or without a slash at the end. */
export function isIssuer(config: Config, value: unknown): value is string {
  return typeof value === 'string' && URL.parse(value)?.href === new URL(config.issuer).href
}
