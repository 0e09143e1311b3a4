/** The provider: its metadata from the discovery document, and the client that the broker is there. */

import * as oauth from 'oauth4webapi'
import type { Config } from '../config/config.ts'
import { BrokerError } from '../errors.ts'
import { cached } from '../net/document-cache.ts'
import { unexpectedAnswer } from './failure.ts'
import { isHttpAllowed, type RequestOptions, readJson, requestOptions } from './request.ts'

/** The endpoints that the broker cannot work without; OpenID Connect Discovery 1.0 §3. */
const ENDPOINTS = ['authorization_endpoint', 'token_endpoint', 'jwks_uri'] as const

/** Metadata with these endpoints; its signing algorithms are those with a public key. */
export type Server = oauth.AuthorizationServer &
  Record<(typeof ENDPOINTS)[number], string> & { id_token_signing_alg_values_supported: string[] }

/** What the library needs to make requests to the provider. */
export interface Provider {
  server: Server
  client: oauth.Client
  /** The secret in the form, as Google has it, or else HTTP Basic; RFC 6749 §2.3.1. Never in a URL (TMB-18). */
  authentication: oauth.ClientAuth
  options: RequestOptions
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

async function fetchProvider(config: Config): Promise<Provider> {
  const metadata = await fetchMetadata(config)
  if (!ENDPOINTS.every((name) => isUsable(config, metadata[name]))) throw unexpectedAnswer()
  const algs = [metadata.id_token_signing_alg_values_supported ?? 'RS256'].flat()
  const methods = [metadata.token_endpoint_auth_methods_supported].flat()
  const authenticate = methods.includes('client_secret_post')
    ? oauth.ClientSecretPost
    : oauth.ClientSecretBasic
  return {
    server: {
      ...(metadata as Server),
      id_token_signing_alg_values_supported: algs.filter((alg) => /^(?!HS|none)/.test(alg)),
    },
    client: { client_id: config.client_id, [oauth.clockTolerance]: 0 },
    authentication: authenticate(config.client_secret),
    options: requestOptions(config),
  }
}

/** Whatever answers in place of the document, it says nothing about the client or a grant (TMB-22). */
async function fetchMetadata(config: Config): Promise<oauth.AuthorizationServer> {
  const issuer = new URL(config.issuer)
  try {
    const response = await oauth.discoveryRequest(issuer, requestOptions(config))
    await readJson(response.clone())
    return await oauth.processDiscoveryResponse(issuer, response)
  } catch (error) {
    const isTemporary =
      error instanceof BrokerError && error.failure.code === 'temporarily_unavailable'
    throw isTemporary ? error : unexpectedAnswer(error)
  }
}

function isUsable(config: Config, endpoint: unknown): boolean {
  const protocol = URL.parse(String(endpoint))?.protocol
  return protocol === 'https:' || (protocol === 'http:' && isHttpAllowed(config))
}

/** Returns the URL of a document that the provider publishes about itself; OpenID Connect Discovery 1.0 §4. */
export function wellKnown({ issuer }: Config, name: string): string {
  return `${issuer.replace(/\/$/, '')}/.well-known/${name}`
}

/** Whether a value is the provider's issuer identifier, with or without a slash at the end. */
export function isIssuer(config: Config, value: unknown): value is string {
  return typeof value === 'string' && URL.parse(value)?.href === new URL(config.issuer).href
}
