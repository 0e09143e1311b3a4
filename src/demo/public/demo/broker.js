/** This file is the broker as the page calls it: the whole of cookie mode, each call a fetch with one extra header. */

import { sha256 } from './digest.js'
import { BrokerError } from './errors.js'

/** @import { BundlesResponse, MediaResponse, SessionResponse, TokenResponse } from '../../../protocol.ts' */

/** @returns {Promise<BundlesResponse['bundles']>} what may be asked for */
export async function listBundles() {
  /** @type {BundlesResponse} */
  const { bundles } = await call('GET', '/bundles')
  return bundles
}

/**
 * Asks what the session may have.
 *
 * A consent in another tab ends the session this call was sent with, and brings a new one; so a session that
 * seems to have ended is asked for once more.
 *
 * @returns {Promise<SessionResponse | undefined>} `undefined` when nobody is logged in
 */
export async function readSession({ isRetry = false } = {}) {
  try {
    return await call('GET', '/session')
  } catch (error) {
    const isOver = error instanceof BrokerError && error.answer.error === 'login_required'
    if (!isOver) throw error
    return isRetry ? undefined : readSession({ isRetry: true })
  }
}

/**
 * Asks for an access token.
 *
 * @param {string} bundle
 * @param {string} [rejected] an access token that Google has just refused
 * @returns {Promise<TokenResponse>}
 */
export async function getToken(bundle, rejected) {
  return call('POST', '/session/token', {
    bundle,
    ...(rejected === undefined ? {} : { rejected: await sha256(rejected) }),
  })
}

/**
 * Gets addresses at which the page can show media, which it can neither fetch nor show by itself.
 *
 * @param {string} bundle
 * @param {readonly string[]} urls of Google's media hosts; at most 100
 * @returns {Promise<string[]>}
 */
export async function mediaSources(bundle, urls) {
  /** @type {MediaResponse} */
  const { media } = await call('POST', '/media', { bundle, urls })
  return media.map(({ url }) => url)
}

/** @param {string} bundle */
export const forgetBundle = (bundle) => call('DELETE', `/grants/${bundle}`)

export const disconnect = () => call('DELETE', '/grants')

/** @param {{ all: boolean }} where `all` ends every session of this user, on every device */
export const logOut = ({ all }) => call('DELETE', all ? '/session?all=true' : '/session')

/**
 * Where a top-level navigation asks for consent.
 *
 * @param {string} bundle
 * @returns {string}
 */
export function connectUrl(bundle) {
  return `/connect?${new URLSearchParams({ bundle, return_to: '/' })}`
}

/**
 * @param {string} method
 * @param {string} path
 * @param {object} [body]
 */
async function call(method, path, body) {
  const response = await fetch(path, {
    method,
    headers: {
      'X-Requested-With': 'photos-token-broker',
      ...(body ? { 'Content-Type': 'application/json' } : {}),
    },
    ...(body ? { body: JSON.stringify(body) } : {}),
  })
  const text = await response.text()
  const answer = text === '' ? undefined : JSON.parse(text)
  if (response.ok) return answer
  throw new BrokerError(answer, Number(response.headers.get('Retry-After')) || undefined)
}
