/** This file is the provider: what its discovery document says, and how any request to it is sent. */

import * as oauth from 'oauth4webapi'
import { now } from '../clock.ts'
import type { Config } from '../config.ts'
import { BrokerError } from '../errors.ts'
import { cappedFetch } from '../outbound.ts'
import { isLoopback } from '../urls.ts'
import { googleFailure } from './failure.ts'

/** An OpenID provider, ready to be asked; for `oauth4webapi`. */
export interface Provider {
  as: oauth.AuthorizationServer
  client: oauth.Client
  authentication: oauth.ClientAuth
}

/** Everything a request to the provider is sent with. */
export interface RequestOptions {
  [oauth.customFetch]: typeof cappedFetch
  [oauth.allowInsecureRequests]: boolean
}

/** So long a discovery document is believed. */
const DISCOVERY_SECONDS = 60 * 60

/** So long nobody asks again after discovery failed. */
const COOL_DOWN_SECONDS = 5

interface Discovered {
  provider?: Provider
  fetched_at: number
  failed_at: number
}

/** Settled values only: a request in flight is never shared between callers, whose runtimes may differ. */
const discovered = new WeakMap<Config, Discovered>()

/**
 * Finds the provider's endpoints by its discovery document, asked for once an hour.
 *
 * A document that was read once goes on being used while the provider cannot be reached.
 *
 * @throws {BrokerError} `temporarily_unavailable`
 * @see OpenID Connect Discovery 1.0 §4
 */
export async function discover(config: Config): Promise<Provider> {
  const known = discovered.get(config) ?? { fetched_at: 0, failed_at: 0 }
  discovered.set(config, known)
  if (known.provider && now() < known.fetched_at + DISCOVERY_SECONDS) return known.provider
  if (now() >= known.failed_at + COOL_DOWN_SECONDS) {
    try {
      known.provider = await fetchProvider(config)
      known.fetched_at = now()
    } catch (error) {
      known.failed_at = now()
      if (!known.provider) throw googleFailure(error)
    }
  }
  if (!known.provider)
    throw new BrokerError('temporarily_unavailable', 'google_unreachable', {
      retry_after: COOL_DOWN_SECONDS,
    })
  return known.provider
}

/** Makes the options of one request: no redirects, a time-out, a cap on the answer; https unless the provider is on this machine. */
export function requestOptions(config: Config): RequestOptions {
  return {
    [oauth.customFetch]: cappedFetch,
    [oauth.allowInsecureRequests]: isLoopback(new URL(config.issuer)),
  }
}

async function fetchProvider(config: Config): Promise<Provider> {
  const issuer = new URL(config.issuer)
  const response = await oauth.discoveryRequest(issuer, requestOptions(config))
  const as = await oauth.processDiscoveryResponse(issuer, response)
  return {
    as,
    client: { client_id: config.client_id },
    authentication: authenticationFor(as, config),
  }
}

/** `client_secret_post` where the provider takes it, as Google does, else HTTP Basic, the default of OpenID Connect Core §9. */
function authenticationFor(as: oauth.AuthorizationServer, config: Config): oauth.ClientAuth {
  return as.token_endpoint_auth_methods_supported?.includes('client_secret_post')
    ? oauth.ClientSecretPost(config.client_secret)
    : oauth.ClientSecretBasic(config.client_secret)
}
