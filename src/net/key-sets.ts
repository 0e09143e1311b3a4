/** This file is the keys of those who sign JWTs for us to verify: fetched when they are needed, and seldom. */

import {
  type CryptoKey,
  createLocalJWKSet,
  errors,
  type FlattenedJWSInput,
  type JSONWebKeySet,
  type JWSHeaderParameters,
} from 'jose'
import { logError } from '../audit/log.ts'
import { now } from '../clock.ts'
import type { Config } from '../config/config.ts'
import { isLoopback } from '../config/urls.ts'
import { BrokerError } from '../errors.ts'
import { cappedFetch } from './outbound.ts'

/** So long a set is used without asking for a newer one. */
const FRESH_SECONDS = 60 * 60

/** So long nobody asks again, whatever `kid` is missing: one fetch in a cool-down (TMB-42). */
const COOL_DOWN_SECONDS = 30

/** The same, after a failure with no keys at hand. */
const FAILURE_COOL_DOWN_SECONDS = 5

/** While another request fetches, this one looks so often whether it is done. */
const POLL_MS = 20

/** Settled values only; a promise of one request never settles for another. */
interface KeySet {
  find?: ReturnType<typeof createLocalJWKSet>
  fetched_at: number
  asked_at: number
  /** NumericDate until which a fetch is thought to be under way. */
  busy_until: number
}

const MAX_FETCH_SECONDS = 12
const sets = new WeakMap<Config, Map<string, KeySet>>()

/**
 * Finds the key a JWS names, in the key set at `jwks_uri`.
 *
 * A set that was read once goes on being used while its issuer cannot be reached.
 *
 * @throws {errors.JWKSNoMatchingKey} there is none
 * @throws {BrokerError} `temporarily_unavailable` when no key set could be had
 */
export async function findKey(
  config: Config,
  jwks_uri: string,
  header: JWSHeaderParameters,
  jws: FlattenedJWSInput,
): Promise<CryptoKey> {
  const set = setOf(config, jwks_uri)
  if (!set.find || now() >= set.fetched_at + FRESH_SECONDS) await refetch(set, jwks_uri)
  try {
    return await keyIn(set, header, jws)
  } catch (error) {
    if (!(error instanceof errors.JWKSNoMatchingKey) || !(await refetch(set, jwks_uri))) throw error
    return keyIn(set, header, jws)
  }
}

function setOf(config: Config, jwks_uri: string): KeySet {
  const known = sets.get(config) ?? new Map<string, KeySet>()
  sets.set(config, known)
  const set = known.get(jwks_uri) ?? { fetched_at: 0, asked_at: 0, busy_until: 0 }
  known.set(jwks_uri, set)
  return set
}

async function keyIn(
  { find }: KeySet,
  header: JWSHeaderParameters,
  jws: FlattenedJWSInput,
): Promise<CryptoKey> {
  if (find) return find(header, jws)
  throw new BrokerError('temporarily_unavailable', 'jwks_unavailable', {
    retry_after: FAILURE_COOL_DOWN_SECONDS,
  })
}

/** Fetches a set anew, or waits for whoever does; @returns whether there may be news */
async function refetch(set: KeySet, jwks_uri: string): Promise<boolean> {
  if (now() < set.busy_until) {
    while (now() < set.busy_until) await new Promise((resolve) => setTimeout(resolve, POLL_MS))
    return true
  }
  const pause = set.find ? COOL_DOWN_SECONDS : FAILURE_COOL_DOWN_SECONDS
  if (now() < set.asked_at + pause) return false
  set.asked_at = now()
  set.busy_until = now() + MAX_FETCH_SECONDS
  try {
    set.find = createLocalJWKSet(await fetchKeys(jwks_uri))
    set.fetched_at = now()
  } catch (error) {
    logError('jwks_fetch_failed', error)
  } finally {
    set.busy_until = 0
  }
  return true
}

/** Where the address is a provider's own word, it may still be none that others can listen in on (TMB-18). */
async function fetchKeys(jwks_uri: string): Promise<JSONWebKeySet> {
  if (!jwks_uri.startsWith('https:') && !isLoopback(new URL(jwks_uri)))
    throw new BrokerError('temporarily_unavailable', 'jwks_not_https')
  const response = await cappedFetch(jwks_uri, {
    headers: { Accept: 'application/json, application/jwk-set+json' },
  })
  if (response.status !== 200)
    throw new BrokerError('temporarily_unavailable', 'jwks_unexpected_answer')
  return response.json()
}
