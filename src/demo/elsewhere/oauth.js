/** This file is how the page uses its OAuth library: one client, one key, and errors in the broker's own words. */

import * as oauth from 'oauth4webapi'
import { BrokerError } from '../public/demo/errors.js'
import { keyPair } from './store.js'

/** @import { Client } from 'oauth4webapi' */

/** The broker, and its issuer identifier; RFC 8414 §2. */
export const BROKER = document.documentElement.dataset['broker'] ?? ''

/** @type {Client} this page, as `CLIENTS` of the broker names it */
export const client = { client_id: 'elsewhere' }

/**
 * The library insists on https; on one's own machine there is none.
 *
 * @type {{ [oauth.allowInsecureRequests]: boolean }}
 */
const INSECURE = { [oauth.allowInsecureRequests]: BROKER.startsWith('http:') }

/** @type {ReturnType<typeof discover> | undefined} */
let preparing

/**
 * Gives what every call of the library needs: the broker's metadata, and the key for the proofs.
 *
 * There is one handle, since it remembers the broker's nonce.
 */
export async function prepare() {
  preparing ??= discover()
  try {
    return await preparing
  } catch (error) {
    preparing = undefined // the next click may find the broker well again
    throw error
  }
}

/**
 * Has a request of the library done.
 *
 * @template T
 * @param {() => Promise<T>} request sends it and reads the answer
 * @returns {Promise<T>}
 * @throws {BrokerError} for an answer that is an error
 */
export async function ask(request) {
  try {
    return await withNonce(request)
  } catch (error) {
    throw await translate(error)
  }
}

/**
 * Reads an answer that is an error.
 *
 * @param {Response} response
 * @returns {Promise<BrokerError>}
 */
export async function errorOf(response) {
  return toError(await response.json(), response)
}

async function discover() {
  const issuer = new URL(BROKER)
  const response = await oauth.discoveryRequest(issuer, { algorithm: 'oauth2', ...INSECURE })
  const as = await oauth.processDiscoveryResponse(issuer, response)
  return { as, options: { DPoP: oauth.DPoP(client, await keyPair()), ...INSECURE } }
}

/**
 * Tries once more when the broker names the nonce it wants in the proof; RFC 9449 §8.
 *
 * @template T
 * @param {() => Promise<T>} request
 * @returns {Promise<T>}
 */
async function withNonce(request) {
  try {
    return await request()
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
  }
  return request()
}

/** @param {unknown} error */
async function translate(error) {
  if (error instanceof oauth.ResponseBodyError) return toError(error.cause, error.response)
  if (error instanceof oauth.WWWAuthenticateChallengeError) return errorOf(error.response)
  const answer = error instanceof oauth.OperationProcessingError ? error.cause : undefined
  return answer instanceof Response ? errorOf(answer) : error // any status of 500 and more
}

/**
 * A link to consent is left out: without state and PKCE the broker takes no request.
 *
 * @param {any} body
 * @param {Response} response
 */
function toError({ connect_url: _, ...answer }, response) {
  return new BrokerError(answer, Number(response.headers.get('Retry-After')) || undefined)
}
