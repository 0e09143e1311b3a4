/** The public keys of JWT issuers, from their JWK Sets (RFC 7517 §5). */

import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JWSHeaderParameters,
} from 'jose'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/urls.ts'
import { BrokerError } from '../errors.ts'
import { cached } from './document-cache.ts'
import { cappedFetch } from './outbound.ts'

type KeyFinder = ReturnType<typeof createLocalJWKSet>

const keyFinder = cached('jwks_unavailable', fetchKeys)

/**
 * Finds the key of a JWS in the key set at `jwks_uri`. An unknown `kid` makes the set be fetched again, at most once
 * in 30 seconds (TMB-42).
 *
 * @throws {errors.JWKSNoMatchingKey} when the set has no such key
 * @throws {BrokerError} `temporarily_unavailable` when there is no key set
 */
export async function findKey(
  config: Config,
  jwks_uri: string,
  header: JWSHeaderParameters,
  jws: FlattenedJWSInput,
): Promise<CryptoKey> {
  const find = await keyFinder(config, jwks_uri)
  try {
    return await find(header, jws)
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey)) throw error
    const newer = await keyFinder(config, jwks_uri, find)
    if (newer === find) throw error
    return newer(header, jws)
  }
}

/** The address may come from a provider's metadata: it has to be https even so (TMB-18). */
async function fetchKeys(_config: Config, jwks_uri: string): Promise<KeyFinder> {
  if (!jwks_uri.startsWith('https:') && !isLoopback(new URL(jwks_uri)))
    throw new BrokerError('jwks_not_https')
  const response = await cappedFetch(jwks_uri, {
    headers: { Accept: 'application/json, application/jwk-set+json' },
  })
  if (response.status !== 200) throw new BrokerError('jwks_unexpected_answer')
  return createLocalJWKSet(await response.json())
}
